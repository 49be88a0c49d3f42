"""What becomes of a connection whose request was refused for want of time, timers included."""

import asyncio

import pytest

from grantory.http import admission
from grantory.http.connection import BODY_SECONDS, HEAD_SECONDS
from grantory.http.pacing import KEEP_ALIVE_SECONDS, MOST_AT_ONCE
from grantory.http.turns import MOST_URGENT
from tests.security.shedding import LAST, REQUESTS
from tests.security.single_connection import CHUNKED, POST, WHOLE, Connection
from tests.security.wire import platform_error, replies

CHANGE = POST + b"a" * 10


@pytest.fixture
async def connection() -> Connection:
    """A connection to a server whose store has no room for a change."""
    made = Connection()
    made.room = 0
    return made


async def test_a_shed_request_leaves_a_connection_that_is_closed_in_time(
    connection: Connection,
) -> None:
    await connection.send(CHANGE)
    assert connection.statuses() == [503]
    connection.loop.advance(KEEP_ALIVE_SECONDS - 1)
    assert connection.is_open()

    connection.room = 1
    await connection.send(CHANGE)
    assert connection.statuses() == [503, 200]
    connection.loop.advance(KEEP_ALIVE_SECONDS - 1)
    assert connection.is_open()

    connection.room = 0
    await connection.send(CHANGE)
    connection.loop.advance(KEEP_ALIVE_SECONDS - 1)
    assert connection.is_open()
    connection.loop.advance(1)
    assert not connection.is_open()
    assert connection.statuses() == [503, 200, 503]


async def test_what_is_not_looked_at_in_this_turn_is_in_the_next(connection: Connection) -> None:
    connection.use_up_the_turn()
    connection.protocol.data_received(WHOLE[:9])
    connection.protocol.data_received(WHOLE[9:])
    paused = not connection.wire.reading

    await connection.send(b"")
    assert (paused, connection.wire.reading) == (True, True)
    assert connection.statuses() == [200]


@pytest.mark.parametrize("behind", [WHOLE, LAST])
async def test_nothing_passes_the_line_behind_a_question_of_health(
    connection: Connection, behind: bytes
) -> None:
    connection.use_up_the_turn()
    connection.protocol.data_received(LAST.replace(b"close", b"keep-alive") + behind)

    assert connection.is_in_line


async def test_a_flood_of_questions_of_health_stands_in_line_too(connection: Connection) -> None:
    connection.use_up_the_turn()
    for _ in range(MOST_URGENT):
        assert connection.turns.takes_urgent()
    connection.protocol.data_received(LAST)
    is_in_line = connection.is_in_line
    await connection.send(b"")

    assert (is_in_line, connection.statuses()) == (True, [200])


async def test_who_asks_how_the_server_is_does_not_stand_in_line(connection: Connection) -> None:
    connection.use_up_the_turn()
    connection.protocol.data_received(LAST)
    is_in_line = connection.is_in_line
    await connection.send(b"")

    assert (connection.statuses(), is_in_line) == ([200], False)


async def test_a_connection_may_be_lost_while_it_stands_in_line(connection: Connection) -> None:
    connection.use_up_the_turn()
    connection.protocol.data_received(WHOLE)
    connection.protocol.data_received(WHOLE)
    connection.wire.close()
    connection.protocol.connection_lost(None)
    for _ in range(5):
        await asyncio.sleep(0)

    assert not connection.wire.reading
    assert not connection.served


async def test_a_server_that_ends_answers_what_stands_in_line(connection: Connection) -> None:
    connection.use_up_the_turn()
    connection.protocol.data_received(WHOLE)
    connection.protocol.shutdown()
    for _ in range(5):
        await asyncio.sleep(0)

    assert connection.statuses() == [200]
    assert not connection.is_open()


async def test_requests_in_one_piece_count_each_and_more_than_a_turn_takes_waits(
    connection: Connection,
) -> None:
    at_once = MOST_AT_ONCE // len(WHOLE)
    connection.protocol.data_received(WHOLE * 4 * at_once)
    other_takes = connection.turns.takes()
    was_reading = connection.wire.reading
    for _ in range(20 * at_once):
        await asyncio.sleep(0)

    assert (other_takes, was_reading, connection.wire.reading) == (False, False, True)
    assert connection.statuses() == [200] * 4 * at_once


