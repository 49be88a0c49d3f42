"""How much a list of changes may be about: others wait for the store meanwhile."""

from functools import partial
from typing import Any

import pytest

from grantory.registry import changes as changes_of_registry
from grantory.registry.rights_budget import RightsBudget
from tests.security.answers import refused
from tests.support.change_lists import Change, client, contents, made, role, send
from tests.support.world import World

HELD = "routing:queue:view"


def large_role(name: str, **fields: Any) -> Change:
    """Makes a role of 2,800 rights."""
    actions = [f"a{n}" for n in range(200)]
    policies = [{"domain": "d", "entityName": f"e{n}", "actionSet": actions} for n in range(14)]
    body = {"name": name, "permissionPolicies": policies}
    return {"operation": "postAuthorizationRoles", "body": body, **fields}


async def test_a_list_names_no_more_than_can_be_looked_at_while_others_wait(world: World) -> None:
    roles = [role(f"r{n}", HELD, key=f"r{n}") for n in range(200)]
    every = [(f"#r{n}", "*") for n in range(200)]
    answer = await send(world.admin, *roles, *(client(f"c{n}", *every) for n in range(26)))
    refused(answer, 400, "invalid.value")
    assert "5000 roles and divisions" in answer.json()["message"]
    assert (await send(world.admin, *roles[:2], client("c", *every[:2]))).status_code == 200


async def test_a_list_is_of_clients_that_hold_no_more_than_can_go_while_others_wait(
    world: World,
) -> None:
    roles = await made(world.admin, *(role(f"r{n}", HELD) for n in range(200)))
    every = [(each["id"], "*") for each in roles]
    found = await made(world.admin, *(client(f"c{n}", *every) for n in range(25)))
    found += await made(world.admin, client("one more", every[0]))
    gone = [{"operation": "deleteOauthClient", "id": each["id"]} for each in found]
    less = {"name": "x", "authorizedGrantType": "CODE"}
    put = [{"operation": "putOauthClient", "id": each["id"], "body": less} for each in found]
    before = await contents(world)
    for changes in (gone, put, [*gone[:10], *put[10:]]):
        error = refused(await send(world.admin, *changes), 400, "bad.request")
        assert error["message"].startswith("The clients of the changes hold more than 5000 roles")
        assert error["message"].endswith("make fewer changes at a time.")
    assert await contents(world) == before
    assert len(await made(world.admin, *put[:25])) == 25
    assert len(await made(world.admin, *gone)) == 26
    (left,) = await world.rows("SELECT count(*) FROM grants")
    assert left[0] == 2  # of the first client and the first user


async def test_a_list_is_of_roles_that_are_held_no_more_often_than_can_be_read(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes_of_registry, "RightsBudget", partial(RightsBudget, most_grants=4))
    roles = await made(world.admin, *(role(f"r{n}", HELD) for n in range(3)))
    popular, other, *_ = ids = [each["id"] for each in roles]
    pairs = [(popular, "*")] * 5 + [(other, "*")]
    await made(world.admin, *(client(f"c{n}", pair) for n, pair in enumerate(pairs)))
    gone = [{"operation": "deleteAuthorizationRole", "id": each} for each in ids]
    more = [
        {**role(f"more {n}", HELD, "a:b:c"), "operation": "putAuthorizationRole", "id": each}
        for n, each in enumerate(ids)
    ]
    before = await contents(world)
    for changes in ([gone[1], gone[0]], [more[0], more[1]], [more[0], gone[1]]):
        error = refused(await send(world.admin, *changes), 400, "bad.request")
        assert error["message"].startswith("Change 2 of 2 ")
        assert "are held more than 4 times" in error["message"]
    assert await contents(world) == before
    # What gives nobody more needs not be told who they are, and one role alone can be changed.
    same = [{**each, "body": role(f"n{n}", HELD)["body"]} for n, each in enumerate(more)]
    for changes in (same, more[:1], gone[:1]):
        assert len(await made(world.admin, *changes)) == len(changes)


async def test_a_list_compares_no_more_rights_than_can_be_while_others_wait(world: World) -> None:
    large = large_role("large", key="large")
    before = await contents(world)
    many = [client(f"c{n}", ("#large", "*")) for n in range(120)]
    answer = await send(world.admin, large, *many)
    error = refused(answer, 400, "bad.request")
    assert error["message"].startswith("Change 109 of 121 (postOauthClients): ")
    assert "300000 rights" in error["message"]
    assert await contents(world) == before
    assert len(await made(world.admin, large, *many[:100])) == 101


async def test_roles_that_shrink_in_a_list_are_compared_as_well(world: World) -> None:
    ids = []
    for start in range(0, 110, 22):
        many = [large_role(f"r{n}") for n in range(start, start + 22)]
        ids += [each["id"] for each in await made(world.admin, *many)]
    smaller = [
        {**role(f"s{n}"), "operation": "putAuthorizationRole", "id": each}
        for n, each in enumerate(ids)
    ]
    before = await contents(world)
    error = refused(await send(world.admin, *smaller), 400, "bad.request")
    assert error["message"].startswith("Change 108 of 110 (putAuthorizationRole): ")
    assert "300000 rights" in error["message"]
    assert await contents(world) == before
    assert len(await made(world.admin, *smaller[:50])) == 50
