"""PUT of a client: what is replaced, what is kept, and what ends its tokens."""

from typing import Any

import pytest

from tests.security.answers import refused
from tests.support.world import CLIENTS, Member, World

CODE = {
    "name": "web",
    "authorizedGrantType": "CODE",
    "description": "text",
    "registeredRedirectUri": ["https://b.example/cb", "https://a.example/cb"],
    "scope": ["oauth", "authorization:readonly"],
    "accessTokenValiditySeconds": 600,
}


class Target:
    """A client under change."""

    def __init__(self, world: World, member: Member) -> None:
        self.member = member
        self.world = world
        self.path = f"{CLIENTS}/{member.client_id}"

    async def get(self) -> dict[str, Any]:
        found: dict[str, Any] = await self.world.admin.get(self.path)
        return found

    async def put(self, **fields: Any) -> dict[str, Any]:
        changed: dict[str, Any] = await self.world.admin.put(self.path, fields)
        assert await self.get() == changed
        assert "secret" not in changed
        return changed

    async def refusal(self, **fields: Any) -> dict[str, Any]:
        before = await self.get()
        answer = await self.world.admin.call("PUT", self.path, fields)
        assert answer.status_code == 400, answer.text
        assert await self.get() == before
        error: dict[str, Any] = answer.json()
        return error

    async def token_is_good(self, token: str) -> bool:
        headers = {"authorization": f"Bearer {token}"}
        answer = await self.world.http.head("/api/v2/tokens/me", headers=headers)
        assert answer.status_code in (200, 401)
        return answer.status_code == 200


async def web(world: World, **fields: Any) -> Target:
    return Target(world, await world.admin.make_client(**{**CODE, **fields}))


async def machine(world: World, *role_ids: str, **fields: Any) -> Target:
    ids = role_ids or (await world.admin.make_role("oauth:client:view"),)
    return Target(world, await world.admin.make_client(*ids, **fields))


async def test_what_is_left_out_goes_back_to_its_default(world: World) -> None:
    target = await web(world)
    changed = await target.put(name="other", authorizedGrantType="CODE")
    assert changed["accessTokenValiditySeconds"] == 86_400
    assert not {"description", "registeredRedirectUri", "scope", "dateToDelete"} & set(changed)


async def test_null_is_the_same_as_left_out(world: World) -> None:
    target = await web(world)
    names = ("description", "registeredRedirectUri", "scope", "accessTokenValiditySeconds")
    nulls = dict.fromkeys((*names, "roleIds", "roleDivisions", "state", "dateToDelete"), None)
    changed = await target.put(name="web", authorizedGrantType="CODE", **nulls)
    assert changed["accessTokenValiditySeconds"] == 86_400
    assert not {"description", "registeredRedirectUri", "scope"} & set(changed)
    created = await world.admin.post(CLIENTS, {**CODE, **nulls, "name": "second"})
    assert created["state"] == "active"


@pytest.mark.parametrize("fields", [{}, {"state": None}])
async def test_an_omitted_state_is_kept(world: World, fields: dict[str, Any]) -> None:
    target = await web(world)
    await target.put(**CODE, state="INACTIVE")
    changed = await target.put(**CODE, **fields)
    assert changed["state"] == "inactive"


@pytest.mark.parametrize("make", [web, machine])
async def test_the_full_answer_can_be_put_back_and_changes_nothing(world: World, make: Any) -> None:
    target = await make(world)
    token = await target.member.log_in() if make is machine else ""
    before = await target.get()
    world.clock.advance(10)
    extra = {"secret": "gcs_chosen", "unknownField": {"deep": [1]}, "id": "other"}
    after = await target.put(**{**before, **extra})
    assert after["dateModified"] > before["dateModified"]
    assert {**after, "dateModified": 0} == {**before, "dateModified": 0}
    if token:
        assert await target.token_is_good(token)
        assert (await target.member.log_in()) != token


async def test_put_names_who_changed_it_and_when(world: World) -> None:
    target = await web(world)
    before = await target.get()
    editor = await world.admin.make_member("oauth:client:edit")
    world.clock.advance(60)
    changed = await editor.put(target.path, CODE)
    assert changed["modifiedBy"] == {
        "id": editor.client_id,
        "selfUri": f"{CLIENTS}/{editor.client_id}",
    }
    assert changed["createdBy"] == before["createdBy"]
    assert changed["dateCreated"] == before["dateCreated"] == "2027-01-15T08:00:00.000Z"
    assert changed["dateModified"] == "2027-01-15T08:01:00.000Z"


async def test_another_grant_type_drops_roles_and_ends_tokens(world: World) -> None:
    target = await machine(world)
    token = await target.member.log_in()
    changed = await target.put(**CODE)
    assert not {"roleIds", "roleDivisions"} & set(changed)
    assert changed["registeredRedirectUri"] == CODE["registeredRedirectUri"]
    assert not await target.token_is_good(token)
    subject = await world.admin.get(f"/api/v2/authorization/subjects/{target.member.client_id}")
    assert subject["grants"] == []
    refused = await world.ask_token(target.member.client_id, target.member.secret)
    assert refused.json()["error"] == "unauthorized_client"


