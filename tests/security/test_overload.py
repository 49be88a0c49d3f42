"""A server that has too much to do refuses at once, in words that every client understands."""

import contextlib
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grantory.http import admission
from tests.security.shedding import BODY, HEAD, LAST, LENGTH, PLENTY, REQUESTS, SheddingServer
from tests.security.wire import WireReply, exchange, platform_error, replies
from tests.support.processes import (
    ALIVE,
    Line,
    Question,
    api_question,
    token_question,
    wait_until,
)
from tests.support.server import HOST, Reply

CLIENTS = "/api/v2/oauth/clients"
NEW = {"name": "shed", "authorizedGrantType": "CODE"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SheddingServer]:
    with SheddingServer(tmp_path_factory.mktemp("shedding") / "data") as made:
        yield made


@pytest.fixture
def line(server: SheddingServer) -> Iterator[Line]:
    with Line(server.port) as made:
        yield made


@pytest.fixture(scope="module")
def token(server: SheddingServer) -> str:
    with Line(server.port) as line:
        reply = line.ask(token_question(server.client_id, server.client_secret))
    found: str = reply.json()["access_token"]
    return found


@contextlib.contextmanager
def too_much(server: SheddingServer) -> Iterator[None]:
    """Nothing is taken as long as this lasts."""
    server.room = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(admission, "LEAST_WAITING", 0)
        patch.setattr(admission, "LONGEST_WAIT", 0.0)
        yield
    server.room = PLENTY


@pytest.fixture
def overloaded(server: SheddingServer) -> Iterator[None]:
    with too_much(server):
        yield


def names(line: Line, token: str) -> list[str]:
    """The names of all clients there are."""
    reply = line.ask(api_question(token, "GET", f"{CLIENTS}?pageSize=100"))
    return [client["name"] for client in reply.json()["entities"]]


def shed(reply: Reply | WireReply) -> dict[str, Any]:
    """Assert that an answer is the refusal, with the platform's body; answers the body."""
    assert reply.status == 503
    headers = reply.headers
    assert headers["retry-after"] == "1"
    assert headers["cache-control"] == "no-store"
    assert headers["content-type"] == "application/json"
    assert re.fullmatch(r"[0-9a-f-]{36}", headers["inin-correlation-id"])
    body: dict[str, Any] = json.loads(reply.body)
    if "error" not in body:
        assert platform_error(WireReply(*reply))["code"] == "service.unavailable"
        assert set(body) == {
            *("message", "code", "status", "messageParams", "contextId", "details", "errors"),
        }
    return body


def test_a_change_is_refused_and_not_made(server: SheddingServer, line: Line, token: str) -> None:
    create = api_question(token, "POST", CLIENTS, NEW)
    server.room = 0
    try:
        got = [line.ask(create) for _ in range(3)]
        # What needs no change is served meanwhile.
        assert "shed" not in names(line, token)
        assert line.ask(token_question(server.client_id, server.client_secret)).status == 200
    finally:
        server.room = PLENTY
    for reply in got:
        shed(reply)
        assert "connection" not in reply.headers
    assert len({reply.headers["inin-correlation-id"] for reply in got}) == 3

    assert line.ask(create).status == 200
    assert names(line, token).count("shed") == 1


def test_a_token_is_refused_in_the_words_of_oauth(
    server: SheddingServer, line: Line, overloaded: None
) -> None:
    question = token_question(server.client_id, server.client_secret)
    for path in ("/oauth/token", "/login/oauth/token", "/oauth/token?a=b"):
        reply = line.ask(question._replace(path=path))
        body = shed(reply)
        assert set(body) == {"error", "description", "error_description"}
        assert body["error"] == "temporarily_unavailable"
        assert body["description"] == body["error_description"]
        assert reply.headers["pragma"] == "no-cache"


def test_reads_are_refused(line: Line, token: str, overloaded: None) -> None:
    for path in (CLIENTS, f"{CLIENTS}?x=/oauth/token", "/", "/nowhere"):
        assert shed(line.ask(api_question(token, "GET", path)))["status"] == 503


def test_health_is_always_told(line: Line, overloaded: None) -> None:
    """Whoever asks would take this process away when there is most to do for it."""
    assert line.ask(ALIVE).status == 200
    assert line.ask(ALIVE._replace(path="/health/ready")).status == 200
    assert line.ask(ALIVE._replace(path="/metrics")).status == 200
    line.send(ALIVE._replace(path="/"))
    line.send(ALIVE)
    assert [line.read().status, line.read().status] == [503, 200]


