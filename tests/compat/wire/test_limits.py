"""The 429 and 503 that every client tries again after, if it can read how long to wait.

Java and .NET look for ``Retry-After`` in just this spelling, and otherwise wait three seconds;
Go and ``gc`` read any. All give up when it says more than 180.
"""

from collections.abc import Iterator

import pytest

from grantory.http.early_answers import overloaded
from tests.compat.arrange import make_client
from tests.compat.wire.raw_http import assert_platform_error, exchange
from tests.compat.wire.writers import WRITERS
from tests.support.server import RunningServer

ALLOWED = 30


@pytest.fixture(scope="module")
def limited() -> Iterator[RunningServer]:
    environment = {"GRANTORY_LIMITS_REQUESTS_PER_CLIENT": str(ALLOWED)}
    with RunningServer(environment=environment) as running:
        yield running


@pytest.mark.parametrize("name", WRITERS)
def test_one_request_too_many(limited: RunningServer, name: str) -> None:
    client = make_client(limited)
    token = limited.token(client["id"], client["secret"])
    request = WRITERS[name].call(limited.port, "GET /api/v2/tokens/me", token)
    replies = [exchange(limited.port, request) for _ in range(ALLOWED + 1)]
    assert {reply.status for reply in replies[:-1]} == {200}
    refused = replies[-1]
    assert_platform_error(refused, 429, "too.many.requests")
    seconds = refused.exactly("Retry-After")
    assert seconds is not None
    assert 1 <= int(seconds) <= 60
    for reply in replies:
        allowed = [reply.header(f"inin-ratelimit-{word}") for word in ("count", "allowed", "reset")]
        assert all(value is not None and value.isdigit() for value in allowed)


@pytest.mark.parametrize("oauth", [False, True], ids=["api", "login"])
def test_more_to_do_than_a_server_can(oauth: bool) -> None:
    # These bytes are written to connections as they are.
    head = overloaded(oauth=oauth, head=False, keep_alive=True).partition(b"\r\n\r\n")[0]
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 503 Service Unavailable"
    assert b"Retry-After: 1" in lines
    assert any(line.startswith(b"ININ-Correlation-Id: ") for line in lines)
