"""Attack cases 74 and 75: nobody gives away, or takes, a right or division that they lack."""

from typing import Any

import pytest

from tests.security.answers import refused
from tests.security.limited import (
    MACHINE,
    MANAGES,
    QUEUES,
    SECRET_RIGHT,
    beyond_rights,
    holding,
    scene,
)
from tests.support.world import CLIENTS, ROLES, World


async def test_case_74_create_with_a_role_beyond(world: World) -> None:
    it = await scene(world)
    for body in (
        holding((it.beyond, "*")),
        holding((it.beyond, it.home)),
        holding((it.covered, it.home), (it.beyond, it.home)),
        holding((it.beyond.upper(), "*")),
        {**MACHINE, "roleIds": [it.beyond]},
        {**MACHINE, "roleIds": [it.covered, it.beyond]},
        {**MACHINE, "roleIds": [it.covered], **holding((it.beyond, "*"))},
        {**holding((it.beyond, "*")), "state": "inactive"},
        {**holding((it.beyond, "*")), "state": "disabled"},
    ):
        beyond_rights(await it.limited.call("POST", CLIENTS, body))
    assert (await world.admin.get(CLIENTS))["total"] == 2
    assert (await it.limited.call("POST", CLIENTS, holding((it.covered, "*")))).status_code == 200


async def test_case_74_replace_with_a_role_beyond(world: World) -> None:
    it = await scene(world)
    one = await it.limited.make_client(it.covered)
    for body in (
        holding((it.beyond, "*")),
        holding((it.covered, "*"), (it.beyond, it.home)),
        {**MACHINE, "roleIds": [it.covered, it.beyond]},
        {**MACHINE, "roleIds": [it.beyond]},
    ):
        beyond_rights(await it.limited.call("PUT", f"{CLIENTS}/{one.client_id}", body))
    assert await it.rights_of(one.client_id) == {(it.covered, "*")}


async def test_case_74_whoever_holds_more_is_out_of_reach(world: World) -> None:
    """A client that already holds more must not be touched: its new secret would be a way in."""
    it = await scene(world)
    strong = await world.admin.make_client(it.beyond)
    path = f"{CLIENTS}/{strong.client_id}"
    token = await strong.log_in()
    for method, target, body in (
        ("POST", f"{path}/secret", None),
        ("POST", f"{path}/secret", holding((it.covered, "*"))),
        ("PUT", path, holding((it.beyond, "*"))),
        # Not even to take the right away, and by no other grant type.
        ("PUT", path, holding((it.covered, "*"))),
        ("PUT", path, {"name": "a", "authorizedGrantType": "CODE"}),
        ("PUT", path, {**MACHINE, "roleIds": [it.beyond]}),
        ("PUT", path, {**holding((it.beyond, "*")), "state": "active"}),
        ("POST", f"{CLIENTS}/{world.admin.client_id}/secret", None),
        ("PUT", f"{CLIENTS}/{world.admin.client_id}", holding((it.covered, "*"))),
    ):
        answer = await it.limited.call(method, target, body)
        beyond_rights(answer)
        assert "secret" not in answer.json()
    assert (await world.ask_token(strong.client_id, strong.secret)).status_code == 200
    strong.token = token
    assert (await strong.call("GET", "/api/v2/tokens/me")).status_code == 200


async def test_case_74_changing_the_grant_type_and_back(world: World) -> None:
    it = await scene(world)
    strong = await world.admin.make_client(it.beyond)
    path = f"{CLIENTS}/{strong.client_id}"
    code = {"name": "a", "authorizedGrantType": "CODE"}
    await world.admin.put(path, code)
    assert await it.rights_of(strong.client_id) == set()

    # The rights went with the grant type: they neither sleep nor come back.
    refused(await it.limited.call("PUT", path, MACHINE), 400, "missing.client.roles")
    beyond_rights(await it.limited.call("PUT", path, holding((it.beyond, "*"))))
    await it.limited.put(path, holding((it.covered, it.home)))
    assert await it.rights_of(strong.client_id) == {(it.covered, it.home)}
    refused(await it.limited.call("GET", f"{CLIENTS}/{it.beyond}"), 404, "not.found")


@pytest.mark.parametrize("state", ["disabled", "inactive"])
async def test_case_74_enabling_a_client_that_holds_more(world: World, state: str) -> None:
    it = await scene(world)
    strong = await world.admin.make_client(it.beyond, state=state)
    path = f"{CLIENTS}/{strong.client_id}"

    for body in (
        {**holding((it.beyond, "*")), "state": "active"},
        {**MACHINE, "roleIds": [it.beyond], "state": "active"},
        {**MACHINE, "roleIds": [it.beyond]},
    ):
        beyond_rights(await it.limited.call("PUT", path, body))
    beyond_rights(await it.limited.call("POST", f"{path}/secret"))
    assert (await world.admin.get(path))["state"] == state


