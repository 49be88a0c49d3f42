"""Tokens that end on a real server: one renewal for all calls, and an end when none is good."""

import asyncio
import threading
from collections.abc import Awaitable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from grantory.testing import GrantoryServer
from grantory_sdk import (
    AccessToken,
    AsyncGrantory,
    Grantory,
    GrantoryError,
    ServerError,
    TokenRefused,
    TooManyRequests,
    Unauthorized,
)
from tests.support.halves import Half, Sdk, Seen, done, opened
from tests.support.scripted import Hand

API = "/api/v2/"
CLIENTS = "/api/v2/oauth/clients"
TOKEN = "/oauth/token"
MANY = 100
DAY = 86_400


async def at_once(sdk: Sdk) -> Sequence[Any]:
    """What a hundred calls at the same time come to, each a client or an error."""
    if isinstance(sdk, AsyncGrantory):
        awaited = (sdk.oauth_clients.list().first() for _ in range(MANY))
        return await asyncio.gather(*awaited, return_exceptions=True)
    ready = threading.Barrier(MANY)

    def call(blocking: Grantory) -> object:
        ready.wait(60)
        try:
            return blocking.oauth_clients.list().first()
        except GrantoryError as error:
            return error

    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(call, [sdk] * MANY))


def statuses(seen: Seen) -> tuple[list[int], list[int]]:
    """The answers to calls of the API, and those of the token endpoint."""
    requests = seen.requests("/")
    of_calls = [each.status for each in requests if each.path.startswith(API)]
    return of_calls, [each.status for each in requests if each.path == TOKEN]


async def test_a_hundred_calls_with_a_token_that_was_ended_make_one_renewal(
    half: Half, grantory_server: GrantoryServer
) -> None:
    async with opened(half, grantory_server, Hand()) as sdk:
        old = await done(sdk.access_token())
        grantory_server.end_token(old)
        grantory_server.faults.delay(0.5, path=TOKEN)  # meanwhile the others are refused, too
        seen = Seen(grantory_server)
        clients = await at_once(sdk)
        assert await done(sdk.access_token()) != old
    assert [each.id for each in clients] == [grantory_server.client.id] * MANY
    calls, tokens = statuses(seen)
    assert tokens == [200]
    assert calls.count(200) == MANY
    assert set(calls) == {200, 401}
    assert len(calls) <= 2 * MANY


async def test_a_hundred_calls_with_a_token_that_has_expired_make_one_renewal(
    half: Half, grantory_server: GrantoryServer
) -> None:
    hand = Hand()
    async with opened(half, grantory_server, hand) as sdk:
        await done(sdk.access_token())
        grantory_server.advance(DAY)
        hand.now += DAY
        seen = Seen(grantory_server)
        clients = await at_once(sdk)
    assert [each.id for each in clients] == [grantory_server.client.id] * MANY
    assert statuses(seen) == ([200] * MANY, [200])


async def test_a_hundred_first_calls_make_one_token(
    half: Half, grantory_server: GrantoryServer
) -> None:
    seen = Seen(grantory_server)
    async with opened(half, grantory_server, Hand()) as sdk:
        assert all(each.id for each in await at_once(sdk))
    assert statuses(seen) == ([200] * MANY, [200])


async def test_a_renewal_that_comes_too_often_is_waited_for_by_all(
    half: Half, grantory_server: GrantoryServer
) -> None:
    seen, hand = Seen(grantory_server), Hand()
    grantory_server.faults.limit(retry_after=2, path=TOKEN, times=2)
    async with opened(half, grantory_server, hand) as sdk:
        assert all(each.id for each in await at_once(sdk))
    assert statuses(seen) == ([200] * MANY, [429, 429, 200])
    assert hand.slept == [2, 2]


async def test_calls_end_on_a_server_that_refuses_every_token(
    half: Half, grantory_server: GrantoryServer
) -> None:
    grantory_server.faults.expire_token(times=None)
    seen, hand = Seen(grantory_server), Hand()
    async with opened(half, grantory_server, hand, max_retries=9) as sdk:
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"):
            with pytest.raises(Unauthorized):
                await done(sdk.request(method, CLIENTS))
            calls, tokens = statuses(seen)
            assert calls == [401, 401]
            assert tokens == ([200, 200] if method == "GET" else [200])
    assert not hand.slept


