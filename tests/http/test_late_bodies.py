"""A body that comes late: what was changed meanwhile counts."""

import asyncio
import json
from typing import Any

import pytest

from tests.support.world import CLIENTS, Member, World


async def create(world: World, member: Member, role_id: str, came: asyncio.Event) -> int:
    """The status of a request for a new client, whose body comes when it is said."""
    body = {"name": "late", "authorizedGrantType": "CLIENT-CREDENTIALS", "roleIds": [role_id]}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": CLIENTS,
        "raw_path": CLIENTS.encode(),
        "root_path": "",
        "query_string": b"",
        "server": ("127.0.0.1", 8080),
        "client": ("127.0.0.1", 50_000),
        "headers": [
            (b"host", b"grantory.test"),
            (b"authorization", f"Bearer {member.token}".encode()),
            (b"content-type", b"application/json"),
        ],
    }
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        waited = not came.is_set()
        await came.wait()
        data = json.dumps(body).encode()
        return {"type": "http.request", "body": data, "more_body": False, "waited": waited}

    async def send(message: Any) -> None:
        sent.append(message)

    await world.application(scope, receive, send)
    return int(sent[0]["status"])


async def started(work: "asyncio.Task[int]") -> None:
    for _ in range(5):
        await asyncio.sleep(0)
    assert not work.done()


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ("nothing", 200),
        ("its client is disabled", 401),
        ("its tokens are ended", 401),
        ("its client is deleted", 401),
        ("its role is narrowed", 403),
        ("it runs out", 401),
    ],
)
async def test_what_happens_to_a_caller_while_its_body_comes_counts(
    world: World, what: str, status: int
) -> None:
    role_id = await world.admin.make_role("oauth:client:add", "oauth:client:view")
    given = await world.admin.make_role("oauth:client:view")
    member = await world.admin.make_client(role_id)
    await member.log_in()
    came = asyncio.Event()
    creating = asyncio.create_task(create(world, member, given, came))
    await started(creating)
    path = f"{CLIENTS}/{member.client_id}"
    found = await world.admin.get(path)
    if what == "its client is disabled":
        await world.admin.put(path, {**found, "state": "disabled"})
    elif what == "its tokens are ended":
        answer = await world.admin.call("POST", f"{path}/secret?revokeTokens=true")
        assert answer.status_code == 200
    elif what == "its client is deleted":
        assert (await world.admin.call("DELETE", path)).status_code in (200, 204)
    elif what == "its role is narrowed":
        policy = {"domain": "oauth", "entityName": "client", "actionSet": ["view"]}
        role = {"name": "narrowed", "permissionPolicies": [policy]}
        await world.admin.put(f"/api/v2/authorization/roles/{role_id}", role)
    elif what == "it runs out":
        world.clock.advance(86_401)
    came.set()
    assert await creating == status


async def test_a_body_that_is_there_at_once_is_not_waited_for(world: World) -> None:
    role_id = await world.admin.make_role("oauth:client:view")
    await world.admin.log_in()
    came = asyncio.Event()
    came.set()
    assert await create(world, world.admin, role_id, came) == 200


async def test_a_body_that_comes_while_its_caller_is_looked_at_comes_late(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = await world.admin.make_role("oauth:client:view")
    member = await world.admin.make_client(await world.admin.make_role("oauth:client:add"))
    await member.log_in()
    await world.admin.log_in()
    reads = world.application._reads
    asked, answered, is_denied = asyncio.Event(), asyncio.Event(), reads.is_denied

    async def slowly(token_id: bytes) -> bool:
        if asyncio.current_task() is creating:
            asked.set()
            await answered.wait()
        return await is_denied(token_id)

    monkeypatch.setattr(reads, "is_denied", slowly)
    came = asyncio.Event()
    creating = asyncio.create_task(create(world, member, given, came))
    await asked.wait()
    found = await world.admin.get(f"{CLIENTS}/{member.client_id}")
    await world.admin.put(f"{CLIENTS}/{member.client_id}", {**found, "state": "disabled"})
    came.set()
    answered.set()
    assert await creating == 401
