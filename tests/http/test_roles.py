"""``/api/v2/authorization/roles`` as a caller sees it."""

from typing import Any

import pytest

from tests.support.world import CLIENTS, ROLES, World

UNKNOWN = "6a3f0f5e-8e0e-4d6c-9a55-1f8c0b9d7e21"
ENTRY = "permissionPolicies"
POLICY = {"domain": "oauth", "entityName": "client", "actionSet": ["view", "add"]}


def refused(answer: Any, status: int, code: str, *fields: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert [detail["fieldName"] for detail in answer.json()["details"]] == list(fields)
    body: dict[str, Any] = answer.json()
    return body


async def test_a_role_is_created_read_and_listed(world: World) -> None:
    created = await world.admin.post(
        ROLES,
        {
            "name": "Auditor",
            "description": "looks",
            "defaultRoleId": "auditor",
            "permissions": ["group_creation", "group_creation"],
            "permissionPolicies": [
                {**POLICY, "policyName": "p", "policyDescription": "d"},
                {
                    "domain": "routing",
                    "entityName": "queue",
                    "actionSet": ["*"],
                    "allowConditions": True,
                    "namedResources": ["b", "a"],
                    "resourceConditionNode": {"conjunction": "AND", "terms": []},
                },
            ],
        },
    )
    assert (
        created.items()
        >= {
            "name": "Auditor",
            "description": "looks",
            "defaultRoleId": "auditor",
            "permissions": ["group_creation"],
            "userCount": 0,
            "default": False,
            "base": False,
            "roleNeedsUpdate": False,
            "selfUri": f"{ROLES}/{created['id']}",
        }.items()
    )
    first, second = created["permissionPolicies"]
    assert first == {
        **POLICY,
        "policyName": "p",
        "policyDescription": "d",
        "allowConditions": False,
    }
    assert second["allowConditions"] is True
    assert second["namedResources"] == ["a", "b"]
    assert second["resourceConditionNode"] == {"conjunction": "AND", "terms": []}
    assert await world.admin.get(f"{ROLES}/{created['id']}") == created
    assert await world.admin.get(f"{ROLES}/{created['id'].upper()}") == created
    assert created in (await world.admin.get(ROLES))["entities"]


async def test_the_built_in_role_is_shown_and_cannot_be_changed(world: World) -> None:
    (role,) = (await world.admin.get(ROLES))["entities"]
    assert role["name"] == "Administrator"
    assert role["default"] is True
    assert role["userCount"] == 1
    path = f"{ROLES}/{role['id']}"
    for method, body in (("PUT", {"name": "x"}), ("PATCH", {"name": "x"}), ("DELETE", None)):
        refused(await world.admin.call(method, path, body), 400, "bad.request")
    assert (await world.admin.get(ROLES))["entities"] == [role]


async def test_put_replaces_and_patch_keeps_what_is_left_out(world: World) -> None:
    body = {"name": "a", "description": "d", "permissionPolicies": [POLICY]}
    role = await world.admin.post(ROLES, {**body, "permissions": ["group_creation"]})
    path = f"{ROLES}/{role['id']}"
    patched = await world.admin.call("PATCH", path, {"description": "new"})
    assert patched.json() == {**role, "description": "new"}
    patched = await world.admin.call("PATCH", path, {"name": None, "permissions": []})
    assert patched.json() == {**role, "description": "new", "permissions": []}
    replaced = await world.admin.put(path, {"name": "b"})
    assert replaced.items() >= {"name": "b", "permissions": [], "permissionPolicies": []}.items()
    assert "description" not in replaced
    assert await world.admin.get(path) == replaced


async def test_a_roles_own_answer_can_be_put_back(world: World) -> None:
    role = await world.admin.post(ROLES, {"name": "a", "permissionPolicies": [POLICY]})
    assert await world.admin.put(f"{ROLES}/{role['id']}", role) == role


async def test_a_deleted_role_is_gone_and_nobody_holds_it(world: World) -> None:
    going = await world.admin.make_role("oauth:client:view")
    staying = await world.admin.make_role("authorization:role:view")
    member = await world.admin.make_client(going, staying)
    assert (await member.call("GET", CLIENTS)).status_code == 200
    answer = await world.admin.call("DELETE", f"{ROLES}/{going}")
    assert (answer.status_code, answer.content) == (204, b"")
    refused(await world.admin.call("GET", f"{ROLES}/{going}"), 404, "not.found")
    refused(await member.call("GET", CLIENTS), 403, "missing.any.permissions")
    assert (await world.admin.get(f"{CLIENTS}/{member.client_id}"))["roleIds"] == [staying]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["name"]),
        ({"name": ""}, ["name"]),
        ({"name": "   "}, ["name"]),
        ({"name": "a\n"}, ["name"]),
        ({"name": "a\x1b[2J"}, ["name"]),
        ({"name": "x" * 201}, ["name"]),
        ({"name": "x", "description": "x" * 2001}, ["description"]),
        ({"name": "x", "permissions": "oauth:client:view"}, ["permissions"]),
        ({"name": "x", "permissions": ["oauth:client"]}, ["permissions"]),
        ({"name": "x", "permissions": ["a"] * 1001}, ["permissions"]),
        ({"name": "x", "permissionPolicies": [{}]}, ["permissionPolicies"]),
        ({"name": "x", "permissionPolicies": [POLICY] * 501}, ["permissionPolicies"]),
        (
            {"name": "x", ENTRY: [{**POLICY, "actionSet": []}]},
            ["permissionPolicies"],
        ),
        (
            {"name": "x", ENTRY: [{**POLICY, "domain": "a b"}]},
            ["permissionPolicies"],
        ),
        (
            {"name": "x", ENTRY: [{**POLICY, "allowConditions": True}]},
            ["permissionPolicies"],
        ),
        (
            {"name": "x", ENTRY: [{**POLICY, "namedResources": ["a"]}]},
            ["permissionPolicies"],
        ),
        ({"name": 1, "description": 2, "permissions": 3}, ["name", "description", "permissions"]),
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_bad_role_is_refused_and_every_bad_field_named(
    world: World, method: str, body: dict[str, Any], fields: list[str]
) -> None:
    path = ROLES
    if method == "PUT":
        path += "/" + await world.admin.make_role("oauth:client:view")
    before = await world.admin.get(ROLES)
    refused(await world.admin.call(method, path, body), 400, "invalid.value", *fields)
    assert await world.admin.get(ROLES) == before


