"""Attack cases 73 and 76: what a request may not set, and a masked secret that comes back."""

import json
from typing import Any

import pytest

from tests.security.answers import oauth_refused, refused
from tests.support.people import USERS, digest_of
from tests.support.saml import signer
from tests.support.world import CLIENTS, ROLES, Member, World

PROVIDERS = "/api/v2/identityproviders"
OTHER = "11111111-2222-4333-8444-555555555555"
LONG_AGO = "1999-01-01T00:00:00.000Z"
SYSTEM_MADE: dict[str, Any] = {
    "id": OTHER,
    "clientId": OTHER,
    "organization": {"id": OTHER, "name": "taken"},
    "organizationId": OTHER,
    "organization_id": OTHER,
    "createdBy": {"id": OTHER},
    "modifiedBy": {"id": OTHER},
    "created_by": OTHER,
    "dateCreated": LONG_AGO,
    "dateModified": LONG_AGO,
    "createdAt": 1,
    "created_at": 1,
    "secret": "gcs_chosen",
    "secrets": [{"keyId": "chosen00", "digest": "AA=="}],
    "clientSecret": "gcs_chosen",
    "secretHash": "aa",
    "digest": "aa",
    "usage": {"requests": 0},
    "lastUsed": LONG_AGO,
    "version": 99,
    "tokenEpoch": 99,
    "token_epoch": 99,
    "deletedAt": 1,
    "deleted_at": 1,
    "selfUri": "https://evil.example/",
    "grants": [{"roleId": OTHER, "divisionId": "*"}],
    "permissions": ["*:*:*"],
    "builtIn": True,
    "__class__": "Client",
    "__proto__": {"admin": True},
    "constructor": {"prototype": {}},
}


async def machine(world: World) -> tuple[Member, dict[str, Any]]:
    role_id = await world.admin.make_role("routing:queue:view")
    member = await world.admin.make_client(role_id)
    fields = {"name": "a", "authorizedGrantType": "CLIENT-CREDENTIALS", "roleIds": [role_id]}
    return member, fields


async def test_case_73_a_client_cannot_be_created_with_system_made_fields(world: World) -> None:
    _, fields = await machine(world)
    world.clock.advance(5)
    plain = await world.admin.post(CLIENTS, fields)
    loaded = await world.admin.post(CLIENTS, {**SYSTEM_MADE, **fields})

    assert set(loaded) == set(plain)
    assert loaded["id"] != OTHER
    assert loaded["secret"] != "gcs_chosen"
    assert loaded["createdBy"]["id"] == loaded["modifiedBy"]["id"] == world.admin.client_id
    assert loaded["dateCreated"] == plain["dateCreated"]
    assert loaded["selfUri"] == f"{CLIENTS}/{loaded['id']}"
    refused(await world.admin.call("GET", f"{CLIENTS}/{OTHER}"), 404, "not.found")
    oauth_refused(await world.ask_token(loaded["id"], "gcs_chosen"), 401, "invalid_client")
    assert (await world.ask_token(loaded["id"], loaded["secret"])).status_code == 200
    subject = await world.admin.get(f"/api/v2/authorization/subjects/{loaded['id']}")
    assert [grant["role"]["id"] for grant in subject["grants"]] == fields["roleIds"]


async def test_case_73_a_client_cannot_be_changed_by_system_made_fields(world: World) -> None:
    member, fields = await machine(world)
    path = f"{CLIENTS}/{member.client_id}"
    await member.log_in()
    before = await world.admin.get(path)
    rows_before = await row(world, member.client_id)
    editor = await world.admin.make_member("oauth:client:edit", "routing:queue:view")
    world.clock.advance(5)

    after = await editor.put(path, {**SYSTEM_MADE, **fields})

    changed = {key for key in before if before[key] != after.get(key)}
    assert changed == {"name", "dateModified", "modifiedBy"}
    assert after["modifiedBy"]["id"] == editor.client_id
    rows = await row(world, member.client_id)
    assert (rows.token_epoch, rows.version) == (rows_before.token_epoch, rows_before.version + 1)
    assert rows.organization_id == world.founding.organization.id
    # Secret and tokens are what they were.
    assert (await member.call("GET", "/api/v2/tokens/me")).status_code == 200
    assert (await world.ask_token(member.client_id, member.secret)).status_code == 200
    oauth_refused(await world.ask_token(member.client_id, "gcs_chosen"), 401, "invalid_client")


