"""How many API requests may be made in a minute, and what callers are told of it."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2 as httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantory.http import request_limits
from grantory.http.request_limits import RequestCounter, RequestLimits, SharedCounts
from tests.support.runtime import FakeClock
from tests.support.server import RunningServer
from tests.support.world import CLIENTS, World, new_world

ME = "/api/v2/tokens/me"
NO_LIMIT = "2147483647"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """A server on SQLite alone: nothing here is stored."""
    async with new_world(tmp_path / "data") as made:
        yield made


def told(answer: httpx.Response) -> tuple[str, str, str]:
    names = ("count", "allowed", "reset")
    count, allowed, reset = (answer.headers[f"inin-ratelimit-{name}"] for name in names)
    return count, allowed, reset


@asynccontextmanager
async def limited(folder: Path, *, client: int = 0, organization: int = 0) -> AsyncIterator[World]:
    async with new_world(
        folder / "data",
        limits_requests_per_client=client,
        limits_requests_per_organization=organization,
    ) as world:
        yield world


async def test_every_answer_tells_the_count_and_without_a_limit_no_request_is_refused(
    world: World,
) -> None:
    assert told(await world.admin.call("GET", ME)) == ("1", NO_LIMIT, "60")
    world.clock.advance(20.5)
    answers = [
        await world.admin.call("HEAD", ME),
        await world.admin.call("GET", CLIENTS),
        await world.admin.call("GET", f"{CLIENTS}/11111111-2222-4333-8444-555555555555"),
        await world.admin.call("POST", CLIENTS, {"name": 1}),
        await world.admin.call("PUT", "/api/v2/tokens/timeout", {}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 400, 400]
    assert [told(answer) for answer in answers] == [(str(n), NO_LIMIT, "40") for n in range(2, 7)]
    world.clock.advance(39.5)
    assert told(await world.admin.call("GET", ME)) == ("1", NO_LIMIT, "60")


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer x"}])
async def test_who_has_no_good_token_is_not_counted(world: World, header: dict[str, str]) -> None:
    answer = await world.http.get(ME, headers=header)
    assert answer.status_code == 401
    assert not [name for name in answer.headers if name.startswith("inin-ratelimit")]
    assert told(await world.admin.call("GET", ME))[0] == "1"


async def test_a_client_that_asks_too_much_waits_and_the_others_do_not(tmp_path: Path) -> None:
    async with limited(tmp_path, client=5) as world:
        one = await world.admin.make_member("oauth:client:view")
        other = await world.admin.make_member("oauth:client:view")
        for count in range(1, 6):
            assert told(await one.call("GET", ME)) == (str(count), "5", "60")
        world.clock.advance(47.2)
        old = one.token
        await one.log_in()  # a further token is no further minute
        assert one.token != old

        refused = await one.call("GET", CLIENTS)

        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "13"
        assert told(refused) == ("5", "5", "13")
        body = refused.json()
        assert body["code"] == "too.many.requests"
        assert body["status"] == 429
        assert body["message"].endswith("Retry the request in [13] seconds")
        assert body["limit"] == {
            "key": "client.rate.per.minute",
            "namespace": "auth.api",
            "value": 5,
        }
        assert body["contextId"] == refused.headers["inin-correlation-id"]
        assert (await other.call("GET", ME)).status_code == 200
        world.clock.advance(12.7)
        assert (await one.call("GET", ME)).status_code == 429
        world.clock.advance(0.2)
        assert told(await one.call("GET", ME)) == ("1", "5", "60")


async def test_the_limit_of_an_organisation_holds_for_all_its_clients_together(
    tmp_path: Path,
) -> None:
    async with limited(tmp_path, organization=6) as world:
        one = await world.admin.make_member()
        # The administrator's calls for that were two.
        assert told(await world.admin.call("GET", ME)) == ("3", "6", "60")
        assert told(await one.call("GET", ME)) == ("4", "6", "60")
        assert [(await one.call("GET", ME)).status_code for _ in range(3)] == [200, 200, 429]
        refused = await world.admin.call("GET", ME)
        assert refused.json()["limit"]["key"] == "org.rate.per.minute"
        elsewhere = await world.found("Another")
        token = await world.ask_token(elsewhere.client.id, elsewhere.secret.reveal())
        header = {"Authorization": f"Bearer {token.json()['access_token']}"}
        assert (await world.http.get(ME, headers=header)).status_code == 200


async def test_what_a_client_asks_beyond_its_limit_leaves_the_others_theirs(tmp_path: Path) -> None:
    async with limited(tmp_path, client=4, organization=10) as world:
        good = await world.admin.make_member()
        for status in (200, 200, *[429] * 20):
            assert (await world.admin.call("GET", ME)).status_code == status
        assert told(await good.call("GET", ME)) == ("1", "4", "60")
        assert [(await good.call("GET", ME)).status_code for _ in range(3)] == [200] * 3


async def test_of_two_limits_the_nearer_one_is_told(tmp_path: Path) -> None:
    async with limited(tmp_path, client=4, organization=6) as world:
        one, other = world.admin, await world.admin.make_member()
        assert told(await one.call("GET", ME)) == ("3", "4", "60")
        assert told(await other.call("GET", ME)) == ("4", "6", "60")
        assert told(await other.call("GET", ME)) == ("5", "6", "60")
        assert told(await one.call("GET", ME)) == ("4", "4", "60")


async def test_one_request_too_many_changes_nothing_whatever_its_body(tmp_path: Path) -> None:
    async with limited(tmp_path, client=1) as world:
        assert (await world.admin.call("GET", ME)).status_code == 200
        body = {"name": "late", "authorizedGrantType": "CODE"}
        assert (await world.admin.call("POST", CLIENTS, body)).status_code == 429
        assert (await world.admin.call("DELETE", ME)).status_code == 429
        # Tokens have their own rule; health and the description none.
        assert (await world.ask_token(world.admin.client_id, world.admin.secret)).status_code == 200
        assert (await world.http.get("/openapi.json")).status_code == 200
        assert await world.rows("SELECT count(*) FROM clients") == [(1,)]


@pytest.fixture
def four_workers() -> Iterator[RunningServer]:
    variables = {"GRANTORY_LIMITS_REQUESTS_PER_CLIENT": "12"}
    with RunningServer("--workers", "4", environment=variables) as server:
        yield server


def test_workers_count_together_and_one_that_dies_forgets_nothing(
    four_workers: RunningServer,
) -> None:
    token = four_workers.token()
    counts = []
    for number in range(16):  # each on a connection of its own, taken by whoever is free
        reply = four_workers.call("GET", ME, token=token)
        counts.append((reply.status, reply.headers["inin-ratelimit-count"]))
        if number == 7:
            os.kill(four_workers.workers()[0], signal.SIGKILL)
    good = [(200, str(count)) for count in range(1, 13)]
    assert counts == [*good, *[(429, "12")] * 4]


@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefgh"), st.sampled_from((0.0, 1.0, 29.5, 60.0))),
        max_size=60,
    )
)
def test_windows_are_those_of_a_plain_dictionary(asked: list[tuple[str, float]]) -> None:
    counts, clock = SharedCounts(), FakeClock()
    model: dict[str, tuple[float, int]] = {}
    for client_id, pause in asked:
        clock.advance(pause)
        ends, count = model.get(client_id, (0.0, 0))
        if clock.monotonic() >= ends:
            ends, count = clock.monotonic() + 60, 0
        model[client_id] = (ends, count + 1)
        window = counts.add(("client", client_id), clock.monotonic())
        assert (window.ends, window.count) == model[client_id]


def test_a_full_table_gives_up_the_window_that_ends_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_limits, "BUCKETS", 1)
    counts = SharedCounts()
    for number in range(5):
        counts.add(("client", str(number)), float(number))
    assert [counts.add(("client", str(number)), 5.0).count for number in (4, 3, 2, 1)] == [2] * 4
    assert counts.add(("client", "0"), 5.0).count == 1


def test_an_organisation_and_a_client_with_one_id_are_two() -> None:
    counter = RequestCounter(RequestLimits(per_organization=9), SharedCounts(), FakeClock())
    for count in range(1, 4):
        assert counter.count("same", "same").count == count
