"""``/api/v2/authorization/divisions`` as a caller sees it."""

import asyncio
from typing import Any

import pytest

from grantory.domain.access import Division
from grantory.domain.audit import AuditEvent
from grantory.registry import divisions
from grantory.registry.divisions import MOST_DIVISIONS
from tests.support.world import CLIENTS, Member, World

DIVISIONS = "/api/v2/authorization/divisions"
SUBJECTS = "/api/v2/authorization/subjects"
UNKNOWN = "6a3f0f5e-8e0e-4d6c-9a55-1f8c0b9d7e21"


def refused(answer: Any, status: int, code: str, *fields: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert [detail["fieldName"] for detail in answer.json()["details"]] == list(fields)
    body: dict[str, Any] = answer.json()
    return body


async def make(world: World, *names: str) -> list[str]:
    return [(await world.admin.post(DIVISIONS, {"name": name}))["id"] for name in names]


async def names(member: Member, path: str = DIVISIONS) -> list[str]:
    return [division["name"] for division in (await member.get(path))["entities"]]


async def events(world: World, entity_id: str) -> list[AuditEvent]:
    organization = world.founding.organization.id
    found = await world.node.store.read(lambda s: s.audit.of_entity(organization, entity_id, 100))
    return found[::-1]


async def test_a_division_is_created_read_listed_and_replaced(world: World) -> None:
    created = await world.admin.post(DIVISIONS, {"name": "North", "description": "cold"})
    path = f"{DIVISIONS}/{created['id']}"
    assert created == {
        "id": created["id"],
        "name": "North",
        "description": "cold",
        "homeDivision": False,
        "selfUri": path,
    }
    assert await world.admin.get(path) == created
    assert await world.admin.get(path.replace(created["id"], created["id"].upper())) == created
    assert created in (await world.admin.get(DIVISIONS))["entities"]
    replaced = await world.admin.put(path, {**created, "name": "South", "description": None})
    assert replaced.items() >= {"id": created["id"], "name": "South"}.items()
    assert "description" not in replaced
    assert await world.admin.get(path) == replaced
    assert await world.admin.put(path, replaced) == replaced


async def test_the_list_is_sorted_filtered_paged_and_counted(world: World) -> None:
    ids = await make(world, "south", "North", "West")
    assert await names(world.admin) == ["Home", "North", "south", "West"]
    page = await world.admin.get(f"{DIVISIONS}?pageSize=2&pageNumber=2&sortBy=name")
    assert [division["name"] for division in page["entities"]] == ["south", "West"]
    assert (page["total"], page["pageCount"]) == (4, 2)
    by_id = (await world.admin.get(f"{DIVISIONS}?sortBy=id"))["entities"]
    assert [division["id"] for division in by_id] == sorted(division["id"] for division in by_id)
    assert await names(world.admin, f"{DIVISIONS}?name=*ORTH*") == ["North"]
    for query in (f"id={ids[0]},{ids[2].upper()}", f"id={ids[0]}&id={ids[2]}"):
        assert await names(world.admin, f"{DIVISIONS}?{query}") == ["south", "West"]
    counted = (await world.admin.get(f"{DIVISIONS}?objectCount=true"))["entities"]
    assert [division["objectCounts"] for division in counted] == [{}] * 4
    assert (await world.admin.get(f"{DIVISIONS}/{ids[0]}?objectCount=true"))["objectCounts"] == {}
    assert "objectCounts" not in await world.admin.get(f"{DIVISIONS}/{ids[0]}?objectCount=false")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?pageSize=501", "pageSize"),
        ("?pageNumber=0", "pageNumber"),
        ("?sortBy=description", "sortBy"),
        ("?nextPage=x", "nextPage"),
        ("?previousPage=x", "previousPage"),
        ("?objectCount=yes", "objectCount"),
        ("/deleted?pageSize=0", "pageSize"),
        ("/query?pageSize=201", "pageSize"),
        ("/query?after=x", "after"),
        ("/query?before=%D9%A1", "before"),
        (f"/query?before={UNKNOWN}&after={UNKNOWN}", "before"),
    ],
)
async def test_a_bad_parameter_of_a_list_is_named(world: World, query: str, field: str) -> None:
    refused(await world.admin.call("GET", DIVISIONS + query), 400, "invalid.value", field)