async def test_a_name_that_is_taken_is_a_conflict_whatever_its_case(world: World) -> None:
    await world.admin.make_role(name="Auditor")
    other = await world.admin.make_role(name="other")
    answer = await world.admin.call("POST", ROLES, {"name": "AUDITOR"})
    refused(answer, 409, "general.conflict", "name")
    answer = await world.admin.call("PATCH", f"{ROLES}/{other}", {"name": "auditor"})
    refused(answer, 409, "general.conflict", "name")
    assert (await world.admin.get(f"{ROLES}/{other}"))["name"] == "other"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("role_id", [UNKNOWN, "x", "*", "%2e%2e", "x" * 300])
async def test_an_unknown_role_is_not_found(world: World, method: str, role_id: str) -> None:
    body = {"name": "x"} if method in ("PUT", "PATCH") else None
    refused(await world.admin.call(method, f"{ROLES}/{role_id}", body), 404, "not.found")


async def test_another_organisations_role_is_not_found(world: World) -> None:
    role_id = await world.admin.make_role("oauth:client:view")
    stranger = world.member(await world.found("Other"))
    for method, body in (("GET", None), ("PUT", {"name": "x"}), ("DELETE", None)):
        refused(await stranger.call(method, f"{ROLES}/{role_id}", body), 404, "not.found")
    assert [r["name"] for r in (await stranger.get(ROLES))["entities"]] == ["Administrator"]