async def test_case_74_a_division_beyond(world: World) -> None:
    it = await scene(world)
    at_home = await world.admin.make_member(*MANAGES, QUEUES, division=it.home)
    one = await at_home.make_client(it.covered, division=it.home)
    path = f"{CLIENTS}/{one.client_id}"
    for division in ("*", it.away):
        for method, target in (("POST", CLIENTS), ("PUT", path)):
            body = holding((it.covered, it.home), (it.covered, division))
            beyond_rights(await at_home.call(method, target, body))
            beyond_rights(await at_home.call(method, target, holding((it.covered, division))))
    assert await it.rights_of(one.client_id) == {(it.covered, it.home)}
    # Role ids alone keep the divisions that are held, and never widen them.
    wide = await world.admin.make_client(it.covered)
    body = {**MACHINE, "roleIds": [it.covered]}
    beyond_rights(await at_home.call("PUT", f"{CLIENTS}/{wide.client_id}", body))
    created = await at_home.post(CLIENTS, body)
    assert await it.rights_of(created["id"]) == {(it.covered, it.home)}
    # Two single divisions are not every division, though there are no more.
    both = await world.admin.make_role(*MANAGES, QUEUES)
    pairs = [{"roleId": both, "divisionId": d} for d in (it.home, it.away)]
    patchwork = await world.admin.make_client(roleDivisions=pairs)
    beyond_rights(await patchwork.call("POST", CLIENTS, holding((it.covered, "*"))))
    body = holding((it.covered, it.home), (it.covered, it.away))
    assert (await patchwork.call("POST", CLIENTS, body)).status_code == 200


async def test_case_74_odd_divisions_are_nothing(world: World) -> None:
    it = await scene(world)
    for division in (
        "",
        " ",
        "**",
        "%",
        "home",
        "HOME",
        it.home + " ",
        "*\t",
        f"*,{it.home}",
        "null",
    ):
        answer = await it.limited.call("POST", CLIENTS, holding((it.covered, division)))
        refused(answer, 400, "invalid.value")
    unlike = {**MACHINE, "roleDivisions": {"roleId": it.beyond, "divisionId": "*"}}
    for body in (unlike, {**MACHINE, "roleDivisions": [[it.beyond, "*"]]}, MACHINE):
        answer = await it.limited.call("POST", CLIENTS, body)
        assert answer.status_code == 400


WIDER = {
    "action *": "routing:queue:*",
    "entity *": "routing:*:view",
    "domain *": "*:queue:view",
    "everything": "*:*:*",
    "domain and action *": "*:queue:*",
}


@pytest.mark.parametrize("name", WIDER)
async def test_case_74_a_wildcard_is_covered_by_no_list(world: World, name: str) -> None:
    it = await scene(world)
    # Today's whole list of actions, entities and domains is still not the wildcard.
    lists = ["routing:queue:add", "routing:queue:edit", "routing:queue:delete"]
    lists += ["routing:skill:view", "routing:language:view", "quality:queue:view"]
    rich = await world.admin.make_member(*MANAGES, QUEUES, *lists)
    wide = await world.admin.make_role(WIDER[name])

    beyond_rights(await rich.call("POST", CLIENTS, holding((wide, "*"))))
    beyond_rights(await rich.call("POST", CLIENTS, holding((wide, it.home))))
    held = await world.admin.make_client(it.covered, wide)
    beyond_rights(await rich.call("POST", f"{CLIENTS}/{held.client_id}/secret"))
    # A holder of the same wildcard, or of a wider one, may.
    for text in {WIDER[name], "*:*:*"}:
        equal = await world.admin.make_member(*MANAGES, text)
        assert (await equal.call("POST", CLIENTS, holding((wide, it.home)))).status_code == 200


def role_with(**fields: Any) -> dict[str, Any]:
    policy = {"domain": "billing", "entityName": "invoice", "actionSet": ["edit"], **fields}
    return {"name": f"role {fields}"[:190], "permissionPolicies": [policy]}


CONDITIONS: list[dict[str, Any]] = [
    {"allowConditions": True},
    {"namedResources": ["one"]},
    {"namedResources": ["one", "two"]},
    {"resourceConditionNode": {"variableName": "a", "operator": "EQ"}},
    {"resourceConditionNode": {"variableName": "a", "operator": "EQ"}, "allowConditions": True},
]