async def test_the_cursor_leads_through_every_division_and_back(world: World) -> None:
    await make(world, "a", "b", "c", "d")
    everything = await world.admin.get(DIVISIONS + "/query")
    assert everything.keys() == {"entities", "selfUri"}
    ordered = everything["entities"]
    assert len(ordered) == 5
    assert [division["id"] for division in ordered] == sorted(d["id"] for d in ordered)

    pages = [await world.admin.get(DIVISIONS + "/query?pageSize=2")]
    while "nextUri" in pages[-1]:
        pages.append(await world.admin.get(pages[-1]["nextUri"]))
    assert [len(page["entities"]) for page in pages] == [2, 2, 1]
    assert [division for page in pages for division in page["entities"]] == ordered
    assert "previousUri" not in pages[0]

    back = await world.admin.get(pages[2]["previousUri"])
    assert back["entities"] == pages[1]["entities"]
    assert (await world.admin.get(back["previousUri"]))["entities"] == pages[0]["entities"]
    assert await world.admin.get(back["selfUri"]) == back
    assert await names(world.admin, DIVISIONS + "/query?name=C") == ["c"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["name"]),
        ({"name": ""}, ["name"]),
        ({"name": "  "}, ["name"]),
        ({"name": "a\n"}, ["name"]),
        ({"name": "x" * 201}, ["name"]),
        ({"name": 1, "description": 2}, ["name", "description"]),
        ({"name": "x", "description": "x" * 2001}, ["description"]),
    ],
)
async def test_a_bad_division_is_refused_and_every_bad_field_named(
    world: World, body: dict[str, Any], fields: list[str]
) -> None:
    (staying, going) = await make(world, "staying", "going")
    await world.admin.call("DELETE", f"{DIVISIONS}/{going}")
    calls = [("POST", DIVISIONS), ("PUT", f"{DIVISIONS}/{staying}")]
    if body:  # the name may be left out where there is one
        calls.append(("POST", f"{DIVISIONS}/{going}/restore"))
    for method, path in calls:
        refused(await world.admin.call(method, path, body), 400, "invalid.value", *fields)
    assert await names(world.admin) == ["Home", "staying"]


async def test_a_name_is_taken_whatever_its_case_until_its_division_is_deleted(
    world: World,
) -> None:
    north, south = await make(world, "North", "South")
    for method, path in (("POST", DIVISIONS), ("PUT", f"{DIVISIONS}/{south}")):
        answer = await world.admin.call(method, path, {"name": "NORTH"})
        refused(answer, 409, "general.conflict", "name")
    assert (await world.admin.call("DELETE", f"{DIVISIONS}/{north}")).status_code == 204
    await world.admin.put(f"{DIVISIONS}/{south}", {"name": "north"})
    restore = f"{DIVISIONS}/{north}/restore"
    for body in ({}, {"name": "NORTH"}):
        answer = await world.admin.call("POST", restore, body)
        refused(answer, 409, "general.conflict", "name")
    restored = await world.admin.post(restore, {"name": "far north"})
    assert restored.items() >= {"id": north, "name": "far north"}.items()
    assert await names(world.admin) == ["far north", "Home", "north"]


async def test_a_deleted_division_is_gone_listed_as_deleted_and_comes_back(world: World) -> None:
    (keeps,) = await make(world, "Keeps")
    created = await world.admin.post(DIVISIONS, {"name": "North", "description": "cold"})
    path = f"{DIVISIONS}/{created['id']}"
    answer = await world.admin.call("DELETE", path)
    assert (answer.status_code, answer.content) == (204, b"")
    for method, body in (("GET", None), ("PUT", {"name": "x"}), ("DELETE", None)):
        refused(await world.admin.call(method, path, body), 404, "not.found")
    assert await names(world.admin) == ["Home", "Keeps"]
    page = await world.admin.get(DIVISIONS + "/deleted")
    assert (page["entities"], page["total"]) == ([created], 1)
    role_id = await world.admin.make_role("oauth:client:view")
    held: Any = [{"roleId": role_id, "divisionId": created["id"]}]
    client = {"name": "a", "authorizedGrantType": "CLIENT-CREDENTIALS", "roleDivisions": held}
    refused(await world.admin.call("POST", CLIENTS, client), 400, "invalid.value", "roleDivisions")

    assert await world.admin.post(path + "/restore", {}) == created
    assert await world.admin.get(path) == created
    assert (await world.admin.get(DIVISIONS + "/deleted"))["entities"] == []
    refused(await world.admin.call("POST", path + "/restore", {}), 409, "general.conflict")
    refused(
        await world.admin.call("POST", f"{DIVISIONS}/{keeps}/restore", {}), 409, "general.conflict"
    )


