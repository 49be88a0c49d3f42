"""What an application may send as an answer, and what goes out on the connection."""

import asyncio
from typing import Any

import pytest

from grantory.http.response import BrokenOff
from tests.security.single_connection import POST, WHOLE, Connection
from tests.security.wire import platform_error, replies

GONE = "http.disconnect"


@pytest.fixture
async def connection() -> Connection:
    """A connection whose application a test puts in."""
    return Connection()


def answering(*messages: dict[str, Any]) -> Any:
    """An application that sends some messages, whatever it is asked for."""

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        for message in messages:
            await send(dict(message))

    return application


def start(status: int = 200, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """The beginning of an answer."""
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def part(body: bytes, *, more: bool = False) -> dict[str, Any]:
    """A part of its body."""
    return {"type": "http.response.body", "body": body, "more_body": more}


def length(size: int) -> tuple[bytes, bytes]:
    """A told length."""
    return b"content-length", b"%d" % size


async def test_a_body_without_a_length_is_sent_in_chunks(connection: Connection) -> None:
    connection.application = answering(
        start(), part(b"one", more=True), part(b"", more=True), part(b"two")
    )
    await connection.send(WHOLE)

    head, _, body = connection.wire.written.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in head.split(b"\r\n")
    assert body == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
    assert connection.is_open()


async def test_http_1_0_is_sent_no_chunks(connection: Connection) -> None:
    """It does not know them (RFC 9112 section 6.1): its end is the end of the connection."""
    connection.application = answering(start(), part(b"one", more=True), part(b"two"))
    await connection.send(b"GET / HTTP/1.0\r\n\r\n")

    head, _, body = connection.wire.written.partition(b"\r\n\r\n")
    assert b"chunked" not in head
    assert (body, connection.is_open()) == (b"onetwo", False)


@pytest.mark.parametrize("status", [204, 304])
async def test_what_has_no_body_tells_no_length(connection: Connection, status: int) -> None:
    connection.application = answering(start(status), part(b""))
    await connection.send(WHOLE)

    assert connection.wire.written.startswith(b"HTTP/1.1 %d " % status)
    assert b"chunked" not in connection.wire.written
    assert connection.wire.written.endswith(b"\r\n\r\n")
    assert connection.is_open()


async def test_head_is_told_the_length_and_sent_nothing(connection: Connection) -> None:
    connection.application = answering(start(200, length(3)), part(b"one"))
    await connection.send(WHOLE.replace(b"GET", b"HEAD"))

    assert b"content-length: 3\r\n" in connection.wire.written
    assert connection.wire.written.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "header",
    [
        (b"location", b"/a\r\nset-cookie: b=c"),
        (b"location", b"/a\nset-cookie: b=c"),
        (b"location", b"/a\rset-cookie: b=c"),
        (b"location", b"/a\0"),
        (b"x\r\nset-cookie: b=c\r\ny", b"z"),
    ],
)
async def test_no_header_becomes_two(
    connection: Connection, header: tuple[bytes, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    connection.application = answering(start(302, header, length(0)), part(b""))
    await connection.send(WHOLE)

    (reply,) = replies(connection.wire.written)
    assert reply.status == 500
    assert "set-cookie" not in reply.headers
    assert not connection.is_open()
    assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [part(b"")],
        [start(200, length(2)), start()],
        [start(200, length(2))],
    ],
)
async def test_an_application_that_has_not_begun_its_answer_has_failed(
    connection: Connection, messages: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    connection.application = answering(*messages)
    await connection.send(WHOLE)

    assert connection.statuses() == [500]
    assert not connection.is_open()
    assert [record.name for record in caplog.records] == ["grantory.http"]


@pytest.mark.parametrize("body", [b"a", b"abc"])
async def test_a_body_of_another_length_is_not_sent(
    connection: Connection, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    connection.application = answering(start(200, length(2)), part(body))
    await connection.send(WHOLE)
    assert connection.statuses() == [500]

    other = Connection()
    other.application = answering(start(200, length(2)), part(b"a", more=True), part(body[1:] * 2))
    await other.send(WHOLE)
    assert other.wire.written.endswith(b"\r\n\r\na")
    assert (connection.is_open(), other.is_open()) == (False, False)
    assert [record.name for record in caplog.records] == ["grantory.http"] * 2


async def test_an_answer_that_is_broken_off_ends_the_connection_without_a_trace(
    connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    async def breaks_off(_scope: Any, _receive: Any, send: Any) -> None:
        await send(start())
        await send(part(b"half", more=True))
        raise BrokenOff("the reader stalled")

    connection.application = breaks_off
    await connection.send(WHOLE)

    assert not connection.is_open()
    assert not connection.wire.written.endswith(b"0\r\n\r\n")
    assert caplog.records == []


async def test_names_that_sdks_look_up_letter_by_letter_are_spelled_for_them(
    connection: Connection,
) -> None:
    headers = ((b"inin-correlation-id", b"a"), (b"retry-after", b"1"), length(0))
    connection.application = answering(start(429, *headers), part(b""))
    await connection.send(WHOLE)

    assert b"\r\nININ-Correlation-Id: a\r\n" in connection.wire.written
    assert b"\r\nRetry-After: 1\r\n" in connection.wire.written


async def test_a_body_is_asked_for_where_the_client_waits_for_that(connection: Connection) -> None:
    waiting = POST.replace(b"Host: a", b"Host: a\r\nExpect: 100-continue")
    await connection.send(waiting)
    assert connection.wire.written == b"HTTP/1.1 100 Continue\r\n\r\n"
    await connection.send(b"a" * 10)

    assert connection.bodies == [b"a" * 10]
    assert connection.wire.written.count(b"100 Continue") == 1


async def test_a_body_that_was_not_asked_for_is_not_waited_for(connection: Connection) -> None:
    """Whoever is answered without may leave it out, and what comes next would pass for it."""
    connection.application = answering(start(401, length(0)), part(b""))
    await connection.send(POST.replace(b"Host: a", b"Host: a\r\nExpect: 100-continue"))

    (reply,) = replies(connection.wire.written)
    assert (reply.status, reply.headers["connection"]) == (401, "close")
    assert not connection.is_open()


async def test_http_1_0_is_not_asked_for_a_body(connection: Connection) -> None:
    """It would take that for the answer (RFC 9110 section 10.1.1)."""
    old = POST.replace(b"HTTP/1.1", b"HTTP/1.0").replace(b"Host", b"Expect: 100-continue\r\nHost")
    await connection.send(old)
    assert connection.wire.written == b""
    await connection.send(b"a" * 10)
    assert connection.statuses() == [200]


@pytest.mark.parametrize("status", [204, 304])
async def test_what_may_have_no_body_has_none(
    connection: Connection, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    connection.application = answering(start(status, length(3)), part(b"one"))
    await connection.send(WHOLE)

    assert connection.statuses() == [500]
    assert len(caplog.records) == 1


async def test_a_body_may_come_in_any_pieces(connection: Connection) -> None:
    await connection.send(POST)
    for number in range(10):
        await connection.send(b"%d" % number)

    assert connection.bodies == [b"0123456789"]
    assert connection.statuses() == [200]


async def test_a_failure_is_told_as_each_endpoint_tells_it(
    connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    connection.application = answering()
    await connection.send(WHOLE)
    other = Connection()
    other.application = answering()
    await other.send(WHOLE.replace(b"GET /", b"GET /oauth/token"))
    behind = Connection()
    behind.application = answering()
    behind.protocol._shared.login_prefix = "/login"
    await behind.send(WHOLE.replace(b"GET /", b"GET /login/oauth/token"))

    (reply,), (oauth,) = replies(connection.wire.written), replies(other.wire.written)
    (prefixed,) = replies(behind.wire.written)
    assert platform_error(reply)["code"] == "internal.server.error"
    assert "error_description" in oauth.json()
    assert "error_description" in prefixed.json()
    assert len(caplog.records) == 3


async def test_whoever_reads_nothing_makes_the_answer_wait(connection: Connection) -> None:
    connection.protocol.pause_writing()
    await connection.send(WHOLE)
    assert connection.wire.written == b""

    connection.protocol.resume_writing()
    await connection.send(b"")
    assert connection.statuses() == [200]


async def test_an_application_hears_when_the_answer_was_the_last_word(
    connection: Connection,
) -> None:
    told: list[str] = []

    async def listens(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        end = asyncio.ensure_future(receive())
        await asyncio.sleep(0)
        await send(start(200, length(0)))
        await send(part(b""))
        told.append((await end)["type"])

    connection.application = listens
    await connection.send(WHOLE)
    await connection.send(b"")

    assert told == [GONE]


async def test_an_application_hears_whether_it_waited_for_the_body(connection: Connection) -> None:
    told: list[tuple[bytes, bool, bool]] = []

    async def listens(_scope: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            message = await receive()
            more = message["more_body"]
            told.append((message["body"], more, message["waited"]))
        await send(start(200, length(0)))
        await send(part(b""))

    connection.application = listens
    await connection.send(POST + b"0123456789")
    await connection.send(POST)
    await connection.send(b"01234")
    await connection.send(b"56789")

    at_once, *later = told
    assert at_once == (b"0123456789", False, False)
    assert b"".join(body for body, _, _ in later) == b"0123456789"
    assert later[-1][1:] == (False, True)
