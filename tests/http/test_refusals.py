"""Token requests that are refused leave their trace, without costing an answer anything."""

from collections.abc import Callable
from typing import Any, TypeVar

import httpx2 as httpx
import pytest

from grantory.app import build_refusal_keeper
from grantory.domain.refusal import Refusal
from grantory.errors import RefusalReason
from grantory.ports.storage import Transaction
from tests.support.world import ADDRESS, CLIENTS, Member, World

T = TypeVar("T")
UNKNOWN = "11111111-2222-4333-8444-555555555555"
SCOPE = {"scope": "beyond"}
CODE = {"authorizedGrantType": "CODE"}


async def flush(world: World) -> None:
    """What a running server does every second."""
    await build_refusal_keeper(world.node, world.node.store).flush()


async def newest(world: World, organization_id: str = "") -> list[Refusal]:
    wanted = organization_id or world.founding.organization.id
    return await world.node.store.read(lambda s: s.refusals.newest(wanted, 1000))


async def counted(world: World, organization_id: str = "") -> dict[str, int]:
    """How many were counted by reason; without an organisation, those of nobody."""
    found = await world.node.store.read(lambda s: s.refusals.counted(organization_id, 0))
    assert all(bool(counter.organization_id) == bool(organization_id) for counter in found)
    return {counter.reason: number for counter, number in found.items()}


async def machine(world: World, **fields: Any) -> Member:
    return await world.admin.make_client(await world.admin.make_role("a:b:c"), **fields)


async def test_a_refusal_tells_who_why_when_and_from_where(world: World) -> None:
    member = await machine(world)
    foreign = world.member(await world.found("Elsewhere"))
    transport = httpx.ASGITransport(app=world.application, client=("2001:db8::7", 1))
    async with httpx.AsyncClient(transport=transport, base_url=ADDRESS) as http:
        answer = await http.post(
            "/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(member.client_id.upper(), foreign.secret),
        )
    world.clock.advance(0.5)
    await world.ask_token(foreign.client_id, member.secret)
    world.clock.advance(0.5)
    assert await newest(world) == [], "nothing is written before an answer"
    await flush(world)
    assert await newest(world) == [
        Refusal(
            at=world.clock.now_ms() - 1000,
            organization_id=world.founding.organization.id,
            client_id=member.client_id,
            error="invalid_client",
            reason=RefusalReason.WRONG_SECRET,
            address="2001:db8::7",
            correlation_id=answer.headers["ININ-Correlation-Id"],
        )
    ]
    (other,) = await newest(world, await organization_of(world, foreign))
    assert (other.client_id, other.address) == (foreign.client_id, "127.0.0.1")
    assert await counted(world) == {}


async def organization_of(world: World, member: Member) -> str:
    client = await world.node.store.read(lambda s: s.clients.get(member.client_id))
    assert client is not None
    return client.organization_id


async def test_every_refusal_of_a_known_client_has_its_reason(world: World) -> None:
    reasons: dict[str, str] = {}
    for reason, change in (
        (RefusalReason.INACTIVE, {"state": "inactive"}),
        (RefusalReason.DISABLED, {"state": "disabled"}),
        (RefusalReason.TO_BE_DELETED, {"dateToDelete": "2030-01-01T00:00:00.000Z"}),
        (RefusalReason.OTHER_GRANT_TYPE, CODE),
        (RefusalReason.SCOPE, {}),
    ):
        member = await machine(world)
        path = f"{CLIENTS}/{member.client_id}"
        if change:
            before = await world.admin.get(path)
            kept = ("name", "authorizedGrantType", "roleDivisions")
            await world.admin.put(path, {**{n: before[n] for n in kept if n in before}, **change})
        data = SCOPE if reason is RefusalReason.SCOPE else {}
        assert (await world.ask_token(member.client_id, member.secret, data)).status_code == 400
        reasons[reason] = member.client_id
    await flush(world)
    assert {r.reason: r.client_id for r in await newest(world)} == reasons
    assert {r.error for r in await newest(world)} == {"unauthorized_client", "invalid_scope"}


async def test_a_malformed_secret_of_a_client_that_no_memory_holds_is_its_own(
    world: World,
) -> None:
    member = await machine(world)
    await world.ask_token(member.client_id, "cut off")
    await flush(world)
    (found,) = await newest(world)
    assert (found.client_id, found.reason) == (member.client_id, RefusalReason.WRONG_SECRET)


async def test_the_others_are_counted_and_the_throttled_too(world: World) -> None:
    member = await machine(world)
    for _ in range(25):
        await world.ask_token(member.client_id, "wrong")
    await flush(world)
    kept = await newest(world)
    assert [r.reason for r in kept].count(RefusalReason.WRONG_SECRET) == 3
    assert [r.reason for r in kept].count(RefusalReason.THROTTLED) == 3
    organization = world.founding.organization.id
    assert await counted(world, organization) == {
        RefusalReason.WRONG_SECRET: 17,
        RefusalReason.THROTTLED: 2,
    }
    world.clock.advance(3600)
    for _ in range(4):
        await world.ask_token(member.client_id, "wrong")
    await flush(world)
    assert len(await newest(world)) == 9
    found = await world.node.store.read(lambda s: s.refusals.counted(organization, 0))
    assert sorted(found.values()) == [1, 2, 17]


async def test_what_names_no_known_client_is_only_counted(world: World) -> None:
    deleted = await machine(world)
    await world.admin.call("DELETE", f"{CLIENTS}/{deleted.client_id}")
    for client_id in (UNKNOWN, UNKNOWN, "nobody", "a" * 65, deleted.client_id, "\u00e4"):
        await world.ask_token(client_id, "wrong")
    post = world.http.post
    form = {"grant_type": "client_credentials"}
    await post("/oauth/token", data=form)
    await post("/oauth/token", data={"grant_type": "magic"}, auth=(world.admin.client_id, "x"))
    await post("/oauth/token", data={})
    await post("/oauth/token?client_id=a", data=form)
    await post("/oauth/token", json=form)
    await post("/oauth/token", data=form, headers={"authorization": "Bearer x"})
    await post("/oauth/token", content=b"x" * 300_000, headers={"content-type": "a/b"})
    await flush(world)
    assert await newest(world) == []
    assert await counted(world, world.founding.organization.id) == {}
    assert await counted(world) == {
        RefusalReason.UNKNOWN_CLIENT: 6,
        RefusalReason.NO_CREDENTIALS: 1,
        RefusalReason.UNKNOWN_GRANT_TYPE: 1,
        RefusalReason.MALFORMED: 5,
    }
    stored = str(await world.rows("SELECT * FROM refusal_counters"))
    assert UNKNOWN not in stored
    assert deleted.client_id not in stored


async def test_a_good_request_leaves_nothing_behind(world: World) -> None:
    await world.admin.log_in()
    assert world.node.refusals.is_empty


async def test_a_refusal_writes_nothing_before_its_answer(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.admin.log_in()
    written: list[object] = []
    write = world.node.store.write

    async def noted(work: Callable[[Transaction], T]) -> T:
        written.append(work)
        return await write(work)

    monkeypatch.setattr(world.node.store, "write", noted)
    for _ in range(5):
        await world.ask_token(world.admin.client_id, "wrong")
    assert written == []
    await flush(world)
    assert len(written) == 1