async def test_the_list_is_paged_by_name(world: World) -> None:
    for number in (3, 1, 2):
        await world.admin.make_role(name=f"role {number}")
    page = await world.admin.get(f"{ROLES}?pageSize=2&pageNumber=2")
    assert [role["name"] for role in page["entities"]] == ["role 2", "role 3"]
    assert (
        page.items()
        >= {
            "pageSize": 2,
            "pageNumber": 2,
            "total": 4,
            "pageCount": 2,
            "firstUri": f"{ROLES}?pageSize=2&pageNumber=1",
            "previousUri": f"{ROLES}?pageSize=2&pageNumber=1",
            "selfUri": f"{ROLES}?pageSize=2&pageNumber=2",
            "lastUri": f"{ROLES}?pageSize=2&pageNumber=2",
        }.items()
    )
    assert "nextUri" not in page
    whole = await world.admin.get(ROLES)
    assert (whole["pageSize"], whole["pageNumber"], whole["total"]) == (25, 1, 4)
    by_id = await world.admin.get(f"{ROLES}?sortBy=id")
    ids = [role["id"] for role in by_id["entities"]]
    assert ids == sorted(ids)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("name=audit", ["Auditor", "Co-auditor"]),
        ("name=*AUDIT*", ["Auditor", "Co-auditor"]),
        ("name=none", []),
        ("permission=oauth:client:view", ["Auditor"]),
        ("permission=oauth:client:view,oauth:client:add", []),
        ("permission=group_creation", ["Co-auditor"]),
        ("defaultRoleId=d1", ["Co-auditor"]),
        ("userCount=true&expand=x&name=co-", ["Co-auditor"]),
    ],
)
async def test_the_list_is_filtered(world: World, query: str, names: list[str]) -> None:
    view = [{**POLICY, "actionSet": ["view"]}]
    await world.admin.post(ROLES, {"name": "Auditor", "permissionPolicies": view})
    body = {"name": "Co-auditor", "permissions": ["group_creation"], "defaultRoleId": "d1"}
    await world.admin.post(ROLES, body)
    page = await world.admin.get(f"{ROLES}?{query}")
    assert [role["name"] for role in page["entities"]] == names
    assert page["total"] == len(names)


async def test_the_list_is_filtered_by_several_ids(world: World) -> None:
    ids = [await world.admin.make_role(name=f"r{n}") for n in range(3)]
    for query in (f"id={ids[0]},{ids[2]}", f"id={ids[0]}&id={ids[2]}"):
        page = await world.admin.get(f"{ROLES}?{query}")
        assert [role["name"] for role in page["entities"]] == ["r0", "r2"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("pageSize=0", "pageSize"),
        ("pageSize=501", "pageSize"),
        ("pageSize=-1", "pageSize"),
        ("pageSize=1.5", "pageSize"),
        ("pageSize=", "pageSize"),
        ("pageSize=%D9%A1", "pageSize"),
        ("pageNumber=0", "pageNumber"),
        ("pageNumber=99999999999", "pageNumber"),
        ("sortBy=password", "sortBy"),
        ("nextPage=x", "nextPage"),
        ("name=%00", "name"),
    ],
)
async def test_a_bad_parameter_of_the_list_is_named(world: World, query: str, field: str) -> None:
    answer = await world.admin.call("GET", f"{ROLES}?{query}")
    refused(answer, 400, "invalid.value", field)


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_role_that_somebody_holds_is_not_widened_beyond_ones_own_rights(
    world: World, method: str
) -> None:
    role_id = await world.admin.make_role("oauth:client:view", name="held")
    await world.admin.make_client(role_id)
    editor = await world.admin.make_member("authorization:role:*", "oauth:client:view")
    path = f"{ROLES}/{role_id}"
    before = await world.admin.get(path)
    wider = {"name": "held", "permissionPolicies": [POLICY]}
    answer = await editor.call(method, path, wider)
    error = refused(answer, 403, "missing.permissions")
    assert "oauth:client:add in division *" in error["message"]
    assert await world.admin.get(path) == before
    held = {"name": "held", "permissionPolicies": [{**POLICY, "actionSet": ["view"]}]}
    assert (await editor.call(method, path, held)).status_code == 200
    nobody = await world.admin.make_role("oauth:client:view", name="not held")
    answer = await editor.call(method, f"{ROLES}/{nobody}", {**wider, "name": "not held"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("method", "permission"),
    [
        ("GET", "authorization:role:view"),
        ("POST", "authorization:role:add"),
        ("PUT", "authorization:role:edit"),
        ("PATCH", "authorization:role:edit"),
        ("DELETE", "authorization:role:delete"),
    ],
)
async def test_each_operation_asks_for_its_own_permission(
    world: World, method: str, permission: str
) -> None:
    every = ["view", "add", "edit", "delete"]
    target = await world.admin.make_role(name="target")
    path = ROLES if method == "POST" else f"{ROLES}/{target}"
    body = {"name": "made"} if method in ("POST", "PUT", "PATCH") else None
    others = [f"authorization:role:{action}" for action in every]
    others.remove(permission)
    without = await world.admin.make_member(*others)
    error = refused(await without.call(method, path, body), 403, "missing.any.permissions")
    assert permission in error["message"]
    allowed = await world.admin.make_member(permission)
    assert (await allowed.call(method, path, body)).status_code in (200, 204)