async def test_another_grant_type_drops_redirect_uris_and_scopes(world: World) -> None:
    target = await web(world)
    role_id = await world.admin.make_role("oauth:client:view")
    error = await target.refusal(**{**CODE, "authorizedGrantType": "CLIENT-CREDENTIALS"})
    assert error["code"] == "missing.client.roles"
    machine_fields = {**CODE, "authorizedGrantType": "CLIENT_CREDENTIALS", "roleIds": [role_id]}
    changed = await target.put(**machine_fields)
    assert changed["roleIds"] == [role_id]
    assert not {"registeredRedirectUri", "scope"} & set(changed)
    assert (await target.member.call("GET", CLIENTS)).status_code == 200
    back = await target.put(name="web", authorizedGrantType="CODE")
    assert "registeredRedirectUri" not in back


async def test_there_and_back_again_revives_no_token(world: World) -> None:
    target = await machine(world)
    token = await target.member.log_in()
    whole = await target.get()
    await target.put(**CODE)
    await target.put(**whole)
    assert not await target.token_is_good(token)
    assert await target.token_is_good(await target.member.log_in())


async def test_a_plain_edit_ends_no_token(world: World) -> None:
    target = await machine(world)
    token = await target.member.log_in()
    whole = await target.get()
    await target.put(**{**whole, "name": "other", "accessTokenValiditySeconds": 300})
    assert await target.token_is_good(token)


async def test_role_ids_alone_keep_the_divisions_of_roles_already_held(world: World) -> None:
    home = (await world.admin.get("/api/v2/authorization/divisions/home"))["id"]
    kept, gone, new = [await world.admin.make_role("oauth:client:view") for _ in range(3)]
    target = await machine(world, kept, gone)
    changed = await target.put(
        name="m", authorizedGrantType="CLIENT-CREDENTIALS", roleIds=[new, kept]
    )
    pairs = {(d["roleId"], d["divisionId"]) for d in changed["roleDivisions"]}
    assert pairs == {(kept, "*"), (new, home)}


async def test_role_divisions_win_over_role_ids(world: World) -> None:
    first, second = [await world.admin.make_role("oauth:client:view") for _ in range(2)]
    target = await machine(world, first)
    pair = {"roleId": second, "divisionId": "*"}
    changed = await target.put(
        name="m",
        authorizedGrantType="CLIENT-CREDENTIALS",
        roleIds=[first],
        roleDivisions=[pair, pair],
    )
    assert changed["roleDivisions"] == [pair]
    assert changed["roleIds"] == [second]


@pytest.mark.parametrize("fields", [{}, {"roleIds": []}, {"roleDivisions": [], "roleIds": None}])
async def test_a_machine_client_cannot_be_left_without_roles(
    world: World, fields: dict[str, Any]
) -> None:
    target = await machine(world)
    error = await target.refusal(name="m", authorizedGrantType="CLIENT-CREDENTIALS", **fields)
    assert error["code"] == "missing.client.roles"


async def test_roles_and_divisions_that_do_not_exist_are_named(world: World) -> None:
    role_id = await world.admin.make_role("oauth:client:view")
    target = await machine(world, role_id)
    unknown = "6a3f0f5e-8e0e-4d6c-9a55-1f8c0b9d7e21"
    stranger = world.member(await world.found("Other"))
    elsewhere = await stranger.make_role("oauth:client:view")
    for pair in ((unknown, "*"), (elsewhere, "*"), (role_id, unknown), (role_id, "home")):
        error = await target.refusal(
            name="m",
            authorizedGrantType="CLIENT-CREDENTIALS",
            roleDivisions=[{"roleId": pair[0], "divisionId": pair[1]}],
        )
        assert [d["fieldName"] for d in error["details"]] == ["roleDivisions"]
    error = await target.refusal(
        name="m", authorizedGrantType="CLIENT-CREDENTIALS", roleIds=[role_id, unknown]
    )
    assert [d["fieldName"] for d in error["details"]] == ["roleIds"]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("name", "", "invalid.value"),
        ("name", " ", "invalid.value"),
        ("name", "line\n", "invalid.value"),
        ("name", "x" * 201, "invalid.value"),
        ("description", "\x00", "invalid.value"),
        ("description", "x" * 2001, "invalid.value"),
        ("accessTokenValiditySeconds", 299, "invalid.value"),
        ("accessTokenValiditySeconds", 172_801, "invalid.value"),
        ("accessTokenValiditySeconds", "600", "invalid.value"),
        ("accessTokenValiditySeconds", True, "invalid.value"),
        ("accessTokenValiditySeconds", 10**30, "invalid.value"),
        ("registeredRedirectUri", ["http://a.example/"], "invalid.value"),
        ("registeredRedirectUri", ["https://a.example/#f"], "invalid.value"),
        ("registeredRedirectUri", "https://a.example/", "invalid.value"),
        ("registeredRedirectUri", ["https://a.example/"] * 101, "invalid.value"),
        ("scope", ["with space"], "invalid.value"),
        ("scope", [""], "invalid.value"),
        ("scope", ["x"] * 201, "invalid.value"),
        ("state", "gone", "invalid.value"),
        ("state", 1, "invalid.value"),
        ("dateToDelete", "tomorrow", "invalid.date"),
        ("dateToDelete", 5, "invalid.date"),
        ("authorizedGrantType", "CODES", "bad.grant.type"),
        ("authorizedGrantType", None, "grant.type.required"),
        ("roleIds", ["x"] * 501, "invalid.value"),
    ],
)
async def test_a_bad_value_is_refused_and_its_field_named(
    world: World, field: str, value: Any, code: str
) -> None:
    target = await web(world)
    error = await target.refusal(**{**CODE, field: value})
    assert error["code"] == code
    assert [detail["fieldName"] for detail in error["details"]] == [field]