async def row(world: World, client_id: str) -> Any:
    return await world.node.store.read(lambda snapshot: snapshot.clients.get(client_id))


async def test_case_73_regenerate_takes_no_body(world: World) -> None:
    member, _ = await machine(world)
    path = f"{CLIENTS}/{member.client_id}/secret"
    before = await world.admin.get(f"{CLIENTS}/{member.client_id}")
    world.clock.advance(5)

    answer = await world.admin.post(path, {**SYSTEM_MADE, "name": "other", "state": "disabled"})

    changed = {key for key in answer if answer[key] != before.get(key)}
    assert changed == {"secret", "dateModified"}
    assert answer["secret"] != "gcs_chosen"
    assert answer["dateModified"] == "2027-01-15T08:00:05.000Z"
    assert before.keys() < answer.keys()


async def test_case_73_only_the_state_is_a_field_that_can_be_set(world: World) -> None:
    member, fields = await machine(world)
    path = f"{CLIENTS}/{member.client_id}"

    for state in ("deleted", "enabled", "", 1, True, ["active"], {"a": 1}, "active\x00"):
        answer = await world.admin.call("PUT", path, {**fields, "state": state})
        refused(answer, 400, "invalid.value")
    assert (await world.admin.put(path, {**fields, "state": "inactive"}))["state"] == "inactive"
    assert (await world.admin.put(path, fields))["state"] == "inactive"
    assert (await world.admin.put(path, {**fields, "state": None}))["state"] == "inactive"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_case_73_a_role_takes_no_system_made_fields(world: World, method: str) -> None:
    extra = {
        **{key: value for key, value in SYSTEM_MADE.items() if key != "permissions"},
        "default": True,
        "base": True,
        "userCount": 99,
        "roleNeedsUpdate": True,
    }
    role_id = await world.admin.make_role("routing:queue:view")
    path = ROLES if method == "POST" else f"{ROLES}/{role_id}"

    answer = await world.admin.call(method, path, {**extra, "name": "b"})

    role = answer.json()
    assert answer.status_code == 200
    assert role["id"] != OTHER
    assert (role["default"], role["base"], role["roleNeedsUpdate"]) == (False, False, False)
    assert role["userCount"] == 0
    assert role["selfUri"] == f"{ROLES}/{role['id']}"
    # It is still a role that can be deleted: it was not made a built-in one.
    assert (await world.admin.call("DELETE", f"{ROLES}/{role['id']}")).status_code == 204


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_case_73_an_identity_provider_takes_no_system_made_fields(
    world: World, method: str
) -> None:
    body = {"name": "a", "issuerURI": "urn:a", "certificate": signer().certificate}
    there = await world.admin.post(PROVIDERS, {**body, "name": "b", "issuerURI": "urn:b"})
    path = PROVIDERS if method == "POST" else there["selfUri"]
    extra = {key: value for key, value in SYSTEM_MADE.items() if key != "version"}
    world.clock.advance(5)

    answer = await world.admin.call(method, path, {**extra, **body})

    found = answer.json()
    assert answer.status_code == 200, answer.text
    assert set(found) == set(there)
    assert found["id"] != OTHER
    assert (found["id"] == there["id"]) is (method == "PUT")
    assert found["version"] == (1 if method == "POST" else 2)
    assert (found["dateCreated"] == there["dateCreated"]) is (method == "PUT")
    assert found["selfUri"] == f"{PROVIDERS}/{found['id']}"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_case_73_the_built_in_role_stays_what_it_is(world: World, method: str) -> None:
    roles = await world.admin.get(f"{ROLES}?name=Administrator")
    administrator = roles["entities"][0]

    answer = await world.admin.call(
        method,
        f"{ROLES}/{administrator['id']}",
        None if method == "DELETE" else {"name": "Nobody", "permissionPolicies": []},
    )

    refused(answer, 400, "bad.request")
    assert await world.admin.get(f"{ROLES}/{administrator['id']}") == administrator