def test_head_is_refused_without_a_body(line: Line, token: str, overloaded: None) -> None:
    reply = line.ask(api_question(token, "HEAD", CLIENTS))
    assert (reply.status, reply.body) == (503, b"")
    got = shed(line.ask(api_question(token, "GET", CLIENTS)))
    assert int(reply.headers["content-length"]) == len(json.dumps(got, separators=(",", ":")))


@pytest.mark.parametrize("name", REQUESTS)
def test_a_shed_body_is_never_taken_for_a_request(
    server: SheddingServer, name: str, overloaded: None
) -> None:
    got = replies(exchange(server, REQUESTS[name] + LAST))

    assert [reply.status for reply in got] == [503, 200]
    shed(got[0])
    assert "/inner" not in server.log.getvalue()


def test_pipelined_requests_are_refused_in_order(
    server: SheddingServer, token: str, overloaded: None
) -> None:
    many = b"".join(REQUESTS[name] for name in ("a body", "chunks", "nothing of a body"))
    got = replies(exchange(server, many * 10 + LAST))

    assert [reply.status for reply in got] == [503] * 30 + [200]
    ids = [shed(reply)["contextId"] for reply in got[:30]]
    assert len(set(ids)) == 30


def test_the_last_request_of_a_connection_is_the_last(
    server: SheddingServer, overloaded: None
) -> None:
    old = REQUESTS["a body"].replace(b"HTTP/1.1\r\nHost", b"HTTP/1.0\r\nHost", 1)
    closing = REQUESTS["chunks"].replace(b"Host: a", b"Host: a\r\nConnection: close", 1)
    for request in (old, closing, old.replace(b"Host: a", b"Host: a\r\nConnection: keep-alive")):
        (reply,) = replies(exchange(server, request + LAST))
        assert shed(reply)
        assert reply.headers["connection"] == "close"


def test_a_body_that_waits_for_leave_is_not_asked_for(
    server: SheddingServer, overloaded: None
) -> None:
    expecting = HEAD + LENGTH + b"Expect: 100-continue\r\n\r\n"
    for request in (expecting, expecting + BODY + LAST):
        got = exchange(server, request)
        assert b"100 Continue" not in got
        (reply,) = replies(got)
        assert shed(reply)
        assert reply.headers["connection"] == "close"
    assert "/inner" not in server.log.getvalue()


def test_an_upgrade_that_comes_in_two_pieces_is_the_last(
    server: SheddingServer, overloaded: None
) -> None:
    head = HEAD + b"Connection: upgrade\r\nUpgrade: websocket\r\n"
    for body, status in ((b"\r\n", 503), (LENGTH + b"\r\n" + BODY, 400)):
        early, late = head.split(b"pgrade: ", 1)
        # The first answer tells that the first piece has been read.
        pieces = ALIVE.encoded() + early, b"pgrade: " + late + body + LAST
        _, *got = replies(exchange(server, *pieces, wait_for_first=True))
        assert [reply.status for reply in got] == [status]
        assert got[0].headers["connection"] == "close"
    assert "/inner" not in server.log.getvalue()


def test_a_connection_serves_again_as_soon_as_there_is_time(
    server: SheddingServer, line: Line, token: str
) -> None:
    question = token_question(server.client_id, server.client_secret)
    create = api_question(token, "POST", CLIENTS, {**NEW, "name": "again"})
    for _ in range(3):
        with too_much(server):
            shed(line.ask(create))
            shed(line.ask(question))
        assert line.ask(question).status == 200
        assert line.ask(create).status == 200
    assert names(line, token).count("again") == 3


def test_whoever_does_not_read_is_not_answered_for_ever(
    server: SheddingServer, overloaded: None
) -> None:
    request = Question("GET", "/").encoded() * 500
    sent = 0
    with socket.create_connection((HOST, server.port), timeout=10) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(2)
        with contextlib.suppress(ConnectionError, TimeoutError):
            while sent < 64_000_000:
                sent += connection.send(request)
    # Some megabytes wait in the sockets' buffers.
    assert sent < 32_000_000


def test_the_refused_are_no_lines_of_the_log_but_are_counted(tmp_path: Path) -> None:
    with SheddingServer(tmp_path / "data") as server:
        with Line(server.port) as line, too_much(server):
            for _ in range(5):
                shed(line.ask(Question("GET", "/")))
            wait_until(lambda: bool(server.refused), "the first report")
            assert line.ask(ALIVE).status == 200
            for _ in range(2):
                shed(line.ask(Question("GET", "/")))
        server.stop()
        assert sum(server.refused) == 7
        assert server.log.getvalue().count('"status"') == 1
