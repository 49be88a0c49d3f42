"""Divisions, subjects, permissions, the organisation and the calling token."""

import pytest

from tests.support.world import CLIENTS, ROLES, World

DIVISIONS = "/api/v2/authorization/divisions"
SUBJECTS = "/api/v2/authorization/subjects"
PERMISSIONS = "/api/v2/authorization/permissions"
TOKEN = "/api/v2/tokens/me"
UNKNOWN = "6a3f0f5e-8e0e-4d6c-9a55-1f8c0b9d7e21"


async def test_the_home_division_is_found_each_way(world: World) -> None:
    home = await world.admin.get(f"{DIVISIONS}/home")
    assert home["homeDivision"] is True
    assert home["name"] == "Home"
    assert home["selfUri"] == f"{DIVISIONS}/{home['id']}"
    assert await world.admin.get(f"{DIVISIONS}/{home['id'].upper()}") == home
    page = await world.admin.get(DIVISIONS)
    assert page["entities"] == [home]
    assert (page["total"], page["pageCount"], page["pageSize"]) == (1, 1, 25)
    for query, found in (("name=hom", 1), ("name=x", 0), (f"id={home['id']}", 1), ("id=x", 0)):
        assert (await world.admin.get(f"{DIVISIONS}?{query}"))["total"] == found


@pytest.mark.parametrize("division_id", [UNKNOWN, "*", "x"])
async def test_an_unknown_division_is_not_found(world: World, division_id: str) -> None:
    answer = await world.admin.call("GET", f"{DIVISIONS}/{division_id}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not.found")


async def test_a_subject_is_shown_with_its_grants(world: World) -> None:
    home = await world.admin.get(f"{DIVISIONS}/home")
    role_id = await world.admin.make_role("oauth:client:view", name="viewer")
    world.clock.advance(10)
    member = await world.admin.make_client(role_id, division=home["id"])
    subject = await world.admin.get(f"{SUBJECTS}/{member.client_id}")
    assert subject["id"] == member.client_id
    assert subject["version"] == 1
    (grant,) = subject["grants"]
    assert grant["division"] == home
    assert grant["subjectId"] == member.client_id
    assert grant["role"].items() >= {"id": role_id, "name": "viewer", "default": False}.items()
    assert grant["role"]["policies"] == [
        {"domain": "oauth", "entityName": "client", "actions": ["view"]}
    ]
    created = await world.admin.get(f"{CLIENTS}/{member.client_id}")
    assert grant["grantMadeAt"] == created["dateCreated"] == "2027-01-15T08:00:10.000Z"
    assert await member.get(f"{SUBJECTS}/me") == subject


async def test_every_division_is_shown_as_a_star(world: World) -> None:
    own = await world.admin.get(f"{SUBJECTS}/me")
    (grant,) = own["grants"]
    assert grant["division"]["id"] == "*"
    assert grant["division"]["homeDivision"] is False
    assert grant["role"]["name"] == "Administrator"


async def test_a_client_without_roles_is_a_subject_with_an_empty_list(world: World) -> None:
    code = await world.admin.make_client(authorizedGrantType="CODE")
    assert (await world.admin.get(f"{SUBJECTS}/{code.client_id}"))["grants"] == []


async def test_subjects_need_a_permission_and_oneself_none(world: World) -> None:
    member = await world.admin.make_member("oauth:client:view")
    assert (await member.call("GET", f"{SUBJECTS}/me")).status_code == 200
    refused = await member.call("GET", f"{SUBJECTS}/{world.admin.client_id}")
    assert refused.json()["code"] == "missing.any.permissions"
    allowed = await world.admin.make_member("authorization:grant:view")
    assert (await allowed.get(f"{SUBJECTS}/{world.admin.client_id}"))["grants"]


async def test_subjects_of_another_organisation_are_not_found(world: World) -> None:
    stranger = world.member(await world.found("Other"))
    for subject_id in (world.admin.client_id, UNKNOWN):
        answer = await stranger.call("GET", f"{SUBJECTS}/{subject_id}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not.found")