async def test_a_large_body_in_one_piece_arrives_whole(connection: Connection) -> None:
    body = bytes(range(256)) * 300
    connection.room = 1
    start = POST.replace(b": 10", b": %d" % len(body))
    connection.protocol.data_received(start + body + WHOLE)
    for _ in range(200):
        await asyncio.sleep(0)

    assert connection.statuses() == [200, 200]
    assert connection.bodies == [body, b""]
    connection.loop.advance(KEEP_ALIVE_SECONDS)
    assert not connection.is_open()


async def test_while_a_piece_waits_for_its_turn_no_time_runs_against_it(
    connection: Connection,
) -> None:
    connection.room = 1
    start = POST.replace(b": 10", b": %d" % (3 * MOST_AT_ONCE))
    connection.protocol.data_received(start + b"a" * 2 * MOST_AT_ONCE)
    connection.loop.advance(BODY_SECONDS + 1)
    is_open = connection.is_open()
    await connection.send(b"")
    connection.loop.advance(BODY_SECONDS)

    assert (is_open, connection.is_open()) == (True, False)
    assert connection.statuses() == [408]


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("size", [1, 2, 7, 64])
async def test_a_shed_request_may_come_in_any_pieces(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, name: str, size: int
) -> None:
    monkeypatch.setattr(admission, "LEAST_WAITING", 0)
    monkeypatch.setattr(admission, "LONGEST_WAIT", 0.0)
    request = REQUESTS[name] + LAST
    cut = min(len(request), 600)
    for at in range(0, cut, size):
        await connection.send(request[at : min(at + size, cut)])
    await connection.send(request[cut:])

    # An upgrade of which the whole name was not seen at once ends the connection instead.
    first, *rest = connection.statuses()
    assert (first, rest) in ((503, [200]), (400, []))
    assert first == 503 or name == "an upgrade"
    assert connection.served == ["/health/live"] * len(rest)


async def test_a_slow_answer_is_not_cut_by_a_refusal_before_it(connection: Connection) -> None:
    connection.going_on.clear()
    await connection.send(CHANGE + WHOLE)
    connection.loop.advance(KEEP_ALIVE_SECONDS + 1)
    assert connection.is_open()

    connection.going_on.set()
    await connection.send(b"")
    assert connection.statuses() == [503, 200]


@pytest.mark.parametrize("start", [POST, CHUNKED])
async def test_the_body_of_a_shed_request_has_its_time(
    connection: Connection, start: bytes
) -> None:
    await connection.send(start)
    connection.loop.advance(BODY_SECONDS - 1)
    assert connection.is_open()
    assert not connection.wire.written
    connection.loop.advance(1)

    assert connection.statuses() == [408]
    assert not connection.is_open()


async def test_the_head_after_a_shed_request_has_its_time(connection: Connection) -> None:
    await connection.send(CHANGE)
    await connection.send(WHOLE[:-1])
    connection.loop.advance(HEAD_SECONDS)

    assert connection.statuses() == [503, 408]
    assert not connection.is_open()


@pytest.mark.parametrize("start", [POST, CHUNKED])
async def test_a_server_that_ends_answers_the_shed_request(
    connection: Connection, start: bytes
) -> None:
    await connection.send(start + b"1\r\n")
    connection.protocol.shutdown()

    (reply,) = replies(connection.wire.written)
    assert platform_error(reply)["code"] == "service.unavailable"
    assert reply.headers["connection"] == "close"
    assert not connection.is_open()
    # What was on its way does no harm any more.
    connection.protocol.data_received(b"aaaaaaaa" + CHANGE)
    assert connection.statuses() == [503]


async def test_what_follows_the_last_request_of_a_connection_is_not_served(
    connection: Connection,
) -> None:
    last = CHANGE.replace(b"Host: a", b"Host: a\r\nConnection: close")
    await connection.send(last + WHOLE)

    assert connection.statuses() == [503]
    assert not connection.is_open()
    assert not connection.served


