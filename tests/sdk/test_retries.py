"""What the SDK tries again, after which pause, and what it never does twice."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx2 as httpx
import pytest

from grantory_sdk import (
    ApiError,
    AsyncGrantory,
    ClientCredentials,
    ConnectionFailed,
    Grantory,
    GrantoryError,
    OutcomeUnknown,
    ServerError,
    ServiceUnavailable,
    TimedOut,
    TooManyRequests,
)
from tests.support.scripted import URL, Hand, Scripted, Step, answer, refused

CLIENT = {"id": "1", "name": "one"}
GOOD = answer(200, CLIENT)
NOT_DONE = refused(503, "service.unavailable", retry_after="1")
NO_ANSWER = httpx.ReadError("the connection was closed")
CANNOT_CONNECT = httpx.ConnectError("refused")
TOO_SLOW = httpx.ReadTimeout("too slow")


def client(server: Scripted, hand: Hand, **options: Any) -> Grantory:
    return Grantory(
        URL, access_token="t", transport=server.transport, runtime=hand.blocking, **options
    )


def with_credentials(server: Scripted) -> Grantory:
    auth = ClientCredentials("a", "b")
    return Grantory(URL, auth=auth, transport=server.transport, runtime=Hand().blocking)


def read(grantory: Grantory) -> object:
    return grantory.oauth_clients.get("1")


def create(grantory: Grantory) -> object:
    return grantory.oauth_clients.create(name="one", authorized_grant_type="CODE")


def replace(grantory: Grantory) -> object:
    return grantory.oauth_clients.replace("1", name="one", authorized_grant_type="CODE")


def delete(grantory: Grantory) -> None:
    grantory.oauth_clients.delete("1")


def renew(grantory: Grantory) -> object:
    return grantory.oauth_clients.regenerate_secret("1")


CHANGES = (create, replace, delete, renew)


@pytest.mark.parametrize(
    "failure",
    [
        NO_ANSWER,
        CANNOT_CONNECT,
        TOO_SLOW,
        refused(408),
        refused(429, "too.many.requests", retry_after="3"),
        refused(500, "internal.server.error"),
        refused(501),
        answer(502),
        refused(503),
        NOT_DONE,
        refused(504, "request.timeout"),
    ],
    ids=str,
)
def test_a_read_is_tried_again(failure: Step) -> None:
    server, hand = Scripted(failure, failure, GOOD), Hand()
    with client(server, hand) as grantory:
        read(grantory)
    assert len(server.requests) == 3
    assert len(hand.slept) == 2


@pytest.mark.parametrize(
    "failure", [refused(400), refused(403), refused(404), refused(409)], ids=str
)
def test_a_read_is_not_tried_again_where_that_is_of_no_use(failure: Step) -> None:
    server, hand = Scripted(failure, GOOD), Hand()
    with client(server, hand) as grantory, pytest.raises(ApiError):
        read(grantory)
    assert len(server.requests) == 1
    assert not hand.slept


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    "failure",
    [
        NO_ANSWER,
        CANNOT_CONNECT,
        TOO_SLOW,
        refused(408),
        refused(500),
        refused(502),
        refused(503),
        refused(503, "service.unavailable"),  # does not say that nothing was done
        refused(503, "service.outcome.unknown"),
        refused(503, "service.outcome.unknown", retry_after="1"),
        refused(504),
    ],
    ids=str,
)
def test_a_change_that_may_have_been_made_is_not_made_again(change: Any, failure: Step) -> None:
    server, hand = Scripted(failure, GOOD), Hand()
    with client(server, hand) as grantory, pytest.raises(GrantoryError):
        change(grantory)
    assert len(server.requests) == 1
    assert not hand.slept


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("failure", [refused(429), NOT_DONE], ids=str)
def test_a_change_is_made_again_where_nothing_was_done(change: Any, failure: Step) -> None:
    server = Scripted(failure, failure, GOOD)
    with client(server, Hand()) as grantory:
        change(grantory)
    assert len(server.requests) == 3
    assert len({request.content for request in server.requests}) == 1


@pytest.mark.parametrize("retries", [0, 1, 5])
def test_there_are_as_many_tries_as_the_option_says(retries: int) -> None:
    server = Scripted(refused(500))
    with client(server, Hand(), max_retries=retries) as grantory, pytest.raises(ServerError):
        read(grantory)
    assert len(server.requests) == retries + 1


def test_two_retries_is_what_there_is_by_default() -> None:
    server = Scripted(refused(500))
    with client(server, Hand()) as grantory:
        with pytest.raises(ServerError):
            read(grantory)
        with pytest.raises(ServerError):
            read(grantory.with_options(max_retries=0))
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("chance", "pauses"), [(0.0, [0.5, 1, 2, 4, 8, 8]), (1.0, [0.25, 0.5, 1, 2, 4, 4])]
)
def test_pauses_grow_and_have_a_random_part(chance: float, pauses: list[float]) -> None:
    server, hand = Scripted(refused(500)), Hand(chance)
    with client(server, hand, max_retries=6) as grantory, pytest.raises(ServerError):
        read(grantory)
    assert hand.slept == pauses


@pytest.mark.parametrize(("chance", "pause"), [(0.0, 7.0), (1.0, 7.7)])
def test_no_try_comes_before_the_time_that_the_server_asks_for(chance: float, pause: float) -> None:
    server, hand = Scripted(refused(429, retry_after="7"), GOOD), Hand(chance)
    with client(server, hand) as grantory:
        create(grantory)
    assert hand.slept == [pytest.approx(pause)]


def test_the_time_to_wait_for_may_be_a_date() -> None:
    hand = Hand()
    at = datetime.fromtimestamp(hand.now, UTC) + timedelta(seconds=9)
    server = Scripted(refused(503, retry_after=format_datetime(at, usegmt=True)), GOOD)
    with client(server, hand) as grantory:
        read(grantory)
    assert hand.slept == [pytest.approx(9)]


@pytest.mark.parametrize("text", ["soon", "-1", "1.5", "٣", "Mon, 99 Foo 2026 00:00:00 GMT"])
def test_a_time_that_cannot_be_read_is_none(text: str) -> None:
    failure = httpx.Response(429, headers=[(b"Retry-After", text.encode())])
    server, hand = Scripted(failure, GOOD), Hand()
    with client(server, hand) as grantory:
        read(grantory)
    assert hand.slept == [0.5]


def test_the_rate_limit_says_when_it_is_over_where_nothing_else_does() -> None:
    server, hand = Scripted(refused(429, inin_ratelimit_reset="12"), GOOD), Hand()
    with client(server, hand) as grantory:
        read(grantory)
    assert hand.slept == [12]


def test_a_long_wait_is_left_to_the_caller() -> None:
    server, hand = Scripted(refused(429, retry_after="121"), GOOD), Hand()
    with client(server, hand) as grantory, pytest.raises(TooManyRequests) as caught:
        read(grantory)
    assert caught.value.retry_after == 121
    assert not hand.slept


def test_what_is_raised_in_the_end_is_the_last_failure() -> None:
    for failure, kind in (
        (NO_ANSWER, ConnectionFailed),
        (TOO_SLOW, TimedOut),
        (NOT_DONE, ServiceUnavailable),
        (refused(503, "service.outcome.unknown"), OutcomeUnknown),
    ):
        with client(Scripted(failure), Hand()) as grantory, pytest.raises(kind) as caught:
            read(grantory)
        assert type(caught.value) is kind


@pytest.mark.parametrize(
    "failure",
    [
        answer(429),
        answer(503, {"error": "temporarily_unavailable"}, retry_after="1"),
        answer(
            400,
            {"error": "invalid_request", "error_description": "rate limit exceeded; try again"},
        ),
    ],
    ids=str,
)
def test_a_token_is_asked_for_again_where_none_was_made(failure: Step) -> None:
    made = answer(200, {"access_token": "good", "expires_in": 60})
    server = Scripted(GOOD, tokens=[failure, failure, made])
    with with_credentials(server) as grantory:
        read(grantory)
    assert server.bearers == ["good"]
    assert len(server.token_requests) == 3


@pytest.mark.parametrize("failure", [NO_ANSWER, refused(500), refused(503)], ids=str)
def test_a_token_that_may_have_been_made_is_not_asked_for_again(failure: Step) -> None:
    server = Scripted(GOOD, tokens=[failure])
    with with_credentials(server) as grantory, pytest.raises(GrantoryError):
        read(grantory)
    assert len(server.token_requests) == 1
    assert not server.requests


async def test_the_awaited_half_does_the_same() -> None:
    server, hand = Scripted(NO_ANSWER, refused(429, retry_after="2"), GOOD), Hand()
    async with AsyncGrantory(
        URL, access_token="t", transport=server.transport, runtime=hand.awaited
    ) as grantory:
        assert (await grantory.oauth_clients.get("1")).name == "one"
    assert hand.slept == [0.5, 2]
    server = Scripted(NO_ANSWER)
    async with AsyncGrantory(
        URL, access_token="t", transport=server.transport, runtime=hand.awaited
    ) as grantory:
        with pytest.raises(ConnectionFailed):
            await grantory.oauth_clients.create(name="one", authorized_grant_type="CODE")
    assert len(server.requests) == 1
