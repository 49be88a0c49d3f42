"""Bounds that a fresh reader asked for: nothing stored, asked or revoked goes too far."""

import msgspec
import pytest

from tests.support.world import CLIENTS, ROLES, World


def nested(levels: int) -> dict[str, object]:
    """A condition node within a condition node."""
    node: dict[str, object] = {"conjunction": "AND"}
    for _ in range(levels - 1):
        node = {"terms": [node]}
    return node


def role_with(condition: dict[str, object]) -> dict[str, object]:
    policy = {
        "domain": "routing",
        "entityName": "queue",
        "actionSet": ["edit"],
        "resourceConditionNode": condition,
    }
    return {"name": "conditional", "permissionPolicies": [policy]}


@pytest.mark.parametrize("condition", [nested(12), nested(300), {"variableName": "x" * 20_000}])
async def test_a_condition_too_deep_or_large_is_refused(
    world: World, condition: dict[str, object]
) -> None:
    answer = await world.admin.call("POST", ROLES, role_with(condition))
    assert answer.status_code == 400
    assert [d["fieldName"] for d in answer.json()["details"]] == ["permissionPolicies"]
    assert (await world.admin.get(ROLES))["total"] == 1


@pytest.mark.parametrize("levels", [480, 700, 968, 969, 5000])
async def test_a_condition_as_deep_as_the_parser_goes_spoils_no_list(
    world: World, levels: int
) -> None:
    text = msgspec.json.encode(role_with({"deep": True})).decode()
    deep = '{"terms":[' * levels + "1" + "]}" * levels
    headers = {"content-type": "application/json"}
    body = text.replace('{"deep":true}', deep).encode()
    answer = await world.admin.call("POST", ROLES, content=body, headers=headers)
    assert answer.status_code == 400
    assert (await world.admin.get(ROLES))["total"] == 1


async def test_a_condition_within_bounds_is_stored_and_given_back(world: World) -> None:
    created = await world.admin.post(ROLES, role_with(nested(8)))
    read = await world.admin.get(f"{ROLES}/{created['id']}")
    assert read["permissionPolicies"][0]["resourceConditionNode"] == nested(8)


async def test_a_role_has_a_bounded_number_of_rights(world: World) -> None:
    actions = [f"a{n}" for n in range(200)]
    policies = [
        {"domain": "routing", "entityName": f"e{n}", "actionSet": actions} for n in range(15)
    ]
    body = {"name": "wide", "permissionPolicies": policies}
    assert len((await world.admin.post(ROLES, body))["permissionPolicies"]) == 15
    answer = await world.admin.call("POST", ROLES, {**body, "name": "b", "permissions": ["a:b:c"]})
    assert answer.status_code == 400
    assert answer.json()["details"][0]["fieldName"] == "permissionPolicies"


async def test_redirect_uris_are_bounded_in_all(world: World) -> None:
    uris = [f"https://example.com/{n}/" + "x" * 2000 for n in range(20)]
    body = {"name": "a", "authorizedGrantType": "CODE", "registeredRedirectUri": uris}
    answer = await world.admin.call("POST", CLIENTS, body)
    assert answer.status_code == 400
    assert [d["fieldName"] for d in answer.json()["details"]] == ["registeredRedirectUri"]


@pytest.mark.parametrize("name", ["a\u009b31m", "a\u202eb", "a\u2028b", "a\u2066b", "a\x7fb"])
async def test_unseen_characters_are_refused_in_names(world: World, name: str) -> None:
    answer = await world.admin.call("POST", CLIENTS, {"name": name, "authorizedGrantType": "CODE"})
    assert answer.status_code == 400
    assert [d["fieldName"] for d in answer.json()["details"]] == ["name"]


async def test_regenerating_can_end_the_tokens_too(world: World) -> None:
    member = await world.admin.make_member("oauth:client:view")
    path = f"{CLIENTS}/{member.client_id}/secret"
    await member.log_in()
    member.secret = (await world.admin.post(path))["secret"]
    assert (await member.call("GET", CLIENTS)).status_code == 200
    answer = await world.admin.call("POST", f"{path}?revokeTokens=perhaps")
    assert answer.json()["details"][0]["fieldName"] == "revokeTokens"
    member.secret = (await world.admin.post(f"{path}?revokeTokens=true"))["secret"]
    assert (await member.call("GET", CLIENTS)).status_code == 401
    await member.log_in()
    assert (await member.call("GET", CLIENTS)).status_code == 200


async def test_a_deletion_tells_what_was_lost(world: World) -> None:
    role_id = await world.admin.make_role("oauth:client:view", name="viewers")
    member = await world.admin.make_client(role_id)
    await world.admin.call("DELETE", f"{ROLES}/{role_id}")
    await world.admin.call("DELETE", f"{CLIENTS}/{member.client_id}")
    organization = world.founding.organization.id
    told = {}
    for entity in (role_id, member.client_id):
        events = await world.node.store.read(
            lambda s, e=entity: s.audit.of_entity(organization, e, 1)  # type: ignore[misc]
        )
        told[entity] = {c.property: msgspec.to_builtins(c.old_values) for c in events[0].changes}
    assert told[role_id]["grants"] == [f"{member.client_id}@*"]
    assert told[role_id]["name"] == ["viewers"]
    assert told[member.client_id]["grant_type"] == ["client_credentials"]