async def test_the_home_division_is_renamed_and_never_deleted(world: World) -> None:
    home = await world.admin.get(DIVISIONS + "/home")
    path = f"{DIVISIONS}/{home['id']}"
    for query in ("", "?force=true"):
        refused(await world.admin.call("DELETE", path + query), 400, "bad.request")
    renamed = await world.admin.put(path, {**home, "name": "Headquarters"})
    assert renamed == {**home, "name": "Headquarters"}
    assert await world.admin.get(DIVISIONS + "/home") == renamed


async def test_a_division_with_grants_goes_by_force_only_and_its_holders_lose_them(
    world: World,
) -> None:
    (north,) = await make(world, "North")
    path = f"{DIVISIONS}/{north}"
    viewer = await world.admin.make_role("oauth:client:view")
    other = await world.admin.make_role("authorization:role:view")
    first = await world.admin.make_client(viewer, other, division=north)
    second = await world.admin.make_client(viewer, division=north)
    everywhere = await world.admin.make_client(viewer)
    for member in (first, second, everywhere):
        assert (await member.call("GET", CLIENTS)).status_code == 200

    for query in ("", "?force=false"):
        error = refused(await world.admin.call("DELETE", path + query), 409, "general.conflict")
        assert "3 grants" in error["message"]
        assert error["message"].endswith("or delete it by itself with force=true.")
    listed = {"operation": "deleteAuthorizationDivision", "id": north}
    answer = await world.admin.call("POST", "/api/v2/grantory/changes", {"changes": [listed]})
    assert "delete it by itself" in refused(answer, 409, "general.conflict")["message"]
    refused(await world.admin.call("DELETE", path + "?force=1"), 400, "invalid.value", "force")
    assert (await first.call("GET", CLIENTS)).status_code == 200

    assert (await world.admin.call("DELETE", path + "?force=true")).status_code == 204
    for member in (first, second):
        refused(await member.call("GET", CLIENTS), 403, "missing.any.permissions")
        assert (await world.admin.get(f"{SUBJECTS}/{member.client_id}"))["grants"] == []
    assert (await everywhere.call("GET", CLIENTS)).status_code == 200
    changes = {c.property: c.old_values for c in (await events(world, north))[-1].changes}
    assert changes["grant_count"] == [3]
    assert set(changes["grants"]) == {
        f"{first.client_id}:{viewer}",
        f"{first.client_id}:{other}",
        f"{second.client_id}:{viewer}",
    }

    await world.admin.post(path + "/restore", {"name": "North"})
    refused(await first.call("GET", CLIENTS), 403, "missing.any.permissions")
    assert (await world.admin.get(path + "/grants"))["total"] == 0


async def test_whoever_forces_must_hold_what_is_removed(world: World) -> None:
    (north,) = await make(world, "North")
    path = f"{DIVISIONS}/{north}?force=true"
    role_id = await world.admin.make_role("billing:invoice:edit")
    holder = await world.admin.make_client(role_id, division=north)
    delete = "authorization:division:delete"
    limited = await world.admin.make_member(delete)
    error = refused(await limited.call("DELETE", path), 403, "missing.permissions")
    assert f"billing:invoice:edit in division {north}" in error["message"]
    assert (await world.admin.get(f"{SUBJECTS}/{holder.client_id}"))["grants"]
    equal = await world.admin.make_member(delete, "billing:invoice:edit")
    assert (await equal.call("DELETE", path)).status_code == 204


