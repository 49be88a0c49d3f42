"""Attack case 74: a role that is held does not grow beyond the actor, not even by a race."""

import asyncio
from typing import Any

import pytest

from grantory.domain.access import Assignment
from grantory.domain.client import SubjectKind
from tests.security.limited import (
    MANAGES,
    QUEUES,
    SECRET_RIGHT,
    beyond_rights,
    holding,
    scene,
)
from tests.support.world import CLIENTS, ROLES, World


async def test_case_74_a_role_that_somebody_holds_cannot_grow_beyond(world: World) -> None:
    it = await scene(world)
    holder = await world.admin.make_client(it.covered, division=it.home)
    path = f"{ROLES}/{it.covered}"
    queue = {"domain": "routing", "entityName": "queue", "actionSet": ["view"]}
    invoice = {"domain": "billing", "entityName": "invoice", "actionSet": ["edit"]}
    bodies: list[dict[str, Any]] = [
        {"permissionPolicies": [queue, invoice]},
        {"permissionPolicies": [invoice]},
        {"permissionPolicies": [{**queue, "actionSet": ["view", "edit"]}]},
        {"permissionPolicies": [{**queue, "actionSet": ["*"]}]},
        {"permissionPolicies": [{**queue, "entityName": "*"}]},
        {"permissionPolicies": [{**queue, "domain": "*"}]},
        {"permissions": [SECRET_RIGHT]},
        {"permissions": ["*:*:*"]},
        {"permissions": ["group_creation"]},
    ]
    for body in bodies:
        beyond_rights(await it.limited.call("PATCH", path, body))
        beyond_rights(await it.limited.call("PUT", path, {"name": "grown", **body}))
    role = await world.admin.get(path)
    assert role["permissionPolicies"][0]["actionSet"] == ["view"]
    assert role["permissions"] == []
    # Within one's own rights it may grow, and it may always shrink.
    assert (await it.limited.call("PATCH", path, {"permissions": [MANAGES[0]]})).status_code == 200
    assert (await it.limited.call("PUT", path, {"name": "less"})).status_code == 200
    assert await it.rights_of(holder.client_id) == {(it.covered, it.home)}


async def test_case_74_a_role_grows_only_by_what_is_held_in_its_divisions(world: World) -> None:
    it = await scene(world)
    at_home = await world.admin.make_member(*MANAGES, QUEUES, SECRET_RIGHT, division=it.home)
    path = f"{ROLES}/{it.covered}"
    await world.admin.make_client(it.covered, division=it.home)
    grown = {"permissions": [SECRET_RIGHT]}
    assert (await at_home.call("PATCH", path, grown)).status_code == 200
    await world.admin.call("PATCH", path, {"permissions": []})

    for division in (it.away, "*"):
        await world.admin.make_client(it.covered, division=division)
        beyond_rights(await at_home.call("PATCH", path, grown))
        beyond_rights(await at_home.call("PUT", path, {"name": "a", **grown}))


async def test_case_74_a_role_that_nobody_holds_is_no_way_round(world: World) -> None:
    it = await scene(world)
    # It may be made, and it may grow: nobody gains by it.
    role = await it.limited.post(ROLES, {"name": "mine", "permissions": [SECRET_RIGHT, "*:*:*"]})
    # It may not be given, nor a lesser role first and the permission after.
    beyond_rights(await it.limited.call("POST", CLIENTS, holding((role["id"], "*"))))
    small = await it.limited.make_role(QUEUES)
    await it.limited.make_client(small)
    grown = {"permissions": [SECRET_RIGHT]}
    beyond_rights(await it.limited.call("PATCH", f"{ROLES}/{small}", grown))


async def test_case_74_a_deleted_roles_name_brings_no_rights_back(world: World) -> None:
    it = await scene(world)
    named = await world.admin.make_role(SECRET_RIGHT, name="Accounting")
    holder = await world.admin.make_client(named, it.covered)
    assert (await it.limited.call("DELETE", f"{ROLES}/{named}")).status_code == 204

    again = await it.limited.post(ROLES, {"name": "Accounting", "id": named})

    assert again["id"] != named
    assert await it.rights_of(holder.client_id) == {(it.covered, "*")}


