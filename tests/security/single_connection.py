"""The protocol of one connection, on a transport and timers that a test has in hand."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from grantory.http.admission import Admission
from grantory.http.connection import BoundedProtocol
from grantory.http.pacing import MOST_AT_ONCE, Connections
from grantory.http.turns import Turns
from tests.security.wire import replies

WHOLE = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


class Timer:
    """A call that a loop was asked to make later."""

    def __init__(self, at: float, work: Callable[..., Any]) -> None:
        self.at = at
        self.work = work
        self.cancelled = False

    def cancel(self) -> None:
        """It shall not be made."""
        self.cancelled = True


class Loop:
    """The running event loop, with timers that go off when the test says so."""

    def __init__(self) -> None:
        self._real = asyncio.get_running_loop()
        self.now = 0.0
        self.timers: list[Timer] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def time(self) -> float:
        """The time of the timers."""
        return self.now

    def call_later(self, seconds: float, work: Callable[..., Any]) -> Timer:
        """Note a call."""
        timer = Timer(self.now + seconds, work)
        self.timers.append(timer)
        return timer

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        for timer in [t for t in self.timers if t.at <= self.now and not t.cancelled]:
            timer.cancelled = True
            timer.work()


class Wire(asyncio.Transport):
    """A connection that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.aborted = False
        self.reading = True
        self.unread = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        if not self.closed:
            self.written += bytes(data)

    def close(self) -> None:
        """Note it."""
        self.closed = True

    def abort(self) -> None:
        """Note it."""
        self.closed = self.aborted = True

    def get_write_buffer_size(self) -> int:
        """How much the test says was not read yet."""
        return self.unread

    def is_closing(self) -> bool:
        """Tell it."""
        return self.closed

    def pause_reading(self) -> None:
        """Note it."""
        self.reading = False

    def resume_reading(self) -> None:
        """Note it."""
        self.reading = True


class Connection:
    """A protocol with an application that begins to answer once the body is there.

    ``taking`` is one that takes exchanges, to be there in its place.
    """

    def __init__(self, taking: Any = None) -> None:
        self.loop = Loop()
        self.wire = Wire()
        self.served: list[str] = []
        self.bodies: list[bytes] = []
        self.refused: list[int] = []
        self.counted: list[tuple[str, int, str]] = []
        """Method, status and reason of each that was refused early."""
        self.room = 1_000
        """How many changes are taken."""
        self.may_read_metrics = True
        """Whether it comes from where metrics may be read."""
        self.going_on = asyncio.Event()
        """Cleared, it keeps the application from answering."""
        self.going_on.set()
        self.turns = Turns()
        self.admission = Admission(self.refused.append, lambda: self.room, self.turns)
        self.application: Any = self._answer
        """What answers; a test may put another in its place."""
        shared = Connections(
            taking or self._serve,
            self.admission,
            self.turns,
            self._refuse,
            lambda _address: self.may_read_metrics,
        )
        self.protocol = BoundedProtocol(shared, cast(asyncio.AbstractEventLoop, self.loop))
        self.protocol.connection_made(self.wire)

    def _refuse(self, *refusal: Any) -> None:
        self.counted.append(refusal)

    async def _serve(self, scope: Any, receive: Any, send: Any) -> None:
        await self.application(scope, receive, send)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        if message["type"] == "http.disconnect":
            return
        self.bodies.append(body + message["body"])
        self.served.append(scope["path"])
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"o", "more_body": True})
        await self.going_on.wait()
        await send({"type": "http.response.body", "body": b"k"})

    async def send(self, data: bytes) -> None:
        """Give the protocol bytes, and the application its turns."""
        if data and not self.wire.closed:
            self.protocol.data_received(data)
        for _ in range(5 + len(data) // MOST_AT_ONCE):
            await asyncio.sleep(0)

    def use_up_the_turn(self) -> None:
        """As if so many others had come before that all must wait for the next turn."""
        while self.turns.takes():
            pass

    @property
    def is_in_line(self) -> bool:
        """Whether what it has sent waits for a later turn."""
        return self.protocol._is_in_line

    def is_open(self) -> bool:
        """Whether the server has not closed it."""
        return not self.wire.closed

    def statuses(self) -> list[int]:
        """The statuses of what was answered."""
        return [reply.status for reply in replies(self.wire.written)]
