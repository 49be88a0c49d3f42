"""Log lines about the server itself: starts, stops, warnings and failures."""

import logging
import sys
import traceback
from datetime import UTC, datetime

import msgspec

from grantory.observability.log_writer import LogStream


class EventLog:
    """Writes events as JSON lines, each with its level, its time (UTC) and fields of its own."""

    def __init__(self) -> None:
        self.stream: LogStream | None = None
        """Where lines go; standard error while None."""

    def info(self, event: str, **fields: object) -> None:
        """Tells what happened as it should."""
        self._write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Tells what somebody should look at."""
        self._write("warning", event, fields)

    def error(self, event: str, *, exc_info: BaseException | None = None, **fields: object) -> None:
        """Tells what failed.

        Args:
            event: in a few words.
            exc_info: whose trace is written, too.
            fields: what belongs to it.
        """
        if exc_info is not None:
            fields["exception"] = "".join(traceback.format_exception(exc_info)).rstrip()
        self._write("error", event, fields)

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        time = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        line = {**fields, "level": level, "time": time, "event": event}
        stream = self.stream or sys.stderr
        stream.write(msgspec.json.encode(line, enc_hook=str).decode() + "\n")
        stream.flush()


_LOG = EventLog()


def set_up_logging(stream: LogStream) -> None:
    """Names where events go, and silences the loggers of libraries below warning.

    Args:
        stream: where lines go.
    """
    _LOG.stream = stream
    # It tells of its start and its end, which the server tells by itself.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    # It writes whole assertions, when it is asked for all that it does.
    logging.getLogger("signxml").setLevel(logging.WARNING)
    logging.basicConfig(stream=stream, level=logging.WARNING, format="%(name)s: %(message)s")


def log() -> EventLog:
    """Returns the logger of the server's own events."""
    return _LOG