@pytest.mark.parametrize(
    ("grant_type", "seconds", "good"),
    [
        ("CODE", 300, True),
        ("CODE", 172_800, True),
        ("CLIENT-CREDENTIALS", 38_880_000, True),
        ("CLIENT-CREDENTIALS", 38_880_001, False),
        ("PASSWORD", 172_801, False),
    ],
)
async def test_the_longest_lifetime_is_the_grant_types(
    world: World, grant_type: str, seconds: int, good: bool
) -> None:
    role_id = await world.admin.make_role("oauth:client:view")
    body = {"name": "x", "authorizedGrantType": grant_type, "roleIds": [role_id]}
    answer = await world.admin.call(
        "POST", CLIENTS, {**body, "accessTokenValiditySeconds": seconds}
    )
    assert answer.status_code == (200 if good else 400)
    if good:
        assert answer.json()["accessTokenValiditySeconds"] == seconds


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("2030-01-31T12:00:00.000Z", "2030-01-31T12:00:00.000Z"),
        ("2030-01-31T12:00:00Z", "2030-01-31T12:00:00.000Z"),
        ("2030-01-31t12:00:00Z", "2030-01-31T12:00:00.000Z"),
        ("2030-01-31T12:00", "2030-01-31T12:00:00.000Z"),
        ("2030-01-31T12:00:00.123456Z", "2030-01-31T12:00:00.123Z"),
        ("2030-01-31T12:00:00.1Z", "2030-01-31T12:00:00.100Z"),
        ("2030-01-31T12:00:00.999+02:00", "2030-01-31T10:00:00.999Z"),
        ("2030-01-31T12:00:00-0730", "2030-01-31T19:30:00.000Z"),
        ("2030-01-31T00:30:00+01:00", "2030-01-30T23:30:00.000Z"),
        ("2030-01-31", None),
        ("2030-13-31T12:00:00Z", None),
        ("2030-02-30T12:00:00Z", None),
        ("1969-12-31T23:59:59Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("", None),
        ("T", None),
        ("1893456000000", None),
        ("2030-01-31T12:00:00Z" + "0" * 100, None),
    ],
)
async def test_dates_are_read_in_many_forms_and_answered_in_one(
    world: World, sent: str, answered: str | None
) -> None:
    target = await web(world)
    if answered is None:
        assert (await target.refusal(**CODE, dateToDelete=sent))["code"] == "invalid.date"
    else:
        assert (await target.put(**CODE, dateToDelete=sent))["dateToDelete"] == answered
        assert "dateToDelete" not in await target.put(**CODE)


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("CODE", "CODE"),
        ("code", "CODE"),
        ("TOKEN", "TOKEN"),
        ("SAML2BEARER", "SAML2-BEARER"),
        ("SAML2_BEARER", "SAML2-BEARER"),
        ("saml2-bearer", "SAML2-BEARER"),
        ("PASSWORD", "PASSWORD"),
    ],
)
async def test_every_spelling_of_a_grant_type_is_taken(
    world: World, sent: str, answered: str
) -> None:
    target = await web(world, authorizedGrantType=sent)
    assert (await target.get())["authorizedGrantType"] == answered


async def test_no_two_states_of_a_client_have_the_same_date_modified(world: World) -> None:
    """Whoever has seen one of them is told of the other, whatever the clock says."""
    member = await world.admin.make_client(await world.admin.make_role())
    path = f"{CLIENTS}/{member.client_id}"
    found = await world.admin.get(path)
    seen = [found["dateModified"]]
    for step in (0, 0, -60, 1_000):
        world.clock.advance(step)
        changed = await world.admin.put(path, {**found, "description": f"after {step}"})
        answer = await world.admin.call("POST", f"{path}/secret")
        seen += [changed["dateModified"], answer.json()["dateModified"]]
        assert (await world.admin.get(path))["dateModified"] == seen[-1]
    assert seen == sorted(set(seen))
    change = {"operation": "deleteOauthClient", "id": member.client_id, "modified": seen[-2]}
    listed = {"changes": [change]}
    answer = await world.admin.call("POST", "/api/v2/grantory/changes", listed)
    refused(answer, 409, "general.conflict")
    listed["changes"][0]["modified"] = seen[-1]
    assert (await world.admin.call("POST", "/api/v2/grantory/changes", listed)).status_code == 200