async def test_requests_that_wait_are_refused_when_their_turn_comes(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.going_on.clear()
    connection.room = 10
    health = WHOLE.replace(b"GET /", b"GET /health/live")
    await connection.send(WHOLE + CHANGE * 2 + health + WHOLE.replace(b"GET", b"HEAD") + WHOLE)
    assert connection.served == ["/"]
    monkeypatch.setattr(admission, "LEAST_WAITING", 0)
    monkeypatch.setattr(admission, "LONGEST_WAIT", 0.0)
    connection.going_on.set()
    for _ in range(50):
        await asyncio.sleep(0)

    written = connection.wire.written
    assert connection.served == ["/", "/health/live"]
    head = written.rfind(b"HTTP/1.1 503", 0, written.rfind(b"HTTP/1.1 503"))
    got = replies(written[:head])
    assert [reply.status for reply in got] == [200, 503, 503, 200]
    assert platform_error(got[1])["contextId"] != platform_error(got[2])["contextId"]
    assert got[1].headers["retry-after"] == "1"
    headed, _, rest = written[head:].partition(b"\r\n\r\n")
    assert b"content-length: 0" not in headed
    assert [reply.status for reply in replies(rest)] == [503]
    connection.admission.tell()
    assert connection.refused == [4]
    # None of them is taken for one that waits: the next is served.
    monkeypatch.undo()
    await connection.send(WHOLE)
    assert connection.served == ["/", "/health/live", "/"]


async def test_a_bad_request_behind_others_does_not_fall_into_an_answer(
    connection: Connection,
) -> None:
    connection.going_on.clear()
    await connection.send(WHOLE)
    assert connection.wire.written.startswith(b"HTTP/1.1 200")
    await connection.send(WHOLE)
    await connection.send(b"GARBAGE\r\n\r\n")
    assert connection.wire.written.count(b"HTTP/1.1") == 1
    connection.going_on.set()
    await connection.send(b"")

    assert connection.statuses() == [200, 200, 400]
    assert not connection.is_open()


async def test_the_parameters_do_not_make_a_change_something_else(connection: Connection) -> None:
    await connection.send(CHANGE.replace(b"POST /", b"POST /api/v2/oauth/clients?x=/oauth/token"))
    assert connection.statuses() == [503]
    await connection.send(CHANGE.replace(b"POST /", b"POST /login/oauth/token?x=/"))
    assert connection.statuses() == [503, 200]


async def test_whatever_is_refused_early_is_counted(connection: Connection) -> None:
    await connection.send(CHANGE)
    await connection.send(CHANGE.replace(b"POST", b"PATCH") * 2)
    assert connection.counted == [
        (method, 503, "overloaded") for method in ("POST", *["PATCH"] * 2)
    ]
    await connection.send(b"nonsense\r\n\r\n")
    assert connection.counted[3:] == [("", 400, "bad.request")]
    assert connection.statuses() == [503, 503, 503, 400]


async def test_a_request_that_waited_for_the_one_before_it_is_counted_when_it_is_refused(
    connection: Connection,
) -> None:
    connection.going_on.clear()
    connection.room = 1
    await connection.send(WHOLE + CHANGE)
    connection.room = 0
    connection.going_on.set()
    await connection.send(b"")
    assert connection.statuses() == [200, 503]
    assert connection.counted == [("POST", 503, "overloaded")]


async def test_a_request_that_is_too_slow_or_too_large_is_counted(connection: Connection) -> None:
    connection.loop.advance(HEAD_SECONDS)
    assert connection.counted == [("", 408, "request.timeout")]
    other = Connection()
    await other.send(b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 20_000)
    assert other.counted == [("", 431, "request.header.too.large")]


async def test_metrics_are_told_when_nothing_else_is(connection: Connection) -> None:
    connection.use_up_the_turn()
    connection.protocol.data_received(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    is_in_line = connection.is_in_line
    await connection.send(b"")
    assert (is_in_line, connection.served) == (False, ["/metrics"])


async def test_who_may_not_read_metrics_is_treated_like_anybody(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.may_read_metrics = False
    connection.use_up_the_turn()
    connection.protocol.data_received(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    is_in_line = connection.is_in_line
    await connection.send(b"")
    monkeypatch.setattr(admission, "LEAST_WAITING", 0)
    monkeypatch.setattr(admission, "LONGEST_WAIT", 0.0)
    await connection.send(b"GET /metrics?a=b HTTP/1.1\r\nHost: a\r\n\r\n")
    assert (is_in_line, connection.statuses()) == (True, [200, 503])
    connection.may_read_metrics = True
    await connection.send(b"GET /metrics?a=b HTTP/1.1\r\nHost: a\r\n\r\n")
    assert connection.statuses() == [200, 503, 200]
