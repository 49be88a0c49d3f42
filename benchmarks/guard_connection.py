"""What a request costs from the bytes that come in to those that go out.

Besides the application it counts the connection, its pace, its turns and what sends the answers:
all of Python that stands between the event loop and the application. The transport is none of the
system's, so that nothing is sent, and the event loop's own Python does not count: a server has
uvloop's.
"""

import asyncio
from typing import Final

from benchmarks.counting import Count, count_turns
from grantory.http.admission import Admission
from grantory.http.connection import BoundedProtocol
from grantory.http.exchange import Application
from grantory.http.pacing import Connections
from grantory.http.turns import Turns

DATE: Final = b"date: Sat, 31 Jan 2026 12:00:00 GMT\r\n"
"""As ``grantory serve`` has every answer begin."""
ROOM: Final = 1_000
GOOD: Final = b"HTTP/1.1 200 "


class Wire(asyncio.Transport):
    """The other end of a connection: keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keeps it."""
        self.written += bytes(data)

    def close(self) -> None:
        """Ends nothing, since there is nothing."""

    def is_closing(self) -> bool:
        """Tells that it goes on."""
        return False

    def get_write_buffer_size(self) -> int:
        """Tells that all was read."""
        return 0


class Connection:
    """One connection to an application, that stays open from request to request.

    Args:
        application: what answers.
    """

    def __init__(self, application: Application) -> None:
        turns = Turns()
        admission = Admission(lambda _: None, lambda: ROOM, turns)
        shared = Connections(
            application, admission, turns, lambda *_: None, lambda _: True, default_headers=DATE
        )
        self._wire = Wire()
        self._protocol = BoundedProtocol(shared)
        self._protocol.connection_made(self._wire)

    @property
    def answer(self) -> bytes:
        """What was written last."""
        return self._wire.written

    async def counted(self, request: bytes) -> Count:
        """Counts one request, up to where its answer is written.

        Args:
            request: all of it, as it comes in.

        Raises:
            RuntimeError: when it is not answered 200.
        """
        self._wire.written = b""
        found = await count_turns(
            lambda: self._protocol.data_received(request), lambda: bool(self._wire.written)
        )
        await asyncio.sleep(0)  # what is left of its last turn is not the next one's
        if not self._wire.written.startswith(GOOD):
            raise RuntimeError(f"{request[:80]!r} is answered {self._wire.written[:80]!r}")
        return found

    def end(self) -> None:
        """Stops its timers."""
        self._protocol.connection_lost(None)