async def race(*calls: Any) -> list[int]:
    """Runs calls at once; gives their statuses."""
    return [answer.status_code for answer in await asyncio.gather(*calls)]


@pytest.mark.parametrize("turn", range(6))
async def test_case_74_growing_a_role_while_it_is_given(world: World, turn: int) -> None:
    """Either alone is allowed: a role that nobody holds may grow, a small one may be given."""
    it = await scene(world)
    small = await it.limited.make_role(QUEUES)
    path = f"{ROLES}/{small}"
    grow = [it.limited.call("PATCH", path, {"permissions": [SECRET_RIGHT]}) for _ in range(2)]
    give = [it.limited.call("POST", CLIENTS, holding((small, "*"))) for _ in range(2)]
    await it.limited.log_in()
    calls = [*grow, *give] if turn % 2 else [*give, *grow]

    statuses = await race(*calls)

    assert set(statuses) == {200, 403}
    role = await world.admin.get(path)
    holders = [
        client["id"]
        for client in (await world.admin.get(CLIENTS))["entities"]
        if small in client["roleIds"]
    ]
    assert not (role["permissions"] and holders), statuses


@pytest.mark.parametrize("turn", range(6))
async def test_case_74_taking_a_right_away_while_it_is_given(world: World, turn: int) -> None:
    it = await scene(world)
    rich_role = await world.admin.make_role(SECRET_RIGHT)
    manager = await world.admin.make_role(*MANAGES)
    rich = await world.admin.make_client(rich_role, manager)
    await rich.log_in()
    await world.admin.log_in()
    body = holding((manager, "*"))
    take = world.admin.call("PUT", f"{CLIENTS}/{rich.client_id}", body)
    give = [rich.call("POST", CLIENTS, holding((it.beyond, "*"))) for _ in range(3)]
    calls = [take, *give] if turn % 2 else [*give[:2], take, give[2]]

    statuses = await race(*calls)

    # Whatever is given after the right has gone is refused; what was given before stays.
    order = [status for call, status in zip(calls, statuses, strict=True) if call is not take]
    assert set(order) <= {200, 403}
    if not world.settings.database_url:  # PostgreSQL may take them in another order
        assert order == sorted(order)
    beyond_rights(await rich.call("POST", CLIENTS, holding((it.beyond, "*"))))


async def test_case_74_strengthening_a_client_while_its_secret_is_replaced(world: World) -> None:
    """The new secret of a client that became strong must not reach the limited one."""
    it = await scene(world)
    for turn in range(6):
        weak = await world.admin.make_client(it.covered)
        path = f"{CLIENTS}/{weak.client_id}"
        strengthen = world.admin.call("PUT", path, holding((it.covered, "*"), (it.beyond, "*")))
        replace = it.limited.call("POST", f"{path}/secret")
        pair = [strengthen, replace] if turn % 2 else [replace, strengthen]
        await asyncio.gather(*pair)
        # Afterwards, whatever the order was, it is out of reach.
        beyond_rights(await it.limited.call("POST", f"{path}/secret"))


async def test_case_74_a_user_is_a_subject_too(world: World) -> None:
    """A role that only a person holds cannot grow beyond the actor either."""
    it = await scene(world)
    lonely = await world.admin.make_role(QUEUES)
    organization_id = world.founding.organization.id
    grants = [Assignment(lonely, "*")]
    user_id = world.node.random.uuid()
    await world.node.store.write(
        lambda transaction: transaction.access.set_grants(
            organization_id, user_id, SubjectKind.USER, grants, world.clock.now_ms()
        )
    )

    beyond_rights(
        await it.limited.call("PATCH", f"{ROLES}/{lonely}", {"permissions": [SECRET_RIGHT]})
    )