async def test_a_hundred_calls_end_on_a_server_that_refuses_every_token(
    half: Half, grantory_server: GrantoryServer
) -> None:
    grantory_server.faults.expire_token(times=None)
    async with opened(half, grantory_server, Hand()) as sdk:
        await done(sdk.access_token())
        seen = Seen(grantory_server)
        errors = await at_once(sdk)
    assert {type(each) for each in errors} == {Unauthorized}
    calls, tokens = statuses(seen)
    assert calls == [401] * (2 * MANY)
    # Threads that begin late begin with the new token, and are told of that one first.
    assert len(tokens) == 1 if half == "awaited" else 1 <= len(tokens) <= MANY


async def test_a_call_that_is_refused_and_fails_has_a_most_of_tries(
    half: Half, grantory_server: GrantoryServer
) -> None:
    faults, seen = grantory_server.faults, Seen(grantory_server)
    faults.fail(503, path=f"{API}*", times=2)
    faults.expire_token(times=1)
    faults.fail(500, path=f"{API}*", times=2)
    faults.expire_token(times=None)
    async with opened(half, grantory_server, Hand()) as sdk:
        with pytest.raises(Unauthorized):
            await done(sdk.oauth_clients.list().first())
        assert statuses(seen) == ([503, 503, 401, 500, 500, 401], [200, 200])
        faults.clear()
        faults.expire_token(times=1)
        faults.fail(502, path=f"{API}*", times=None)
        with pytest.raises(ServerError):
            await done(sdk.oauth_clients.list().first())
    assert statuses(seen) == ([401, 502, 502, 502], [200])


async def test_a_login_side_that_gives_none_ends_all_calls(
    half: Half, grantory_server: GrantoryServer
) -> None:
    faults = grantory_server.faults
    for status, kind in ((401, TokenRefused), (500, ServerError)):
        faults.clear()
        faults.fail(status, path=TOKEN, times=None)
        seen = Seen(grantory_server)
        async with opened(half, grantory_server, Hand()) as sdk:
            errors = await at_once(sdk)
        assert all(isinstance(each, kind) for each in errors)
        calls, tokens = statuses(seen)
        assert not calls
        # Threads that begin after the others were told ask once more, each at most once.
        assert len(tokens) == 1 if half == "awaited" else 1 <= len(tokens) <= MANY
    faults.clear()
    faults.limit(retry_after=1, path=TOKEN, times=None)
    seen = Seen(grantory_server)
    async with opened(half, grantory_server, Hand()) as sdk:
        with pytest.raises(TooManyRequests):
            await done(sdk.oauth_clients.list().first())
    assert statuses(seen) == ([], [429, 429, 429])


async def test_what_was_refused_for_its_token_was_not_done_and_is_done_once(
    half: Half, grantory_server: GrantoryServer
) -> None:
    async with opened(half, grantory_server, Hand()) as sdk:
        grantory_server.end_token(await done(sdk.access_token()))
        seen = Seen(grantory_server)
        made: Awaitable[object] | object = sdk.oauth_clients.create(
            name="one", authorized_grant_type="CODE"
        )
        await done(made)
    assert statuses(seen) == ([401, 200], [200])
    listed = grantory_server.call("GET", CLIENTS)["entities"]
    assert [each["name"] for each in listed].count("one") == 1


async def test_a_question_about_a_token_is_asked_with_a_new_one_once(
    half: Half, grantory_server: GrantoryServer
) -> None:
    other = grantory_server.token()
    async with opened(half, grantory_server, Hand()) as sdk:
        grantory_server.end_token(await done(sdk.access_token()))
        assert (await done(sdk.tokens.introspect(other))).active
        grantory_server.faults.fail(401, path="/oauth/introspect", times=None)
        seen = Seen(grantory_server)
        with pytest.raises(TokenRefused):
            await done(sdk.tokens.introspect(other))
    paths = [each.path for each in seen.requests("/")]
    assert paths == ["/oauth/introspect", TOKEN, "/oauth/introspect"]


async def test_a_token_that_was_given_is_refused_once(
    half: Half, grantory_server: GrantoryServer
) -> None:
    auth = AccessToken(grantory_server.token())
    grantory_server.end_token(auth.access_token)
    seen = Seen(grantory_server)
    async with opened(half, grantory_server, Hand(), auth=auth) as sdk:
        with pytest.raises(Unauthorized):
            await done(sdk.oauth_clients.list().first())
    assert statuses(seen) == ([401], [])
