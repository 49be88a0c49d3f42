"""Attack case 87: requests that never come whole, told by the protocol's own timers."""

import asyncio
from typing import Any

import pytest

from grantory.http.connection import BODY_SECONDS, HEAD_SECONDS, MAX_HEAD_BYTES
from grantory.http.pacing import KEEP_ALIVE_SECONDS, UNREAD_SECONDS
from tests.security.single_connection import CHUNKED, POST, WHOLE, Connection
from tests.security.wire import platform_error, replies


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


@pytest.mark.parametrize("begun", [False, True])
async def test_case_87_a_refusal_waits_for_the_answers_before_it(
    connection: Connection, begun: bool
) -> None:
    """What was asked for whole is done and answered; what cannot be read comes after it."""
    connection.going_on.clear()
    if begun:
        await connection.send(WHOLE)
    else:
        connection.protocol.data_received(WHOLE)
    await connection.send(WHOLE + b"GARBAGE\r\n\r\n" + WHOLE)
    assert connection.is_open()

    connection.going_on.set()
    await connection.send(b"")
    await connection.send(b"")
    assert connection.statuses() == [200, 200, 400]
    assert not connection.is_open()
    assert len(connection.served) == 2


async def test_case_87_bytes_behind_a_change_do_not_hide_that_it_was_made(
    connection: Connection,
) -> None:
    stray = b"DELETE /x HTTP/1.1\r\nHost: a\r\n\r\n{}"
    await connection.send(stray)

    assert connection.served == ["/x"]
    assert connection.statuses() == [200, 400]


async def test_case_87_a_body_that_breaks_is_not_taken_for_a_whole_one(
    connection: Connection,
) -> None:
    connection.going_on.clear()
    await connection.send(WHOLE + CHUNKED + b"ZZ\r\n")
    connection.going_on.set()
    await connection.send(b"")

    assert connection.statuses() == [200, 400]
    assert connection.served == ["/"]


async def test_case_87_a_body_in_large_pieces_may_not_drip_either(connection: Connection) -> None:
    await connection.send(CHUNKED)
    piece = b"2000\r\n" + b"a" * 0x2000 + b"\r\n"
    for _ in range(5):
        connection.loop.advance(BODY_SECONDS / 4)
        await connection.send(piece)

    assert connection.statuses() == [408]
    assert not connection.is_open()


async def test_case_87_a_head_in_large_pieces_may_not_drip_either(connection: Connection) -> None:
    await connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
    for number in range(5):
        connection.loop.advance(HEAD_SECONDS / 4)
        await connection.send(b"X-%d: " % number + b"a" * 5_000 + b"\r\n")

    assert connection.statuses() == [408]
    assert not connection.is_open()


async def test_case_87_who_reads_no_answers_is_cut(connection: Connection) -> None:
    await connection.send(WHOLE)
    connection.wire.unread = 100_000
    connection.protocol.pause_writing()
    connection.loop.advance(UNREAD_SECONDS - 1)
    connection.protocol.resume_writing()
    connection.loop.advance(UNREAD_SECONDS)
    assert connection.is_open()

    connection.protocol.pause_writing()
    connection.loop.advance(UNREAD_SECONDS)
    assert connection.wire.aborted


@pytest.mark.parametrize("ending", ["Connection: close\r\n\r\n", "\r\n", "Bad\r\n\r\n"])
async def test_case_87_a_closed_connection_does_not_stay_for_want_of_a_reader(
    connection: Connection, ending: str
) -> None:
    connection.wire.unread = 100
    await connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n" + ending.encode())
    if connection.is_open():
        connection.loop.advance(KEEP_ALIVE_SECONDS)
    assert (connection.is_open(), connection.wire.aborted) == (False, False)
    connection.loop.advance(UNREAD_SECONDS)
    assert connection.wire.aborted


