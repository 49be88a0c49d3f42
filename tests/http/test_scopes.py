"""The platform's scopes."""

import pytest

from tests.support.world import World

SCOPES = "/api/v2/oauth/scopes"


async def test_every_scope_is_listed_once_with_a_description(world: World) -> None:
    page = await world.admin.get(SCOPES)
    assert set(page) == {"total", "entities", "selfUri"}
    ids = [scope["id"] for scope in page["entities"]]
    assert page["total"] == len(ids) == len(set(ids)) > 130
    assert ids == sorted(ids)
    assert page["selfUri"] == SCOPES
    for scope in page["entities"]:
        assert set(scope) == {"id", "description", "selfUri"}
        assert len(scope["description"]) > 10
        reads_only = scope["id"].endswith(":readonly")
        assert not (reads_only and "change" in scope["description"]), scope
    assert len({scope["description"] for scope in page["entities"]}) == len(ids)


async def test_the_scopes_that_clients_ask_for_are_there(world: World) -> None:
    ids = {scope["id"] for scope in (await world.admin.get(SCOPES))["entities"]}
    both = ("oauth", "authorization", "users", "routing", "analytics", "workforce-management")
    assert ids.issuperset([*both, *(f"{name}:readonly" for name in both)])
    assert ids.issuperset(["user-basic-info", "notifications", "upload", "audits:readonly"])
    assert not ids & {"user-basic-info:readonly", "notifications:readonly", "audits", "search"}


@pytest.mark.parametrize("scope_id", ["oauth", "oauth:readonly", "oauth%3Areadonly"])
async def test_one_scope_is_what_the_list_says(world: World, scope_id: str) -> None:
    page = await world.admin.get(SCOPES)
    listed = {scope["id"]: scope for scope in page["entities"]}
    found = await world.admin.get(f"{SCOPES}/{scope_id}")
    assert found == listed[scope_id.replace("%3A", ":")]
    assert await world.admin.get(found["selfUri"]) == found


@pytest.mark.parametrize("scope_id", ["nothing", "OAUTH", "oauth:", "oauth:readonly:x", "%2e"])
async def test_an_unknown_scope_is_not_found(world: World, scope_id: str) -> None:
    answer = await world.admin.call("GET", f"{SCOPES}/{scope_id}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not.found")


async def test_scopes_need_a_token_and_no_permission_in_any_language(world: World) -> None:
    member = await world.admin.make_member("routing:queue:view")
    expected = await world.admin.get(SCOPES)
    for language in ("de", "x" * 500, ""):
        answer = await member.call("GET", SCOPES, headers={"Accept-Language": language})
        assert (answer.status_code, answer.json()) == (200, expected)
    for path in (SCOPES, f"{SCOPES}/oauth"):
        assert (await world.http.get(path)).json()["code"] == "authentication.required"
        answer = await member.call("POST", path, {})
        assert answer.status_code == 405
