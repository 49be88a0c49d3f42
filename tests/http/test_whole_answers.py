"""Bodies that are there already, and answers that are whole: what goes without ASGI's messages."""

from collections.abc import Callable
from typing import Any

import pytest

from grantory.http.exchange import Exchange
from grantory.http.response import JSON, OAUTH_HEADERS
from tests.security.single_connection import CHUNKED, POST, WHOLE, Connection
from tests.security.wire import replies

BODY = b'{"a":1}'
LINES = b"ININ-Correlation-Id: 1\r\ninin-ratelimit-count: 2\r\n"


class Taking:
    """An application that is given the exchange; what it does with it, a test says."""

    def __init__(self, take: Callable[[Exchange], object]) -> None:
        self._take = take
        self.told: list[Any] = []

    async def take(self, exchange: Exchange) -> None:
        """Answers one request, by ASGI's messages where it was not answered at once."""
        self.told.append(self._take(exchange))
        if exchange.response_complete:
            return
        self.told.append(await exchange.receive())
        headers = [(b"content-length", b"4")]
        await exchange.send({"type": "http.response.start", "status": 200, "headers": headers})
        await exchange.send({"type": "http.response.body", "body": b"late"})


def answering(status: int, *headers: tuple[bytes, bytes], body: bytes = BODY) -> Taking:
    """Always says the same."""
    return Taking(lambda exchange: exchange.answer(status, headers, LINES, body))


@pytest.mark.parametrize("further", [{}, {"retry-after": "1"}])
async def test_it_is_one_write_with_its_length(further: dict[str, str]) -> None:
    more = [(name.encode(), value.encode()) for name, value in further.items()]
    application = answering(200, *OAUTH_HEADERS, *more)
    connection = Connection(application)
    await connection.send(WHOLE * 2)

    for reply in replies(connection.wire.written):
        assert (reply.status, reply.body) == (200, BODY)
        expected = {name.decode(): value.decode().lower() for name, value in OAUTH_HEADERS}
        expected |= {"inin-correlation-id": "1", "inin-ratelimit-count": "2"}
        expected |= {"content-length": str(len(BODY)), **further}
        assert {name: reply.headers[name] for name in expected} == expected
    assert application.told == [True, True]
    assert (b"Retry-After: 1\r\n" in connection.wire.written) is bool(further)
    assert connection.is_open()


async def test_head_and_204_get_no_body() -> None:
    connection = Connection(answering(200))
    await connection.send(WHOLE.replace(b"GET", b"HEAD"))
    assert b"content-length: %d\r\n" % len(BODY) in connection.wire.written
    assert connection.wire.written.endswith(b"\r\n\r\n")

    connection = Connection(answering(204, body=b""))
    await connection.send(WHOLE)
    assert b"content-length" not in connection.wire.written
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
    header: tuple[bytes, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    connection = Connection(answering(302, JSON, header))
    await connection.send(WHOLE)

    (reply,) = replies(connection.wire.written)
    assert reply.status == 500
    assert "set-cookie" not in reply.headers
    assert not connection.is_open()
    assert [record.levelname for record in caplog.records] == ["ERROR"]


@pytest.mark.parametrize("name", [b"connection", b"content-length", b"transfer-encoding"])
async def test_what_frames_an_answer_is_not_taken_as_a_header(name: bytes) -> None:
    application = answering(200, (name, b"7"))
    connection = Connection(application)
    await connection.send(WHOLE)

    (reply,) = replies(connection.wire.written)
    assert reply.body == b"late"
    assert application.told[0] is False


async def test_a_connection_that_is_to_end_says_so() -> None:
    connection = Connection(answering(200))
    await connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    (reply,) = replies(connection.wire.written)
    assert (reply.headers["connection"], reply.body) == ("close", BODY)
    assert not connection.is_open()


async def test_whoever_has_not_sent_the_body_it_was_not_asked_for_is_left() -> None:
    connection = Connection(answering(200))
    head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
    await connection.send(head)

    (reply,) = replies(connection.wire.written)
    assert (reply.headers["connection"], reply.body) == ("close", BODY)
    assert not connection.is_open()


async def test_it_waits_for_a_reader_who_takes_nothing() -> None:
    application = answering(200)
    connection = Connection(application)
    connection.protocol.pause_writing()
    await connection.send(WHOLE)
    assert application.told[0] is False
    assert connection.wire.written == b""

    connection.protocol.resume_writing()
    await connection.send(b"")
    (reply,) = replies(connection.wire.written)
    assert reply.body == b"late"


async def test_nothing_is_sent_to_whoever_is_gone_and_nothing_twice() -> None:
    def gone(exchange: Exchange) -> bool:
        exchange.leave()
        return exchange.answer(200, (), b"", BODY)

    def twice(exchange: Exchange) -> list[bool]:
        return [exchange.answer(200, (), b"", BODY), exchange.answer(200, (), b"", BODY)]

    application = Taking(gone)
    connection = Connection(application)
    await connection.send(WHOLE)
    assert application.told == [False, {"type": "http.disconnect"}]
    assert connection.wire.written == b""

    application = Taking(twice)
    connection = Connection(application)
    await connection.send(WHOLE)
    assert application.told == [[True, False]]
    assert len(replies(connection.wire.written)) == 1


async def test_a_body_is_taken_once_and_whole_or_not_at_all() -> None:
    def take(exchange: Exchange) -> bytes | None:
        body = exchange.whole_body()
        again = exchange.whole_body()
        assert again is None
        if body is not None:
            assert exchange.answer(200, (), b"", body)
        return body

    application = Taking(take)
    connection = Connection(application)
    await connection.send(POST + b"0123456789")
    await connection.send(CHUNKED + b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    assert application.told == [b"0123456789", b"onetwo"]

    await connection.send(POST + b"01234")
    await connection.send(b"56789")
    assert application.told[2] is None
    assert application.told[3]["body"] == b"01234"
    assert [reply.body for reply in replies(connection.wire.written)] == [
        b"0123456789",
        b"onetwo",
        b"late",
    ]