async def test_the_grants_in_a_division_are_shown_page_by_page(world: World) -> None:
    north, empty = await make(world, "North", "Empty")
    viewer = await world.admin.make_role("oauth:client:view", name="viewer")
    made = []
    for _ in range(3):
        world.clock.advance(1)
        made.append(await world.admin.make_client(viewer, division=north))
    await world.admin.make_client(viewer)
    path = f"{DIVISIONS}/{north}/grants"
    page = await world.admin.get(path + "?pageSize=2&pageNumber=1")
    assert (page["total"], page["pageCount"], page["pageSize"]) == (3, 2, 2)
    assert page["nextUri"] == path + "?pageSize=2&pageNumber=2"
    first = page["entities"][0]
    assert first["subjectId"] == made[0].client_id
    assert first["division"]["name"] == "North"
    assert first["role"].items() >= {"id": viewer, "name": "viewer"}.items()
    subject = await world.admin.get(f"{SUBJECTS}/{made[0].client_id}")
    assert subject["grants"] == [first]
    rest = await world.admin.get(page["nextUri"])
    assert [grant["subjectId"] for grant in rest["entities"]] == [made[2].client_id]
    assert (await world.admin.get(f"{DIVISIONS}/{empty}/grants"))["entities"] == []
    refused(await world.admin.call("GET", path + "?pageSize=501"), 400, "invalid.value", "pageSize")


async def test_there_is_a_limit_that_is_told_and_kept(world: World) -> None:
    limit = await world.admin.get(DIVISIONS + "/limit")
    assert limit == MOST_DIVISIONS == 1000
    (north,) = await make(world, "North")
    await world.admin.call("DELETE", f"{DIVISIONS}/{north}")
    organization_id = world.founding.organization.id
    ids = [world.node.random.uuid() for _ in range(limit - 2)]

    def fill(transaction: Any) -> None:
        for number, division_id in enumerate(ids):
            transaction.access.add_division(
                Division(
                    id=division_id,
                    organization_id=organization_id,
                    name=f"d{number}",
                    created_at=1,
                )
            )

    await world.node.store.write(fill)
    calls = (world.admin.call("POST", DIVISIONS, {"name": f"last {n}"}) for n in range(5))
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400]
    restore = f"{DIVISIONS}/{north}/restore"
    for path, body in ((DIVISIONS, {"name": "over"}), (restore, {})):
        answer = await world.admin.call("POST", path, body)
        error = refused(answer, 400, "auth.too.many.divisions")
        assert error["messageParams"] == {"limit": "1000"}
    await world.admin.call("DELETE", f"{DIVISIONS}/{ids[0]}")
    assert (await world.admin.call("POST", restore, {})).status_code == 200


@pytest.mark.parametrize("division_id", [UNKNOWN, "*", "x", "x" * 300])
async def test_an_unknown_division_is_not_found(world: World, division_id: str) -> None:
    path = f"{DIVISIONS}/{division_id}"
    for method, address, body in (
        ("GET", path, None),
        ("GET", path + "/grants", None),
        ("PUT", path, {"name": "x"}),
        ("DELETE", path + "?force=true", None),
        ("POST", path + "/restore", {"name": "x"}),
    ):
        refused(await world.admin.call(method, address, body), 404, "not.found")


async def test_another_organisations_divisions_are_not_found(world: World) -> None:
    north, gone = await make(world, "North", "Gone")
    await world.admin.call("DELETE", f"{DIVISIONS}/{gone}")
    stranger = world.member(await world.found("Other"))
    for method, address, body in (
        ("GET", north, None),
        ("GET", f"{north}/grants", None),
        ("PUT", north, {"name": "x"}),
        ("DELETE", f"{north}?force=true", None),
        ("POST", f"{gone}/restore", {"name": "x"}),
        ("POST", f"{north}/restore", {"name": "x"}),
    ):
        answer = await stranger.call(method, f"{DIVISIONS}/{address}", body)
        refused(answer, 404, "not.found")
    for path in (DIVISIONS, DIVISIONS + "/query"):
        assert await names(stranger, path) == ["Home"]
    assert await names(stranger, DIVISIONS + "/deleted") == []
    assert await names(world.admin) == ["Home", "North"]
    await stranger.post(DIVISIONS, {"name": "North"})


async def test_every_change_leaves_one_event(world: World) -> None:
    created = await world.admin.post(DIVISIONS, {"name": "North", "description": "cold"})
    path = f"{DIVISIONS}/{created['id']}"
    await world.admin.put(path, {"name": "South", "description": "cold"})
    await world.admin.call("DELETE", path)
    await world.admin.post(path + "/restore", {"name": "East"})
    found = await events(world, created["id"])
    assert [(event.action, event.entity_type, event.entity_name) for event in found] == [
        ("Create", "Division", "North"),
        ("Update", "Division", "South"),
        ("Delete", "Division", "South"),
        ("Restore", "Division", "East"),
    ]
    assert all(event.origin.actor.id == world.admin.client_id for event in found)
    (change,) = found[1].changes
    assert (change.property, change.old_values, change.new_values) == ("name", ["North"], ["South"])