async def test_case_87_what_one_connection_makes_the_server_keep_is_bounded(
    connection: Connection,
) -> None:
    """Requests whose handlers wait after they have read their body, faster than answers."""
    request = POST.replace(b"10", b"5") + b"aaaaa"
    connection.going_on.clear()
    most = 0
    for _ in range(200):
        # The system hands over what has come, as long as it is asked to.
        if connection.wire.reading:
            connection.protocol.data_received(request * 1_000)
        connection.going_on.set()
        await asyncio.sleep(0)
        connection.going_on.clear()
        await asyncio.sleep(0)
        held = len(connection.protocol._held) + len(request) * len(connection.protocol._waiting)
        most = max(most, held)

    assert connection.served
    assert most <= 2 * len(request) * 1_000
    connection.going_on.set()
    connection.protocol.connection_lost(None)


async def test_case_87_whoever_left_is_not_waited_for(connection: Connection) -> None:
    told = []

    async def waits(_scope: Any, receive: Any, _send: Any) -> None:
        await receive()
        told.append((await receive())["type"])

    connection.application = waits
    await connection.send(WHOLE + WHOLE)
    connection.protocol.connection_lost(None)
    await connection.send(b"")

    assert told == ["http.disconnect"]


async def test_case_87_http_0_9_is_refused(connection: Connection) -> None:
    await connection.send(b"GET /\r\nHost: a\r\n\r\n")

    assert connection.statuses() == [400]
    assert not connection.served


async def answers_at_once(_scope: Any, _receive: Any, send: Any) -> None:
    """An application that does not wait for the body."""
    headers = [(b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body"})


async def test_case_87_a_body_behind_its_answer_leaves_a_connection_that_ends(
    connection: Connection,
) -> None:
    connection.application = answers_at_once
    await connection.send(POST)
    assert connection.statuses() == [413]
    await connection.send(b"a" * 10)
    connection.loop.advance(KEEP_ALIVE_SECONDS - 1)
    assert connection.is_open()
    connection.loop.advance(1)
    assert not connection.is_open()


async def test_case_87_a_body_behind_its_answer_may_not_drip(connection: Connection) -> None:
    connection.application = answers_at_once
    await connection.send(POST + b"a")
    connection.loop.advance(BODY_SECONDS)

    assert connection.statuses() == [413]
    assert not connection.is_open()


async def test_case_87_what_follows_such_a_body_is_read_as_it_is(connection: Connection) -> None:
    connection.application = answers_at_once
    await connection.send(POST)
    await connection.send(b"a" * 10 + b"GARBAGE\r\n\r\n")

    assert connection.statuses() == [413, 400]
    assert not connection.is_open()


async def test_case_87_a_head_behind_another_request_may_not_drip(connection: Connection) -> None:
    await connection.send(WHOLE + WHOLE[:9])
    connection.loop.advance(HEAD_SECONDS)

    assert connection.statuses() == [200, 408]
    assert not connection.is_open()


async def test_case_87_a_large_head_is_not_passed_over(connection: Connection) -> None:
    """What stands behind it must not be answered in its place."""
    large = WHOLE.replace(b"Host", b"X: " + b"a" * MAX_HEAD_BYTES + b"\r\nHost")
    await connection.send(large + WHOLE.replace(b"GET /", b"GET /second"))

    assert connection.statuses() == [431]
    assert not connection.served
    assert not connection.is_open()


async def test_case_87_nothing_follows_the_last_words(connection: Connection) -> None:
    """The application may still be at work when a body was too slow."""
    told = []

    async def works(_scope: Any, receive: Any, send: Any) -> None:
        message = await receive()
        while message.get("more_body"):
            message = await receive()
        told.append(message["type"])
        await answers_at_once(_scope, receive, send)

    connection.application = works
    await connection.send(POST + b"a")
    connection.loop.advance(BODY_SECONDS)
    connection.wire.closed = False  # the system takes on what was written before the end
    await connection.send(b"")

    assert connection.statuses() == [408]
    assert told == ["http.disconnect"]