async def test_case_74_a_condition_is_covered_by_itself_only(world: World) -> None:
    it = await scene(world)
    admin = world.admin
    manager = await admin.make_role(*MANAGES, QUEUES)
    plain = (await admin.post(ROLES, role_with()))["id"]
    roles = [(await admin.post(ROLES, role_with(**fields)))["id"] for fields in CONDITIONS]
    for own in roles:
        limited = await admin.make_client(manager, own)
        beyond_rights(await limited.call("POST", CLIENTS, holding((plain, "*"))))
        for other in roles:
            answer = await limited.call("POST", CLIENTS, holding((other, it.home)))
            if other == own:
                assert answer.status_code == 200
            else:
                beyond_rights(answer)
    # Whoever holds it without a condition may give it with any.
    free = await admin.make_client(manager, plain)
    for other in roles:
        assert (await free.call("POST", CLIENTS, holding((other, "*")))).status_code == 200


async def test_case_74_a_conditional_right_opens_nothing_here(world: World) -> None:
    """On what is enforced here a condition could not be kept, so it cannot be stored."""
    policy = {"domain": "oauth", "entityName": "client", "actionSet": ["view"]}
    for domain in ("oauth", "authorization", "directory", "usage", "*"):
        for fields in CONDITIONS:
            body = {"name": "c", "permissionPolicies": [{**policy, "domain": domain, **fields}]}
            one = f"{ROLES}/{await world.admin.make_role(QUEUES)}"
            for method, path in (("POST", ROLES), ("PUT", one), ("PATCH", one)):
                error = refused(await world.admin.call(method, path, body), 400, "invalid.value")
                assert error["details"][0]["fieldName"] == "permissionPolicies"


async def test_case_75_a_client_cannot_raise_itself(world: World) -> None:
    it = await scene(world)
    me = it.limited
    path = f"{CLIENTS}/{me.client_id}"
    own = await world.admin.get(path)
    own_role = own["roleIds"][0]
    for method, target, body in (
        ("PUT", path, holding((own_role, "*"), (it.beyond, "*"))),
        ("PUT", path, {**MACHINE, "roleIds": [own_role, it.beyond]}),
        ("PUT", path, holding((world.founding.organization.id, "*"))),
        ("PATCH", f"{ROLES}/{own_role}", {"permissions": [SECRET_RIGHT]}),
        ("PUT", f"{ROLES}/{own_role}", {"name": "more", "permissions": ["*:*:*"]}),
        ("POST", f"{CLIENTS}/{world.admin.client_id}/secret", None),
    ):
        answer = await me.call(method, target, body)
        assert answer.status_code in (400, 403), answer.text
    assert await it.rights_of(me.client_id) == {(own_role, "*")}
    # It may still do to itself what lies within its rights.
    assert (await me.call("POST", f"{path}/secret")).status_code == 200


async def test_case_75_the_administrator_role_is_beyond(world: World) -> None:
    it = await scene(world)
    roles = await it.limited.get(f"{ROLES}?name=Administrator")
    administrator = roles["entities"][0]["id"]
    for body in (
        holding((administrator, "*")),
        holding((administrator, it.home)),
        {**MACHINE, "roleIds": [administrator]},
    ):
        beyond_rights(await it.limited.call("POST", CLIENTS, body))
        beyond_rights(await it.limited.call("PUT", f"{CLIENTS}/{it.limited.client_id}", body))


async def test_case_75_a_child_is_no_stronger_than_its_parent(world: World) -> None:
    """A chain of clients, each made by the one before it, ends where it began."""
    it = await scene(world)
    parent = it.limited
    own_role = (await world.admin.get(f"{CLIENTS}/{parent.client_id}"))["roleIds"][0]
    for _ in range(3):
        child = await parent.make_client(own_role)
        beyond_rights(await child.call("POST", CLIENTS, holding((it.beyond, it.home))))
        # The child may manage the parent, which holds the same, and no more than that.
        path = f"{CLIENTS}/{parent.client_id}"
        beyond_rights(await child.call("PUT", path, holding((own_role, "*"), (it.beyond, "*"))))
        parent = child


async def test_case_75_rights_that_were_taken_away_count_at_once(world: World) -> None:
    it = await scene(world)
    role = await world.admin.make_role(*MANAGES, QUEUES, SECRET_RIGHT)
    once = await world.admin.make_client(role)
    assert (await once.call("POST", CLIENTS, holding((it.beyond, "*")))).status_code == 200

    less = {"name": "less", "permissions": [*MANAGES, QUEUES]}
    await world.admin.put(f"{ROLES}/{role}", less)
    beyond_rights(await once.call("POST", CLIENTS, holding((it.beyond, "*"))))
    await world.admin.call("DELETE", f"{ROLES}/{role}")
    refused(
        await once.call("POST", CLIENTS, holding((it.covered, "*"))),
        403,
        "missing.any.permissions",
    )