@pytest.mark.parametrize(
    ("method", "address", "permission"),
    [
        ("POST", "", "authorization:division:add"),
        ("PUT", "/{division}", "authorization:division:edit"),
        ("DELETE", "/{division}", "authorization:division:delete"),
        ("POST", "/{gone}/restore", "authorization:division:add"),
        ("GET", "/deleted", "authorization:divisionDeleted:view"),
        ("GET", "/{division}/grants", "authorization:grant:view"),
    ],
)
async def test_each_operation_asks_for_its_own_permission(
    world: World, method: str, address: str, permission: str
) -> None:
    division, gone = await make(world, "division", "gone")
    await world.admin.call("DELETE", f"{DIVISIONS}/{gone}")
    path = DIVISIONS + address.format(division=division, gone=gone)
    body = {"name": "made"} if method in ("POST", "PUT") else None
    every = {f"authorization:division:{action}" for action in ("add", "edit", "delete", "view")}
    every |= {"authorization:divisionDeleted:view", "authorization:grant:view"}
    without = await world.admin.make_member(*sorted(every - {permission}))
    error = refused(await without.call(method, path, body), 403, "missing.any.permissions")
    assert permission in error["message"]
    allowed = await world.admin.make_member(permission)
    assert (await allowed.call(method, path, body)).status_code in (200, 204)


async def test_looking_at_divisions_needs_no_permission(world: World) -> None:
    (north,) = await make(world, "North")
    member = await world.admin.make_member("routing:queue:view")
    for address in ("", f"/{north}", "/home", "/limit", "/query"):
        assert (await member.call("GET", DIVISIONS + address)).status_code == 200


@pytest.mark.parametrize("turn", range(4))
async def test_what_is_granted_meanwhile_never_stays_in_a_deleted_division(
    world: World, turn: int
) -> None:
    (north,) = await make(world, "North")
    role_id = await world.admin.make_role("oauth:client:view")
    body = {
        "name": "meanwhile",
        "authorizedGrantType": "CLIENT-CREDENTIALS",
        "roleDivisions": [{"roleId": role_id, "divisionId": north}],
    }
    give = [world.admin.call("POST", CLIENTS, body) for _ in range(4)]
    take = world.admin.call("DELETE", f"{DIVISIONS}/{north}?force=true")
    calls = [*give[:turn], take, *give[turn:]]

    answers = await asyncio.gather(*calls)

    assert answers[turn].status_code == 204
    assert {answer.status_code for answer in answers} <= {200, 204, 400}
    assert await world.rows(f"SELECT * FROM grants WHERE division_id = '{north}'") == []
    made = [answer.json() for answer in answers if answer.status_code == 200]
    for client in made:
        asking = Member(world, client["id"], client["secret"])
        refused(await asking.call("GET", CLIENTS), 403, "missing.any.permissions")


async def test_grants_come_at_most_a_hundred_a_page(world: World) -> None:
    home = (await world.admin.get(f"{DIVISIONS}/home"))["id"]
    answer = await world.admin.call("GET", f"{DIVISIONS}/{home}/grants?pageSize=101")
    assert (answer.status_code, answer.json()["details"][0]["fieldName"]) == (400, "pageSize")
    assert (await world.admin.get(f"{DIVISIONS}/{home}/grants?pageSize=100"))["pageSize"] == 100


async def test_so_many_grants_are_not_removed_in_one_change(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(divisions, "MOST_GRANTS_AT_ONCE", 1)
    made = await world.admin.post(DIVISIONS, {"name": "crowded"})
    role = await world.admin.make_role("routing:queue:view")
    for _ in range(2):
        await world.admin.make_client(role, division=made["id"])
    answer = await world.admin.call("DELETE", f"{DIVISIONS}/{made['id']}?force=true")
    assert (answer.status_code, answer.json()["code"]) == (400, "bad.request")
    assert "2 grants" in answer.json()["message"]
