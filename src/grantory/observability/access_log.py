"""One structured line per request.

Lines are gathered during one turn of the event loop and written together.
"""

import asyncio
import json
from datetime import UTC, datetime

import msgspec

from grantory.observability.log_writer import LogStream
from grantory.ports.request_line import RequestLine
from grantory.ports.runtime import Clock


class AccessLog:
    """Writes request lines as JSON.

    Args:
        stream: where the lines go.
        clock: for the time in each line.
    """

    def __init__(self, stream: LogStream, clock: Clock) -> None:
        self._stream = stream
        self._clock = clock
        self._waiting: list[RequestLine] = []
        self._encode = msgspec.json.Encoder().encode_lines
        self._second = -1
        self._second_text = ""
        self._told = -1
        self._told_text = ""

    def write(self, line: RequestLine) -> None:
        """Adds a line, to be changed no more; it is written when this turn of the loop ends."""
        line.time = self._now()
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self.flush)
        self._waiting.append(line)

    def flush(self) -> None:
        """Writes what waits."""
        if self._waiting:
            lines, self._waiting = self._waiting, []
            try:
                text = self._encode(lines).decode()
            except UnicodeEncodeError:  # a text that is none in one line must not cost the others
                text = "".join(f"{json.dumps(msgspec.to_builtins(line))}\n" for line in lines)
            self._stream.write(text)
            self._stream.flush()

    def _now(self) -> str:
        now = self._clock.now_ms()
        if now == self._told:  # requests of one turn often end in the same millisecond
            return self._told_text
        if now // 1000 != self._second:
            self._second = now // 1000
            moment = datetime.fromtimestamp(self._second, UTC)
            self._second_text = moment.strftime("%Y-%m-%dT%H:%M:%S")
        self._told, self._told_text = now, f"{self._second_text}.{now % 1000:03d}Z"
        return self._told_text
