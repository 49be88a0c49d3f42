"""Reads on a real server that fails: what is tried again, how often, and after which pause."""

from collections.abc import Callable

import pytest

from grantory.testing import GrantoryServer
from grantory_sdk import (
    ApiError,
    ConnectionFailed,
    GrantoryError,
    ServerError,
    TimedOut,
)
from tests.support.halves import Half, Seen, done, opened
from tests.support.scripted import Hand

CLIENTS = "/api/v2/oauth/clients"
Fault = Callable[[GrantoryServer, int | None], None]


def status(number: int, retry_after: int | None = None) -> Fault:
    def add(server: GrantoryServer, times: int | None) -> None:
        server.faults.fail(number, retry_after=retry_after, path=f"{CLIENTS}*", times=times)

    return add


def drop(when: str) -> Fault:
    def add(server: GrantoryServer, times: int | None) -> None:
        server.faults.drop(when, path=f"{CLIENTS}*", times=times)  # type: ignore[arg-type]

    return add


REPEATED: dict[str, Fault] = {
    "dropped before": drop("before"),
    "dropped midway": drop("midway"),
    "dropped after": drop("after"),
    "408": status(408),
    "429": status(429),
    "429, in 3 s": status(429, 3),
    **{str(number): status(number) for number in range(500, 506)},
    "503, in 3 s": status(503, 3),
}
REFUSED = (400, 403, 404, 405, 409, 410, 415, 422, 428, 451)


async def test_a_read_is_repeated_after_each_of_these(
    half: Half, grantory_server: GrantoryServer
) -> None:
    seen, found, tries = Seen(grantory_server), {}, {}
    async with opened(half, grantory_server, Hand()) as sdk:
        for name, fault in REPEATED.items():
            fault(grantory_server, 2)
            found[name] = (await done(sdk.oauth_clients.get(grantory_server.client.id))).id
            tries[name] = len(seen.requests())
    assert found == dict.fromkeys(REPEATED, grantory_server.client.id)
    assert tries == dict.fromkeys(REPEATED, 3)


async def test_it_is_given_up_after_as_many_tries_as_the_option_says(
    half: Half, grantory_server: GrantoryServer
) -> None:
    seen, tries = Seen(grantory_server), {}
    errors: dict[str, GrantoryError] = {}
    async with opened(half, grantory_server, Hand()) as sdk:
        for name, fault in REPEATED.items():
            grantory_server.faults.clear()
            fault(grantory_server, None)
            try:
                await done(sdk.oauth_clients.get(grantory_server.client.id))
            except GrantoryError as error:
                errors[name] = error
            tries[name] = len(seen.requests())
        assert tries == dict.fromkeys(REPEATED, 3)
        for retries in (0, 5):
            with pytest.raises(ServerError):
                await done(sdk.with_options(max_retries=retries).oauth_clients.list().first())
            assert len(seen.requests()) == retries + 1
    told = {
        name: each.status if isinstance(each, ApiError) else type(each)
        for name, each in errors.items()
    }
    assert told == {
        name: ConnectionFailed if name.startswith("dropped") else int(name[:3]) for name in REPEATED
    }


async def test_a_read_is_not_repeated_where_that_is_of_no_use(
    half: Half, grantory_server: GrantoryServer
) -> None:
    seen, hand, tries = Seen(grantory_server), Hand(), {}
    async with opened(half, grantory_server, hand) as sdk:
        for number in REFUSED:
            status(number)(grantory_server, 1)
            with pytest.raises(ApiError) as caught:
                await done(sdk.oauth_clients.get(grantory_server.client.id))
            assert caught.value.status == number
            tries[number] = len(seen.requests())
    assert tries == dict.fromkeys(REFUSED, 1)
    assert not hand.slept


async def test_a_page_that_fails_is_read_again_and_nothing_is_listed_twice(
    half: Half, grantory_server: GrantoryServer
) -> None:
    made = [grantory_server.make_client(grant_type="CODE").id for _ in range(5)]
    seen, ids = Seen(grantory_server), []
    async with opened(half, grantory_server, Hand()) as sdk:
        listing = sdk.oauth_clients.list(page_size=2)
        add = {1: status(502), 2: drop("midway"), 3: status(429, 1)}
        for number in (1, 2, 3):
            add[number](grantory_server, 2)
            page = await done(listing._page(number))
            ids += [each.id for each in page.entities]
        whole = [each.id for each in await done(listing.all())]
    assert ids == whole
    assert sorted(ids) == sorted({*made, grantory_server.client.id})
    assert len(seen.requests()) == 3 * 3 + 3


async def test_what_the_server_asks_for_is_waited_for_and_no_longer_than_two_minutes(
    half: Half, grantory_server: GrantoryServer
) -> None:
    seen, hand = Seen(grantory_server), Hand(chance=1.0)
    async with opened(half, grantory_server, hand) as sdk:
        for seconds in (0, 1, 120):
            status(429, seconds)(grantory_server, 1)
            await done(sdk.oauth_clients.list().first())
        assert hand.slept == pytest.approx([0, 1.1, 132])
        for number in (429, 503):
            seen.requests()
            status(number, 121)(grantory_server, 1)
            with pytest.raises(ApiError) as caught:
                await done(sdk.oauth_clients.list().first())
            assert (caught.value.status, caught.value.retry_after) == (number, 121)
            assert len(seen.requests()) == 1
    assert len(hand.slept) == 3


async def test_pauses_grow_and_no_two_programs_come_again_together(
    half: Half, grantory_server: GrantoryServer
) -> None:
    status(500)(grantory_server, None)
    for chance, pauses in ((0.0, [0.5, 1, 2, 4, 8, 8]), (0.5, [0.375, 0.75, 1.5, 3, 6, 6])):
        hand = Hand(chance)
        async with opened(half, grantory_server, hand, max_retries=6) as sdk:
            with pytest.raises(ServerError):
                await done(sdk.oauth_clients.list().first())
        assert hand.slept == pauses


async def test_an_answer_that_is_late_is_asked_for_again(
    half: Half, grantory_server: GrantoryServer
) -> None:
    seen, hand = Seen(grantory_server), Hand()
    async with opened(half, grantory_server, hand) as sdk:
        await done(sdk.access_token())
        grantory_server.faults.delay(500, times=1)
        hasty = sdk.with_options(timeout=1, max_retries=9)
        assert await done(hasty.oauth_clients.list().first())
        assert len(seen.requests()) > 1
        grantory_server.faults.delay(500, times=None)
        with pytest.raises(TimedOut):
            await done(sdk.with_options(timeout=0.2, max_retries=1).oauth_clients.list().first())
        assert len(seen.requests()) <= 2


async def test_a_real_limit_is_over_when_the_server_says_so(half: Half) -> None:
    with GrantoryServer({"limits.requests_per_client": 3}) as server:
        hand = Passing(server)
        async with opened(half, server, hand) as sdk:
            for _ in range(8):
                assert await done(sdk.tokens.check())
        statuses = [each.status for each in server.requests() if each.method == "HEAD"]
    refused = [place for place, each in enumerate(statuses) if each == 429]
    assert refused
    assert len(hand.slept) == len(refused)
    assert statuses.count(200) == 8
    assert not any(place + 1 in refused for place in refused)  # one wait is enough


class Passing(Hand):
    """A hand whose time is the server's, too: as if the SDK had waited."""

    def __init__(self, server: GrantoryServer) -> None:
        super().__init__()
        self._server = server

    def _sleep(self, seconds: float) -> None:
        super()._sleep(seconds)
        self._server.advance(seconds)
