"""Attack case 87: requests that never come whole, told by the protocol's own timers."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from grantory.http.server import (
    BODY_SECONDS,
    HEAD_SECONDS,
    KEEP_ALIVE_SECONDS,
    MAX_HEAD_BYTES,
    BoundedProtocol,
)
from tests.security.wire import platform_error, replies

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
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it."""
        if not self.closed:
            self.written += bytes(data)

    def close(self) -> None:
        """Note it."""
        self.closed = True

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
    """A protocol with an application that answers once the body is there."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.wire = Wire()
        self.served: list[str] = []
        config = uvicorn.Config(
            self._application,
            interface="asgi3",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        self.protocol = BoundedProtocol(config, ServerState(), {}, _loop=self.loop)  # type: ignore[arg-type]
        self.protocol.connection_made(self.wire)

    async def _application(self, scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive()).get("more_body"):
            pass
        if message["type"] == "http.disconnect":
            return
        self.served.append(scope["path"])
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})

    async def send(self, data: bytes) -> None:
        """Give the protocol bytes, and the application its turns."""
        if not self.wire.closed:
            self.protocol.data_received(data)
        for _ in range(5):
            await asyncio.sleep(0)

    def is_open(self) -> bool:
        """Whether the server has not closed it."""
        return not self.wire.closed

    def statuses(self) -> list[int]:
        """The statuses of what was answered."""
        return [reply.status for reply in replies(self.wire.written)]


@pytest.fixture
async def connection() -> Connection:
    """A connection that has just been made."""
    return Connection()


async def test_case_87_a_whole_request_is_served(connection: Connection) -> None:
    await connection.send(WHOLE)

    assert connection.statuses() == [200]
    connection.loop.advance(HEAD_SECONDS + BODY_SECONDS)
    assert connection.is_open()
    connection.loop.advance(KEEP_ALIVE_SECONDS)
    assert not connection.is_open()
    assert connection.statuses() == [200]


async def test_case_87_a_connection_that_says_nothing_is_closed(connection: Connection) -> None:
    connection.loop.advance(HEAD_SECONDS - 0.1)
    assert connection.is_open()
    connection.loop.advance(0.1)

    assert not connection.is_open()
    assert connection.statuses() == [408]


async def test_case_87_a_head_that_drips_is_408(connection: Connection) -> None:
    for byte in WHOLE[:-1]:
        await connection.send(bytes([byte]))
        connection.loop.advance(0.3)
        if connection.loop.now < HEAD_SECONDS - 1:
            assert not connection.wire.closed
    connection.loop.advance(3)

    reply = replies(connection.wire.written)[0]
    assert platform_error(reply)["code"] == "request.timeout"
    assert (reply.status, reply.headers["connection"]) == (408, "close")
    assert connection.wire.closed
    assert not connection.served


async def test_case_87_the_head_after_a_first_request_may_not_drip(connection: Connection) -> None:
    await connection.send(WHOLE)
    for byte in WHOLE[:-1]:
        await connection.send(bytes([byte]))
        connection.loop.advance(1)

    assert connection.statuses() == [200, 408]
    assert connection.wire.closed
    assert connection.served == ["/"]


@pytest.mark.parametrize("start", [POST, CHUNKED])
async def test_case_87_a_body_that_drips_is_408(connection: Connection, start: bytes) -> None:
    await connection.send(start)
    piece = b"a" if start == POST else b"1\r\na\r\n"
    for _ in range(9):
        await connection.send(piece)
        connection.loop.advance(BODY_SECONDS / 9 + 0.1)

    assert connection.statuses() == [408]
    assert connection.wire.closed
    assert not connection.served


async def test_case_87_trailers_that_drip_are_408(connection: Connection) -> None:
    await connection.send(CHUNKED + b"1\r\na\r\n0\r\n")
    for number in range(40):
        await connection.send(b"X-%d: a\r\n" % number)
        connection.loop.advance(1)

    assert connection.statuses() == [408]
    assert connection.wire.closed


async def test_case_87_a_large_head_in_small_pieces_is_431(connection: Connection) -> None:
    await connection.send(b"GET / HTTP/1.1\r\nX: ")
    sent = 0
    while not connection.wire.closed and sent < 10 * MAX_HEAD_BYTES:
        await connection.send(b"a" * 1000)
        sent += 1000

    assert connection.statuses() == [431]
    assert sent <= MAX_HEAD_BYTES + 1000
    assert not connection.served


@pytest.mark.parametrize("size", [1000, 70_000, 1_000_000])
async def test_case_87_a_large_body_is_not_taken_for_a_head(
    connection: Connection, size: int
) -> None:
    head = POST.replace(b"10", b"%d" % size)
    await connection.send(head + b"a" * size)
    await connection.send(head)
    for start in range(0, size, 50_000):
        await connection.send(b"a" * min(50_000, size - start))

    assert connection.statuses() == [200, 200]
    assert not connection.wire.closed


async def test_case_87_trailers_are_not_gathered(connection: Connection) -> None:
    await connection.send(CHUNKED + b"1\r\na\r\n0\r\n")
    sent = 0
    while not connection.wire.closed and sent < 10 * MAX_HEAD_BYTES:
        await connection.send(b"X-A: bbbbbbbb\r\n" * 100)
        sent += 1500

    assert connection.statuses() == [431]
    assert sent <= MAX_HEAD_BYTES + 1500
    assert not connection.served


@pytest.mark.parametrize("late", range(5))
async def test_case_87_a_body_keeps_its_length_whatever_it_holds(
    connection: Connection, late: int
) -> None:
    """Where the end of a head comes in two pieces, a body must not be changed for a head."""
    inner = b"GET /one HTTP/1.1\r\nHost: a\r\n\r\n"
    assert len(inner) % 2 == 0
    body = b"a" + b"\r\nUpgrade: x" * (len(inner) // 2) + b"\r\n\r\n" + inner
    head = POST.replace(b"10", b"%d" % len(body))
    start, rest = head[: len(head) - late], head[len(head) - late :]

    await connection.send(start)
    await connection.send(rest + body)
    await connection.send(WHOLE)

    assert connection.statuses() == [200, 200]
    assert connection.served == ["/", "/"]


async def test_case_87_requests_wait_for_their_turn(connection: Connection) -> None:
    """Whoever sends many at once is read no further until they are answered."""
    connection.protocol.data_received(WHOLE * 50)
    assert not connection.wire.reading
    for _ in range(500):
        await asyncio.sleep(0)

    assert connection.statuses() == [200] * 50
    assert connection.wire.reading


async def test_case_87_a_refusal_does_not_fall_into_another_answer() -> None:
    """Nothing is written into the middle of an answer that has begun."""
    connection = Connection()
    begun = asyncio.Event()

    async def slow(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok", "more_body": True})
        begun.set()
        await asyncio.Event().wait()

    connection.protocol.app = slow
    await connection.send(WHOLE)
    await begun.wait()
    await connection.send(b"GARBAGE\r\n\r\n")

    assert connection.wire.closed
    assert connection.wire.written.count(b"HTTP/1.1") == 1
    assert connection.wire.written.endswith(b"ok")
    for task in connection.protocol.tasks:
        task.cancel()
    await asyncio.gather(*connection.protocol.tasks, return_exceptions=True)


async def test_case_87_http_0_9_is_refused(connection: Connection) -> None:
    await connection.send(b"GET /\r\nHost: a\r\n\r\n")

    assert connection.statuses() == [400]
    assert not connection.served
