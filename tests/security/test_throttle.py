"""Attack case 42: a flood of wrong secrets."""

from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from grantory.protocol import throttle
from grantory.protocol.throttle import FailureThrottle, ThrottleLimits
from tests.security.answers import log_of, oauth_refused
from tests.support.runtime import FakeClock
from tests.support.world import ADDRESS, CLIENTS, Member, World, new_world

UNKNOWN = "11111111-2222-4333-8444-555555555555"
HOME, OFFICE, ELSEWHERE = "192.0.2.1", "192.0.2.2", "198.51.100.7"


async def ask(world: World, who: Member | str, secret: str, **headers: str) -> httpx.Response:
    client_id = who if isinstance(who, str) else who.client_id
    return await world.ask_token(client_id, secret, headers=headers)


def from_address(world: World, address: str) -> httpx.AsyncClient:
    """A caller whose connection comes from an address."""
    transport = httpx.ASGITransport(app=world.application, client=(address, 1024))
    return httpx.AsyncClient(transport=transport, base_url=ADDRESS)


async def ask_from(world: World, address: str, client_id: str, secret: str) -> httpx.Response:
    async with from_address(world, address) as http:
        return await http.post(
            "/oauth/token", data={"grant_type": "client_credentials"}, auth=(client_id, secret)
        )


def throttled(answer: httpx.Response) -> int:
    """Asserts the answer that official clients wait for; gives the seconds."""
    body = oauth_refused(answer, 400, "invalid_request")
    assert body["error_description"].startswith("rate limit exceeded;")
    seconds = int(answer.headers["retry-after"])
    assert 1 <= seconds <= 60
    return seconds


async def machine(world: World) -> Member:
    return await world.admin.make_client(await world.admin.make_role("routing:queue:view"))


async def test_case_42_twenty_a_minute_for_a_client_at_an_address(world: World) -> None:
    one, other = await machine(world), await machine(world)
    for _ in range(20):
        oauth_refused(await ask(world, one, "wrong"), 401, "invalid_client")

    assert throttled(await ask(world, one, "wrong")) == 60
    # Here even the right secret waits; everybody else does not.
    throttled(await ask(world, one, one.secret))
    assert (await ask(world, other, other.secret)).status_code == 200
    for address in (OFFICE, "2001:db8::1"):
        answer = await ask_from(world, address, one.client_id, one.secret)
        assert answer.status_code == 200
    assert "throttled" in await log_of(world)


async def test_case_42_the_window_passes(world: World) -> None:
    one = await machine(world)
    await ask(world, one, "wrong")
    world.clock.advance(30)
    for _ in range(19):
        await ask(world, one, "wrong")

    assert throttled(await ask(world, one, one.secret)) == 30
    world.clock.advance(29.5)
    assert throttled(await ask(world, one, one.secret)) == 1
    world.clock.advance(0.5)
    assert (await ask(world, one, one.secret)).status_code == 200
    # The count starts anew.
    for _ in range(20):
        oauth_refused(await ask(world, one, "wrong"), 401, "invalid_client")
    throttled(await ask(world, one, "wrong"))


async def test_case_42_the_time_of_day_does_not_matter(world: World) -> None:
    one = await machine(world)
    for _ in range(20):
        await ask(world, one, "wrong")

    for step in (3600, -7200):
        world.clock.step(step)
        assert throttled(await ask(world, one, one.secret)) == 60


async def test_case_42_asking_while_throttled_does_not_lengthen_it(world: World) -> None:
    one = await machine(world)
    for _ in range(20):
        await ask(world, one, "wrong")
    for _ in range(50):
        world.clock.advance(1)
        throttled(await ask(world, one, "wrong"))
    world.clock.advance(10)

    assert (await ask(world, one, one.secret)).status_code == 200


async def test_case_42_successes_are_not_counted(world: World) -> None:
    one = await machine(world)
    for _ in range(400):
        assert (await ask(world, one, one.secret)).status_code == 200


@pytest.mark.parametrize("kind", ["upper case", "unknown", "no secret form"])
async def test_case_42_another_spelling_is_the_same_client(world: World, kind: str) -> None:
    one = await machine(world)
    spellings = [one.client_id] * 21
    if kind == "upper case":
        letters = [i for i, character in enumerate(one.client_id) if character.isalpha()][:5]
        for number in range(21):
            text = list(one.client_id)
            for bit, position in enumerate(letters):
                if number >> bit & 1:
                    text[position] = text[position].upper()
            spellings[number] = "".join(text)
    elif kind == "unknown":
        spellings = [UNKNOWN] * 21
    secret = world.admin.secret if kind != "no secret form" else ""
    for spelling in spellings[:20]:
        oauth_refused(await ask(world, spelling, secret), 401, "invalid_client")

    throttled(await ask(world, spellings[20], secret))


async def test_case_42_the_body_counts_as_the_header_does(world: World) -> None:
    one = await machine(world)
    body = {"client_id": one.client_id, "client_secret": "wrong"}
    form = {"grant_type": "client_credentials", **body}
    for number in range(20):
        if number % 2:
            answer = await world.http.post("/oauth/token", data=form)
        else:
            answer = await ask(world, one, "wrong")
        oauth_refused(answer, 401, "invalid_client")

    throttled(await world.http.post("/oauth/token", data=form))
    throttled(await ask(world, one, one.secret))


