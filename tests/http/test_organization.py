"""Changing one's own organisation, and its products."""

import asyncio
from typing import Any

import pytest

from tests.support.world import World

OWN = "/api/v2/organizations/me"
PRODUCTS = "/api/v2/authorization/products"


async def test_three_fields_change_and_the_others_do_not(world: World) -> None:
    before = await world.admin.get(OWN)
    body = {
        **before,
        "name": "New Näme",
        "defaultLanguage": "de-CH",
        "defaultCountryCode": "ch",
        **{"id": "x", "domain": "evil", "state": "inactive", "features": {"x": True}},
        **{"thirdPartyOrgName": "x", "productPlatform": "x", "tokenEpoch": 9},
    }
    after = await world.admin.put(OWN, body)
    assert after == {
        **before,
        "name": "New Näme",
        "thirdPartyOrgName": "New Näme",
        "defaultLanguage": "de-CH",
        "defaultCountryCode": "CH",
        "version": 2,
    }
    assert await world.admin.get(OWN) == after
    info = await world.admin.get("/api/v2/tokens/me")
    assert info["organization"]["name"] == "New Näme"


async def test_what_is_left_out_or_null_stays(world: World) -> None:
    before = await world.admin.get(OWN)
    after = await world.admin.put(OWN, {"defaultCountryCode": "DE"})
    assert after == {**before, "defaultCountryCode": "DE", "version": 2}
    nulls = dict.fromkeys(("name", "defaultLanguage", "defaultCountryCode", "version"))
    assert await world.admin.put(OWN, nulls) == {**after, "version": 3}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("name", value) for value in ("", "  ", "x" * 201, "a\nb", 5)),
        *(("defaultLanguage", value) for value in ("", "e", "en us", "en-us\n", "x" * 36, 5)),
        *(("defaultCountryCode", value) for value in ("", "USA", "ÄÖ", "U1", 5)),
        *(("version", value) for value in (0, -1, "1", 1.5, 2**31)),
    ],
)
async def test_a_bad_field_is_named(world: World, field: str, value: Any) -> None:
    answer = await world.admin.call("PUT", OWN, {field: value})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid.value")
    assert [detail["fieldName"] for detail in answer.json()["details"]] == [field]
    assert (await world.admin.get(OWN))["version"] == 1


async def test_a_taken_name_is_a_conflict_whatever_its_case(world: World) -> None:
    await world.found("Straße")
    before = await world.admin.get(OWN)
    answer = await world.admin.call("PUT", OWN, {"name": "STRASSE", "defaultLanguage": "de"})
    assert (answer.status_code, answer.json()["code"]) == (409, "general.conflict")
    assert answer.json()["details"][0]["fieldName"] == "name"
    assert await world.admin.get(OWN) == before
    assert (await world.admin.put(OWN, {"name": "EXAMPLE"}))["name"] == "EXAMPLE"


async def test_an_outdated_version_is_a_conflict(world: World) -> None:
    await world.admin.put(OWN, {"name": "b", "version": 1})
    answer = await world.admin.call("PUT", OWN, {"name": "c", "version": 1})
    assert (answer.status_code, answer.json()["code"]) == (409, "general.conflict")
    assert answer.json()["details"][0]["fieldName"] == "version"
    assert (await world.admin.get(OWN))["name"] == "b"


async def test_of_those_who_saw_one_version_one_wins(world: World) -> None:
    await world.admin.log_in()
    calls = [world.admin.call("PUT", OWN, {"name": f"n{i}", "version": 1}) for i in range(5)]
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    won = next(answer.json() for answer in answers if answer.status_code == 200)
    assert await world.admin.get(OWN) == won


async def test_changing_needs_its_permission_and_reaches_no_other(world: World) -> None:
    member = await world.admin.make_member("oauth:*:*", "directory:organization:view")
    answer = await member.call("PUT", OWN, {"name": "x"})
    assert answer.status_code == 403
    assert "directory:organization:admin" in answer.json()["message"]
    other = world.member(await world.found("Other"))
    theirs = await other.get(OWN)
    allowed = await world.admin.make_member("directory:organization:admin")
    assert (await allowed.put(OWN, {"name": "y", "id": theirs["id"]}))["name"] == "y"
    assert await other.get(OWN) == theirs


async def test_a_change_leaves_one_event_and_tells_the_memories(world: World) -> None:
    await world.admin.put(OWN, {"name": "new"})
    own = world.founding.organization.id
    organization = await world.node.store.read(lambda s: s.audit.of_entity(own, own, 10))
    event = organization[0]
    assert (event.action, event.entity_type, event.entity_name) == ("Update", "Organization", "new")
    assert [(c.property, c.old_values, c.new_values) for c in event.changes] == [
        ("name", ["Example"], ["new"])
    ]
    told = await world.rows(f"SELECT kind FROM changes WHERE entity_id = '{own}'")
    assert ("organization",) in told


async def test_tokens_go_on_when_the_organisation_changes(world: World) -> None:
    token = await world.admin.log_in()
    await world.admin.put(OWN, {"name": "new"})
    assert world.admin.token == token
    assert (await world.admin.get(OWN))["name"] == "new"


async def test_products_have_what_clients_dereference(world: World) -> None:
    member = await world.admin.make_member("routing:queue:view")
    page = await member.get(PRODUCTS)
    assert page["total"] == len(page["entities"]) == 1
    assert (page["pageCount"], page["pageNumber"], page["pageSize"]) == (1, 1, 25)
    assert all(product["id"] for product in page["entities"])
    assert (await world.http.get(PRODUCTS)).json()["code"] == "authentication.required"