async def test_every_permission_that_something_asks_for_is_in_the_catalogue(
    world: World,
) -> None:
    from grantory.app import build_operations

    page = await world.admin.get(f"{PERMISSIONS}?pageSize=100")
    found = {
        f"{entry['domain']}:{entry['entityType']}:{entry['action']}"
        for collection in page["entities"]
        for entries in collection["permissionMap"].values()
        for entry in entries
    }
    asked = {
        permission
        for operation in build_operations(world.node, world.settings)
        for permission in operation.permissions
    }
    assert found == {*asked, "oauth:token:introspect"}
    assert {"oauth:client:view", "authorization:role:add"} <= found
    assert page["total"] == len(page["entities"]) == len({p.split(":")[0] for p in found})
    first = await world.admin.get(f"{PERMISSIONS}?pageSize=1&pageNumber=2")
    assert first["entities"] == page["entities"][1:2]


async def test_the_organisation_is_what_clients_dereference(world: World) -> None:
    found = await world.admin.get("/api/v2/organizations/me")
    own = world.founding.organization
    assert (
        found.items()
        >= {
            "id": own.id,
            "name": "Example",
            "thirdPartyOrgName": "Example",
            "defaultLanguage": "en-us",
            "defaultCountryCode": "US",
            "state": "active",
            "version": 1,
            "features": {},
        }.items()
    )
    other = world.member(await world.found("Other"))
    assert (await other.get("/api/v2/organizations/me"))["name"] == "Other"


async def test_a_client_is_no_user(world: World) -> None:
    answer = await world.admin.call("GET", "/api/v2/users/me")
    assert (answer.status_code, answer.json()["code"]) == (400, "not.a.user")


async def test_the_token_tells_its_organisation_and_client(world: World) -> None:
    role_id = await world.admin.make_role("oauth:client:view")
    member = await world.admin.make_client(role_id)
    info = await member.get(TOKEN)
    named = {"id": world.founding.organization.id, "name": "Example"}
    assert info["organization"] == info["homeOrganization"] == named
    assert info["authorizedScope"] == []
    client = info["OAuthClient"]
    assert client["organization"] == named
    assert client["id"] == member.client_id
    assert client["roleDivisions"] == [{"roleId": role_id, "divisionId": "*"}]
    assert client["authorizedGrantType"] == "CLIENT-CREDENTIALS"
    assert "secret" not in client


async def test_a_good_token_is_told_without_a_body(world: World) -> None:
    answer = await world.admin.call("HEAD", TOKEN)
    assert (answer.status_code, answer.content) == (200, b"")
    bad = await world.http.head(TOKEN, headers={"authorization": "Bearer gat_x"})
    assert (bad.status_code, bad.content) == (401, b"")


async def test_an_ended_token_is_refused_at_once_and_others_go_on(world: World) -> None:
    ended = await world.admin.log_in()
    other = await world.admin.log_in()
    headers = {"authorization": f"Bearer {ended}"}
    answer = await world.http.delete(TOKEN, headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")
    for method in ("GET", "DELETE"):
        refused = await world.http.request(method, TOKEN, headers=headers)
        assert (refused.status_code, refused.json()["code"]) == (401, "bad.credentials")
    good = await world.http.get(TOKEN, headers={"authorization": f"Bearer {other}"})
    assert good.status_code == 200


@pytest.mark.parametrize(
    "path", [DIVISIONS, f"{DIVISIONS}/home", PERMISSIONS, TOKEN, "/api/v2/organizations/me"]
)
async def test_looking_at_oneself_needs_a_token_and_no_permission(world: World, path: str) -> None:
    member = await world.admin.make_member("routing:queue:view")
    assert (await member.call("GET", path)).status_code == 200
    assert (await world.http.get(path)).json()["code"] == "authentication.required"


async def test_roles_hold_no_more_than_their_own_organisations(world: World) -> None:
    await world.admin.make_role("oauth:client:view")
    other = world.member(await world.found("Other"))
    assert (await other.get(ROLES))["total"] == 1
    assert (await other.get(CLIENTS))["total"] == 1