async def test_case_42_three_hundred_a_minute_for_an_address(world: World) -> None:
    one = await machine(world)
    for number in range(300):
        oauth_refused(await ask(world, f"guess-{number}", "wrong"), 401, "invalid_client")

    throttled(await ask(world, "guess-300", "wrong"))
    throttled(await ask(world, one, one.secret))
    assert (await ask_from(world, OFFICE, one.client_id, one.secret)).status_code == 200
    world.clock.advance(60)
    assert (await ask(world, one, one.secret)).status_code == 200


async def test_case_42_failures_on_the_api_are_no_way_round(world: World) -> None:
    one = await machine(world)
    for number in range(50):
        answer = await world.http.get(CLIENTS, headers={"authorization": f"Bearer gat_{number}"})
        assert answer.status_code == 401

    assert (await ask(world, one, one.secret)).status_code == 200


async def test_case_42_a_network_of_addresses_is_one(world: World) -> None:
    one = await machine(world)
    for number in range(20):
        answer = await ask_from(world, f"2001:db8:1:2::{number:x}", one.client_id, "wrong")
        oauth_refused(answer, 401, "invalid_client")

    throttled(await ask_from(world, "2001:db8:1:2:ffff::1", one.client_id, one.secret))
    answer = await ask_from(world, "2001:db8:1:3::1", one.client_id, one.secret)
    assert answer.status_code == 200


def forwarded(*hops: str) -> dict[str, str]:
    return {"X-Forwarded-For": ", ".join(hops)}


async def test_case_42_behind_a_trusted_proxy(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"trusted_proxies": ("127.0.0.1", "10.0.0.0/8")}
    async with new_world(tmp_path / "data", **settings) as world:
        one = await machine(world)
        # The attacker's own header comes first; what the proxies added counts.
        for number in range(20):
            headers = forwarded(f"203.0.113.{number}", HOME, "10.1.2.3")
            oauth_refused(await ask(world, one, "wrong", **headers), 401, "invalid_client")
        throttled(await ask(world, one, one.secret, **forwarded("203.0.113.99", HOME)))
        throttled(await ask(world, one, one.secret, **forwarded(ELSEWHERE, HOME, "10.9.9.9")))

        assert (await ask(world, one, one.secret, **forwarded(OFFICE))).status_code == 200
        # What is no address counts for the proxy that sent it.
        for number in range(20):
            headers = forwarded(f"unknown-{number}")
            oauth_refused(await ask(world, one, "wrong", **headers), 401, "invalid_client")
        throttled(await ask(world, one, one.secret))
        assert (await ask(world, one, one.secret, **forwarded(OFFICE))).status_code == 200


async def test_case_42_a_trusted_proxy_may_write_ports(tmp_path: Path) -> None:
    async with new_world(tmp_path / "data", trusted_proxies=("127.0.0.1",)) as world:
        one = await machine(world)
        for number in range(20):
            headers = forwarded(f"{HOME}:{40_000 + number}")
            oauth_refused(await ask(world, one, "wrong", **headers), 401, "invalid_client")
        throttled(await ask(world, one, one.secret, **forwarded(HOME)))
        for address in (f"{OFFICE}:1", "[2001:db8::1]:2"):
            answer = await ask(world, one, one.secret, **forwarded(address))
            assert answer.status_code == 200


async def test_case_42_a_trusted_proxy_on_a_socket_for_both_families(tmp_path: Path) -> None:
    async with new_world(tmp_path / "data", trusted_proxies=("10.0.0.0/8",)) as world:
        one = await machine(world)
        async with from_address(world, "::ffff:10.1.2.3") as http:
            statuses = [
                (
                    await http.post(
                        "/oauth/token",
                        data={"grant_type": "client_credentials"},
                        headers=forwarded(address),
                        auth=(one.client_id, secret),
                    )
                ).status_code
                for address, secret in [*[(HOME, "wrong")] * 21, (OFFICE, one.secret)]
            ]
        assert statuses == [401] * 20 + [400, 200]


async def test_case_42_without_a_trusted_proxy_the_header_is_nothing(world: World) -> None:
    one = await machine(world)
    for number in range(20):
        headers = forwarded(f"203.0.113.{number}") | {
            "Forwarded": f"for=203.0.113.{number}",
            "X-Real-IP": f"203.0.113.{number}",
            "X-Client-IP": f"203.0.113.{number}",
            "True-Client-IP": f"203.0.113.{number}",
        }
        oauth_refused(await ask(world, one, "wrong", **headers), 401, "invalid_client")

    throttled(await ask(world, one, one.secret, **forwarded(OFFICE)))
    assert "203.0.113." not in await log_of(world)


def test_case_42_the_table_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MOST_COUNTERS", 1000)
    clock = FakeClock()
    table = FailureThrottle(ThrottleLimits(), clock)
    for number in range(5000):
        table.failed(f"client-{number}", f"2001:db8:{number:x}::1")

    assert len(table._windows) == 1000
    # The newest are the ones that stay.
    for _ in range(19):
        table.failed("client-4999", "2001:db8:1387::1")
    assert table.wait_seconds("client-4999", "2001:db8:1387::1") == 60


async def test_case_42_a_limit_of_nought_is_none(tmp_path: Path) -> None:
    async with new_world(
        tmp_path / "data",
        throttle_failures_per_client_and_address=0,
        throttle_failures_per_address=0,
    ) as world:
        for _ in range(400):
            oauth_refused(await ask(world, UNKNOWN, "wrong"), 401, "invalid_client")
