"""``/metrics``: who may read it, and what a request leaves there."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import msgspec
import pytest

from grantory.app import build_watched
from grantory.http.metrics import REMEMBERED_SECONDS
from grantory.http.request_limits import SharedCounts
from grantory.observability.shared_numbers import SharedNumbers
from grantory.watching import Watch
from tests.support.scrape import Scrape
from tests.support.world import ADDRESS, CLIENTS, World, new_world

METRICS = "/metrics"
TOKEN = "t" * 32
REQUESTS = "grantory_http_requests_total"


async def read(world: World) -> Scrape:
    world.clock.advance(REMEMBERED_SECONDS)
    answer = await world.http.get(METRICS)
    assert answer.status_code == 200, answer.text
    return Scrape(answer.text)


async def test_every_request_is_counted_by_what_it_asked_for(world: World) -> None:
    await world.admin.log_in()
    before = await read(world)
    await world.admin.get(f"{CLIENTS}/{world.admin.client_id}")
    await world.admin.get(f"{CLIENTS}/{world.admin.client_id}")
    await world.admin.call("GET", f"{CLIENTS}/nobody")
    await world.admin.call("HEAD", CLIENTS)
    await world.http.get("/nothing/here")
    await world.http.request("PURGE", "/nothing/here")
    await world.http.put(CLIENTS)
    await world.http.get(CLIENTS)
    after = await read(world)

    def more(name: str, **labels: str) -> float:
        return after.value(name, **labels) - before.value(name, **labels)

    one = {"method": "GET", "route": CLIENTS + "/{clientId}"}
    assert more(REQUESTS, status="200", **one) == 2
    assert more(REQUESTS, status="404", **one) == 1
    assert more("grantory_http_request_duration_seconds_count", **one) == 3
    assert more(REQUESTS, method="HEAD", route=CLIENTS, status="200") == 1
    assert more(REQUESTS, method="GET", route="none", status="404") == 1
    assert more(REQUESTS, method="other", route="none", status="404") == 1
    assert more(REQUESTS, method="PUT", route="none", status="405") == 1
    assert more(REQUESTS, method="GET", route=CLIENTS, status="401") == 1
    assert more("grantory_refusals_total", code="not.found") == 3
    assert more("grantory_refusals_total", code="method.not.allowed") == 1
    assert more("grantory_refusals_total", code="authentication.required") == 1
    assert more("grantory_refusals_total") == 5


async def test_token_requests_are_counted_by_grant_and_outcome(world: World) -> None:
    admin = world.admin
    await world.ask_token(admin.client_id, admin.secret)
    await world.ask_token(admin.client_id, admin.secret)
    await world.ask_token(admin.client_id, "wrong")
    await world.ask_token(admin.client_id, admin.secret, {"grant_type": "device_code"})
    await world.ask_token(admin.client_id, admin.secret, {"scope": "no such scope"})
    await world.http.post("/oauth/token", content=b"x")
    seen = await read(world)

    def count(grant_type: str, outcome: str) -> float:
        name = "grantory_token_requests_total"
        return seen.value(name, grant_type=grant_type, outcome=outcome)

    assert count("client_credentials", "issued") == 2
    assert count("client_credentials", "invalid_client") == 1
    assert count("client_credentials", "invalid_scope") == 1
    assert count("other", "unsupported_grant_type") == 1
    assert count("other", "invalid_request") == 1
    assert seen.value("grantory_token_requests_total") == 6


async def test_refused_token_requests_are_counted_by_their_reason(world: World) -> None:
    admin, nobody = world.admin, "11111111-2222-4333-8444-555555555555"
    await world.ask_token(admin.client_id, admin.secret, {"scope": "no such scope"})
    await world.ask_token(admin.client_id, admin.secret, {"grant_type": "device_code"})
    await world.http.post("/oauth/token", content=b"x")
    await world.http.post("/oauth/token", data={"grant_type": "client_credentials"})
    for _ in range(3):
        await world.ask_token(nobody, "wrong")
    before = await read(world)
    for _ in range(25):
        await world.ask_token(admin.client_id, "wrong")
    after = await read(world)

    def count(seen: Scrape, reason: str) -> float:
        return seen.value("grantory_token_refusals_total", reason=reason)

    seldom = ("scope", "unknown_grant_type", "malformed", "no_credentials")
    assert [count(before, reason) for reason in seldom] == [1] * 4
    # Whether a client is there at all can be told of the store's counters alone.
    assert count(before, "wrong_secret") == 3
    assert "unknown_client" not in before.labels("grantory_token_refusals_total", "reason")
    assert (count(before, "throttled"), count(after, "throttled")) == (0, 5)
    assert count(after, "wrong_secret") == 23
    assert after.value("grantory_token_refusals_total") == 32


async def test_the_store_and_the_memory_are_told_of(world: World) -> None:
    await world.admin.log_in()
    before = await read(world)
    member = await world.admin.make_member("oauth:client:view")
    await member.log_in()
    await member.get(CLIENTS)
    seen = await read(world)
    worked = "grantory_store_duration_seconds_count"
    assert seen.value(worked, work="write") - before.value(worked, work="write") == 2
    assert seen.value(worked, work="read") > before.value(worked, work="read")
    loads = "grantory_cache_loads_total"
    assert seen.value(loads, kind="client") - before.value(loads, kind="client") == 1
    assert seen.value("grantory_cache_entries", kind="client") == 2
    await member.get(CLIENTS)
    again = await read(world)
    assert again.value(loads) == seen.value(loads)
    await world.admin.call("DELETE", f"{CLIENTS}/{member.client_id}")
    assert (await member.call("GET", CLIENTS)).status_code == 401
    last = await read(world)
    # On PostgreSQL a slow machine may lose its lease meanwhile, and forget more.
    assert last.value("grantory_cache_forgotten_total", kind="client") >= 1
    assert seen.value("grantory_store_size_bytes", part="database") > 100_000
    assert seen.value("grantory_store_changes", state="waiting") == 0
    assert seen.value("grantory_store_changes", state="room") > 0
    kind = "postgresql" if world.settings.database_url else "sqlite"
    assert seen.value("grantory_build_info", store=kind) == 1
    assert ("grantory_lease_age_seconds" in seen.names) == (kind == "postgresql")
    if kind == "postgresql":
        assert 0 <= seen.value("grantory_lease_age_seconds") <= 1
    assert seen.value("process_start_time_seconds") > 1.7e9


async def test_it_is_made_four_times_a_second_at_most(world: World) -> None:
    first = (await world.http.get(METRICS)).content
    assert (await world.http.get(METRICS)).content == first
    world.clock.advance(REMEMBERED_SECONDS)
    assert (await world.http.get(METRICS)).content != first


@pytest.mark.parametrize(
    "accepted",
    [
        "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4",
        "application/openmetrics-text; version=\x7f; escaping=x\x7f",
        "application/openmetrics-text;version=9999999999999.x",
    ],
)
async def test_the_newer_form_is_given_to_who_accepts_it(world: World, accepted: str) -> None:
    answer = await world.http.get(METRICS, headers={"accept": accepted})
    assert answer.status_code == 200
    kind = answer.headers["content-type"]
    assert kind == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert answer.text.endswith("# EOF\n")


@pytest.mark.parametrize("accepted", ["", "*/*", "text/plain;version=x", ",;=,;version"])
async def test_any_other_wish_gets_the_older_form(world: World, accepted: str) -> None:
    answer = await world.http.get(METRICS, headers={"accept": accepted})
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"


class Readers:
    """A server with settings of its own, asked from whatever address."""

    def __init__(self, world: World, settings: Mapping[str, Any], token: str) -> None:
        effective = msgspec.structs.replace(world.settings, **settings)
        watch = Watch(numbers=SharedNumbers(1), metrics_token=token)
        watched = build_watched(world.node, effective, world.log, watch, SharedCounts())
        self.application, self.watching = watched.application, watched.watching

    async def ask(self, address: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        transport = httpx.ASGITransport(app=self.application, client=(address, 9))
        async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as http:
            return await http.get(METRICS, headers=named)


@asynccontextmanager
async def readers(folder: Path, token: str = "", **settings: Any) -> AsyncIterator[Readers]:
    async with new_world(folder / "data") as world:
        yield Readers(world, settings, token)


def assert_refused(answer: httpx.Response) -> None:
    assert answer.status_code == 403
    assert answer.json()["code"] == "metrics.not.allowed"
    assert "grantory_" not in answer.text


async def test_by_default_this_machine_alone_may_read_it(tmp_path: Path) -> None:
    async with readers(tmp_path) as server:
        for address in ("127.0.0.1", "127.0.5.4", "::1", "::ffff:127.0.0.1"):
            assert (await server.ask(address)).status_code == 200
        for address in ("192.0.2.1", "10.0.0.1", "::", "::ffff:192.0.2.1", "2001:db8::1", "", "x"):
            assert_refused(await server.ask(address))


@pytest.mark.parametrize(
    "name", ["x_forwarded_for", "forwarded", "x_real_ip", "via", "x_forwarded_proto"]
)
async def test_a_proxy_that_is_not_trusted_is_nobody(tmp_path: Path, name: str) -> None:
    async with readers(tmp_path) as server:
        for value in ("127.0.0.1", "192.0.2.1", ""):
            assert_refused(await server.ask("127.0.0.1", **{name: value}))


async def test_past_a_trusted_proxy_the_address_counts(tmp_path: Path) -> None:
    async with readers(tmp_path, trusted_proxies=("127.0.0.1/32",)) as server:
        assert_refused(await server.ask("127.0.0.1", x_forwarded_for="192.0.2.1"))
        assert_refused(await server.ask("127.0.0.1", x_forwarded_for="127.0.0.1, 192.0.2.1"))
        assert (await server.ask("127.0.0.1", x_forwarded_for="127.0.0.2")).status_code == 200
        assert (await server.ask("127.0.0.1")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"x_real_ip": "203.0.113.9"},
        {"forwarded": "for=203.0.113.9"},
        {"via": "1.1 proxy"},
        {"x_forwarded_proto": "https"},
        {"x_forwarded_for": "203.0.113.9:4711"},
        {"x_forwarded_for": "[2001:db8::1]:99"},
        {"x_forwarded_for": "unknown"},
        {"x_forwarded_for": "127.0.0.2, unknown"},
        {"x_forwarded_for": "127.0.0.1"},
        {"x_forwarded_for": "fe80::1%x"},
        {"x_forwarded_for": ""},
    ],
    ids=str,
)
async def test_a_trusted_proxy_must_say_for_whom_it_asks(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    async with readers(tmp_path, trusted_proxies=("127.0.0.1/32",)) as server:
        assert_refused(await server.ask("127.0.0.1", **headers))
        beside = headers | {"x_forwarded_for": "127.0.0.2:4711"}
        assert (await server.ask("127.0.0.1", **beside)).status_code == 200


async def test_whose_connection_is_heard_under_overload(tmp_path: Path) -> None:
    async with readers(tmp_path, trusted_proxies=("10.0.0.0/8",)) as server:
        for peer in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.2.3"):
            assert server.watching.may_read_metrics(peer)
        for peer in ("192.0.2.1", "", "x", "fe80::1%lo"):
            assert not server.watching.may_read_metrics(peer)


async def test_other_networks_may_be_named_or_none(tmp_path: Path) -> None:
    async with readers(tmp_path, metrics_allowed_networks=("10.1.0.0/16",)) as server:
        assert (await server.ask("10.1.2.3")).status_code == 200
        assert_refused(await server.ask("127.0.0.1"))
    async with readers(tmp_path, metrics_allowed_networks=()) as server:
        assert_refused(await server.ask("127.0.0.1"))
        assert_refused(await server.ask("10.1.2.3"))


async def test_a_token_is_asked_for_besides(tmp_path: Path) -> None:
    async with readers(tmp_path, token=TOKEN) as server:
        good = f"Bearer {TOKEN}"
        assert (await server.ask("127.0.0.1", authorization=good)).status_code == 200
        assert (await server.ask("127.0.0.1", authorization=good.lower())).status_code == 200
        assert_refused(await server.ask("192.0.2.1", authorization=good))
        for wrong in (
            f"Bearer {TOKEN}t",
            f"Bearer {TOKEN[1:]}",
            "Bearer ",
            TOKEN,
            f"Basic {TOKEN}",
        ):
            answer = await server.ask("127.0.0.1", authorization=wrong)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert TOKEN not in answer.text
        assert (await server.ask("127.0.0.1")).status_code == 401