async def test_case_73_a_user_takes_no_system_made_fields(world: World) -> None:
    extra = {
        **{key: value for key, value in SYSTEM_MADE.items() if key != "version"},
        "username": "taken",
        "division": {"id": OTHER},
        "authorization": {"permissions": ["*:*:*"]},
        "emailKey": "taken",
        "email_key": "taken",
        "passwordDigest": "taken",
        "password_digest": "taken",
        "roles": [OTHER],
    }
    made = await world.admin.post(USERS, {**extra, "name": "a", "email": "a@example.com"})
    plain = await world.admin.post(USERS, {"name": "b", "email": "b@example.com"})
    assert {**made, "id": "", "selfUri": ""} == {
        **plain,
        **{"name": "a", "email": "a@example.com", "username": "a@example.com"},
        **{"id": "", "selfUri": ""},
    }
    assert made["id"] != OTHER
    path = f"{USERS}/{made['id']}"
    before = await user_row(world, made["id"])

    answer = await world.admin.call("PATCH", path, {**extra, "password": "quiet harbor kites"})

    assert answer.json() == {**made, "version": 2}
    after = await user_row(world, made["id"])
    assert (after.token_epoch, after.version) == (before.token_epoch, 2)
    assert (after.organization_id, after.created_at) == (
        world.founding.organization.id,
        before.created_at,
    )
    assert await digest_of(world, made["id"]) is None
    subject = await world.admin.get(f"/api/v2/authorization/subjects/{made['id']}")
    assert subject["grants"] == []


async def user_row(world: World, user_id: str) -> Any:
    return await world.node.store.read(lambda snapshot: snapshot.users.get(user_id))


async def test_case_73_keys_twice_or_in_other_spellings(world: World) -> None:
    member, fields = await machine(world)
    path = f"{CLIENTS}/{member.client_id}"
    text = json.dumps(fields)[:-1]
    headers = {"authorization": f"Bearer {world.admin.token}", "content-type": "application/json"}
    for extra in (
        '"NAME":"other"',
        '"Name":"other"',
        '"access_token_validity_seconds":300',
        '"AccessTokenValiditySeconds":300',
        '"authorized_grant_type":"CODE"',
        '"role_ids":[]',
        '"name\\u0000":"other"',
    ):
        content = f"{text},{extra}}}".encode()
        answer = await world.http.put(path, content=content, headers=headers)
        assert answer.status_code == 200, extra
        assert answer.json()["name"] == "a"
        assert answer.json()["accessTokenValiditySeconds"] == 86400
        assert answer.json()["authorizedGrantType"] == "CLIENT-CREDENTIALS"
        assert answer.json()["roleIds"] == fields["roleIds"]


MASKS = ["****", "********", "<redacted>", "", None, "null", "undefined", "\u2022" * 8, "gcs_****"]


@pytest.mark.parametrize("mask", MASKS, ids=repr)
async def test_case_76_a_masked_secret_that_is_written_back(world: World, mask: str | None) -> None:
    member, _ = await machine(world)
    path = f"{CLIENTS}/{member.client_id}"
    read = await world.admin.get(path)
    assert "secret" not in read

    # What a form does: read, change one field, write everything back.
    for change in (
        {"name": "b"},
        {"authorizedGrantType": "CODE", "registeredRedirectUri": ["https://evil.example/"]},
        {"authorizedGrantType": "CLIENT-CREDENTIALS"},
    ):
        written = await world.admin.put(path, {**read, **change, "secret": mask})
        assert "secret" not in written
        oauth_refused(await world.ask_token(member.client_id, mask or ""), 401, "invalid_client")
    assert (await world.ask_token(member.client_id, member.secret)).status_code == 200


async def test_case_76_a_secret_is_shown_once(world: World) -> None:
    member, fields = await machine(world)
    path = f"{CLIENTS}/{member.client_id}"
    answers = [
        await world.admin.call("GET", path),
        await world.admin.call("GET", CLIENTS),
        await world.admin.call("GET", f"{CLIENTS}?pageSize=100&pageNumber=1&expand=secret"),
        await world.admin.call("GET", f"{path}?expand=secret&fields=secret"),
        await world.admin.call("PUT", path, {**fields, "secret": member.secret}),
        await world.admin.call("GET", f"/api/v2/authorization/subjects/{member.client_id}"),
        await member.call("GET", "/api/v2/tokens/me"),
        await world.admin.call("GET", f"{path}/secret"),
    ]

    for answer in answers:
        assert '"secret"' not in answer.text.lower(), answer.text
        assert member.secret not in answer.text
