"""Users: made, read, changed and deleted through the API, and what ends with them."""

import asyncio
from typing import Any

import pytest

from grantory.domain.audit import AuditEvent
from tests.support.people import USERS, Person, give, make_code_client, make_person, make_user
from tests.support.subjects import make_division, refused
from tests.support.world import World

SUBJECTS = "/api/v2/authorization/subjects"
UNKNOWN = "6a3f0f5e-8e0e-4d6c-9a55-1f8c0b9d7e21"


async def events(world: World, entity_id: str) -> list[AuditEvent]:
    """What was recorded of an entity, in order."""
    organization = world.founding.organization.id
    found = await world.node.store.read(lambda s: s.audit.of_entity(organization, entity_id, 100))
    return found[::-1]


async def test_a_user_is_made_with_all_that_the_platform_knows(world: World) -> None:
    division = await make_division(world)
    body = {
        "name": "Änn Smith",
        "email": "Ann.Smith@Example.com",
        "title": "Head of Nothing",
        "department": "Ops",
        "divisionId": division.upper(),
        "state": "INACTIVE",
        "addresses": [{"address": "x", "mediaType": "PHONE"}],
        "unheardOf": 1,
    }
    made = await world.admin.post(USERS, body)
    shown = {
        "id": made["id"],
        "name": "Änn Smith",
        "email": "Ann.Smith@Example.com",
        "username": "Ann.Smith@Example.com",
        "title": "Head of Nothing",
        "department": "Ops",
        "state": "inactive",
        "version": 1,
        "selfUri": f"{USERS}/{made['id']}",
    }
    there = made.pop("division")
    assert made == shown
    assert there["id"] == division
    assert there["selfUri"] == f"/api/v2/authorization/divisions/{division}"
    assert await world.admin.get(f"{USERS}/{made['id'].upper()}") == {**made, "division": there}
    assert (await world.admin.get(f"{SUBJECTS}/{made['id']}"))["grants"] == []


async def test_what_is_left_out_has_its_default(world: World) -> None:
    made = await world.admin.post(
        USERS, {"name": "Ann", "email": "a@b", "title": "", "state": None}
    )
    home = await world.admin.get("/api/v2/authorization/divisions/home")
    assert made["division"]["id"] == home["id"]
    assert made["state"] == "active"
    assert not {"title", "department", "password"} & made.keys()


GOOD = {"name": "Ann", "email": "ann@example.com"}


BAD: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["name", "email"]),
    ({**GOOD, "name": " "}, ["name"]),
    ({**GOOD, "name": "x" * 201}, ["name"]),
    ({**GOOD, "name": "a\x00b"}, ["name"]),
    ({**GOOD, "title": "x" * 201, "department": "a\nb"}, ["title", "department"]),
    ({**GOOD, "divisionId": UNKNOWN}, ["divisionId"]),
    ({**GOOD, "divisionId": "*"}, ["divisionId"]),
    ({**GOOD, "state": "deleted"}, ["state"]),
    ({**GOOD, "state": 1, "email": 1}, ["email", "state"]),
    *(
        ({**GOOD, "email": email}, ["email"])
        for email in (
            "",
            "@b",
            "a@",
            "ab",
            "a@b@c",
            "a b@c",
            "a@b ",
            " a@b",
            "a\t@b",
            "a@b\n",
            "a@b\x00",
            "a\u202e@b",
            "a\u00a0@b",
            "a" * 252 + "@bc",
        )
    ),
]


async def test_a_bad_user_is_refused_and_not_made(world: World) -> None:
    user = await make_user(world.admin)
    for body, fields in BAD:
        answer = await world.admin.call("POST", USERS, body)
        refused(answer, 400, "invalid.value", *fields)
        patch = {key: value for key, value in body.items() if key in fields}
        if patch and "divisionId" not in patch:
            answer = await world.admin.call("PATCH", f"{USERS}/{user['id']}", patch)
            refused(answer, 400, "invalid.value", *fields)
    assert await world.admin.get(f"{USERS}/{user['id']}") == user
    assert (await world.admin.get(f"{USERS}?state=any"))["total"] == 2


async def test_an_address_of_the_greatest_length_and_of_any_script(world: World) -> None:
    for email in ("a" * 251 + "@bc", "użytkownik@przykład.pl", "a@b", "a+b'c@[127.0.0.1]"):
        assert (await make_user(world.admin, email=email))["email"] == email


async def test_an_address_is_taken_whatever_its_case_until_its_user_is_deleted(
    world: World,
) -> None:
    first = await make_user(world.admin, email="Ann@Example.com")
    second = await make_user(world.admin)
    body = {"name": "Other", "email": "aNN@example.COM"}
    refused(await world.admin.call("POST", USERS, body), 409, "general.conflict", "email")
    path = f"{USERS}/{second['id']}"
    answer = await world.admin.call("PATCH", path, {"email": "ann@example.com"})
    refused(answer, 409, "general.conflict", "email")
    assert await world.admin.get(path) == second
    # One's own in another case is free, and the same address in another organisation.
    answer = await world.admin.call("PATCH", f"{USERS}/{first['id']}", {"email": "ann@example.com"})
    assert answer.json()["email"] == "ann@example.com"
    elsewhere = world.member(await world.found("Elsewhere"))
    await make_user(elsewhere, email="ann@example.com")
    await world.admin.call("DELETE", f"{USERS}/{first['id']}")
    assert (await world.admin.post(USERS, body))["id"] != first["id"]


async def test_of_many_who_want_an_address_one_gets_it(world: World) -> None:
    await world.admin.log_in()
    body = {"name": "Ann", "email": "same@example.com"}
    answers = await asyncio.gather(*(world.admin.call("POST", USERS, body) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 5]


async def test_users_are_listed_page_by_page_in_the_order_of_creation(world: World) -> None:
    made = []
    for number in range(4):
        world.clock.step(1)
        state = "inactive" if number == 1 else "active"
        made.append((await make_user(world.admin, name=f"U{number}", state=state))["id"])
    first = (await world.admin.get(USERS))["entities"][0]["id"]  # made at the set-up

    async def ids(query: str) -> list[str]:
        page = await world.admin.get(f"{USERS}?{query}")
        return [entity["id"] for entity in page["entities"]]

    active = [first, made[0], made[2], made[3]]
    assert await ids("") == await ids("state=active") == await ids("sortOrder=ASC") == active
    assert await ids("state=inactive") == [made[1]]
    assert await ids("state=ANY") == [first, *made]
    for order in ("desc", "descending", "DESC"):
        assert await ids(f"sortOrder={order}&state=any") == [first, *made][::-1]
    page = await world.admin.get(f"{USERS}?pageSize=2&pageNumber=2&state=any&expand=presence")
    assert [entity["id"] for entity in page["entities"]] == made[1:3]
    assert (page["total"], page["pageCount"], page["pageSize"]) == (5, 3, 2)
    assert page["nextUri"] == f"{USERS}?state=any&expand=presence&pageSize=2&pageNumber=3"
    assert await ids("pageNumber=9") == []


async def test_users_are_found_by_their_ids(world: World) -> None:
    made = []
    for number in range(3):
        world.clock.step(1)
        state = "inactive" if number == 1 else "active"
        made.append((await make_user(world.admin, state=state))["id"])
    stranger = await make_user(world.member(await world.found("Elsewhere")))
    named = [made[2].upper(), made[0], made[1], made[0], stranger["id"], UNKNOWN, "x", "é"]

    for query in ("&".join(f"id={each}" for each in named), "id=" + ",".join(named)):
        page = await world.admin.get(f"{USERS}?{query}")
        assert [entity["id"] for entity in page["entities"]] == [made[0], made[2]]
        assert page["total"] == 2
        page = await world.admin.get(f"{USERS}?{query}&state=any&sortOrder=desc&pageSize=2")
        assert [entity["id"] for entity in page["entities"]] == [made[2], made[1]]
        assert (page["total"], page["pageCount"]) == (3, 2)
    assert (await world.admin.get(f"{USERS}?id=x"))["entities"] == []
    # An id that is empty names nobody, and chooses nothing.
    assert (await world.admin.get(f"{USERS}?id="))["total"] == 3


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("state=deleted", ["state"]),
        ("state=x&sortOrder=up", ["state", "sortOrder"]),
        ("pageSize=501", ["pageSize"]),
        ("pageSize=0", ["pageSize"]),
        ("id=" + ",".join(str(number) for number in range(501)), ["id"]),
    ],
)
async def test_a_bad_parameter_is_named(world: World, query: str, fields: list[str]) -> None:
    refused(await world.admin.call("GET", f"{USERS}?{query}"), 400, "invalid.value", *fields)


async def test_what_is_left_out_of_a_change_stays(world: World) -> None:
    user = await make_user(world.admin, title="Boss", department="Ops")
    path = f"{USERS}/{user['id']}"

    async def patch(body: dict[str, Any]) -> Any:
        answer = await world.admin.call("PATCH", path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    assert await patch({}) == {**user, "version": 2}
    # An SDK sends back what it has read, with fields that change nothing.
    back = {**user, "version": 2, "name": "Other", "id": UNKNOWN, "username": "x", "selfUri": "x"}
    assert await patch(back) == {**user, "version": 3, "name": "Other"}
    gone = await patch({"title": "", "department": None})
    assert gone == {
        k: v for k, v in {**user, "version": 4, "name": "Other"}.items() if k != "title"
    }
    refused(await world.admin.call("PATCH", path, {"name": " "}), 400, "invalid.value", "name")
    assert await world.admin.get(path) == gone


async def test_a_change_of_what_was_seen_before_is_a_conflict(world: World) -> None:
    user = await make_user(world.admin)
    path = f"{USERS}/{user['id']}"
    for version in (2, 2_147_483_647):
        answer = await world.admin.call("PATCH", path, {"name": "x", "version": version})
        refused(answer, 409, "general.conflict", "version")
    for bad in (0, -1, "1", 2**31):
        answer = await world.admin.call("PATCH", path, {"name": "x", "version": bad})
        refused(answer, 400, "invalid.value", "version")
    assert await world.admin.get(path) == user
    body = {"version": 1}
    calls = (world.admin.call("PATCH", path, {**body, "name": f"n{n}"}) for n in range(5))
    answers = await asyncio.gather(*calls)
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 4]
    assert (await world.admin.get(path))["version"] == 2


async def test_whoever_becomes_inactive_loses_every_token_for_good(world: World) -> None:
    person = await make_person(world.admin)
    await person.me()
    path = f"{USERS}/{person.user_id}"
    for body in ({"state": "active"}, {"name": "Other"}, {"email": "new@example.com"}):
        await world.admin.call("PATCH", path, body)
        assert (await person.call("GET", f"{USERS}/me")).status_code == 200
    assert (await world.admin.call("PATCH", path, {"state": "inactive"})).status_code == 200
    refused(await person.call("GET", f"{USERS}/me"), 401, "bad.credentials")
    assert (await world.admin.call("PATCH", path, {"state": "active"})).status_code == 200
    refused(await person.call("GET", f"{USERS}/me"), 401, "bad.credentials")
    await person.log_in()
    assert (await person.me())["state"] == "active"


async def test_whoever_is_deleted_is_gone_with_tokens_and_roles(world: World) -> None:
    person = await make_person(world.admin, "routing:queue:view")
    await person.log_in()
    path = f"{USERS}/{person.user_id}"

    answer = await world.admin.call("DELETE", path)

    assert (answer.status_code, answer.json()) == (200, {})
    refused(await person.call("GET", f"{USERS}/me"), 401, "bad.credentials")
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        refused(await world.admin.call(method, path, body), 404, "not.found")
    for query in ("?state=any", f"?id={person.user_id}&state=any"):
        found = (await world.admin.get(USERS + query))["entities"]
        assert person.user_id not in [user["id"] for user in found]
    refused(await world.admin.call("GET", f"{SUBJECTS}/{person.user_id}"), 404, "not.found")
    held = f"SELECT * FROM grants WHERE subject_id = '{person.user_id}'"
    assert await world.rows(held) == []


async def test_nobody_deletes_or_deactivates_themselves(world: World) -> None:
    person = await make_person(world.admin, "*:*:*")
    path = f"{USERS}/{person.user_id}"
    for method, body in (("DELETE", None), ("PATCH", {"state": "inactive", "name": "x"})):
        for address in (path, path.upper().replace("/API/V2/USERS", USERS)):
            refused(await person.call(method, address, body), 400, "bad.request")
    changed = await person.call("PATCH", path, {"state": "active", "name": "Me", "version": 1})
    assert (changed.status_code, changed.json()["name"]) == (200, "Me")
    assert (await person.me())["state"] == "active"


EVERY = ("directory:user:edit", "directory:user:delete", "directory:user:setPassword")


async def test_whoever_holds_more_is_out_of_reach_of_what_opens_their_account(
    world: World,
) -> None:
    limited = await world.admin.make_member(*EVERY, "routing:queue:view")
    strong = await make_person(world.admin, "billing:invoice:edit")
    await strong.log_in()
    path = f"{USERS}/{strong.user_id}"
    before = await world.admin.get(path)
    calls: list[tuple[str, str, Any]] = [
        ("PATCH", path, {"email": "mine@example.com"}),
        ("PATCH", path, {"state": "inactive"}),
        ("DELETE", path, None),
        ("POST", path + "/password", {"newPassword": "quiet harbor seven kites"}),
    ]
    for method, address, body in calls:
        error = refused(await limited.call(method, address, body), 403, "missing.permissions")
        assert "billing:invoice:edit" in error
    assert await world.admin.get(path) == before
    assert (await strong.me())["id"] == strong.user_id
    # What opens nothing needs the permission alone; the present address is no change.
    answer = await limited.call("PATCH", path, {"name": "x", "email": before["email"]})
    assert answer.status_code == 200
    equal = await world.admin.make_member(*EVERY, "billing:invoice:edit")
    for method, address, body in (calls[0], calls[1], calls[3], calls[2]):
        assert (await equal.call(method, address, body)).status_code in (200, 204)


async def test_a_right_in_one_division_does_not_reach_into_another(world: World) -> None:
    division = await make_division(world)
    narrow = await world.admin.make_role("billing:invoice:edit")
    admins = await world.admin.make_role("directory:user:edit")
    limited = await world.admin.make_client(admins, narrow, division=division)
    user = await make_user(world.admin)
    path = f"{USERS}/{user['id']}"
    for where, status in ((division, 200), ("*", 403)):
        await world.admin.call("POST", f"{SUBJECTS}/{user['id']}/divisions/{where}/roles/{narrow}")
        answer = await limited.call("PATCH", path, {"email": f"{status}@example.com"})
        assert answer.status_code == status, answer.text


async def test_a_division_that_was_deleted_leaves_its_users_in_the_home_division(
    world: World,
) -> None:
    division = await make_division(world)
    user = await make_user(world.admin, divisionId=division)
    home = await world.admin.get("/api/v2/authorization/divisions/home")
    await world.admin.call("DELETE", f"/api/v2/authorization/divisions/{division}")
    shown = await world.admin.get(f"{USERS}/{user['id']}")
    assert shown["division"]["id"] == home["id"]
    (listed,) = (await world.admin.get(f"{USERS}?id={user['id']}"))["entities"]
    assert listed == shown


async def test_users_of_another_organisation_are_not_found(world: World) -> None:
    user = await make_user(world.admin)
    stranger = world.member(await world.found("Elsewhere"))
    for user_id in (user["id"], UNKNOWN, "x", world.admin.client_id):
        path = f"{USERS}/{user_id}"
        for method, address, body in (
            ("GET", path, None),
            ("PATCH", path, {"name": "taken"}),
            ("DELETE", path, None),
            ("POST", path + "/password", {"newPassword": "quiet harbor seven kites"}),
        ):
            refused(await stranger.call(method, address, body), 404, "not.found")
    assert (await stranger.get(f"{USERS}?state=any"))["total"] == 1
    assert await world.admin.get(f"{USERS}/{user['id']}") == user


async def test_every_change_leaves_one_event(world: World) -> None:
    user = await make_user(world.admin, name="Ann", email="ann@example.com")
    path = f"{USERS}/{user['id']}"
    await world.admin.call("PATCH", path, {"name": "Other", "state": "inactive"})
    await give(world.admin, user["id"], "routing:queue:view")
    await world.admin.call("DELETE", path)
    found = await events(world, user["id"])
    assert [(event.action, event.entity_type, event.entity_name) for event in found] == [
        ("Create", "User", "Ann"),
        ("Update", "User", "Other"),
        ("Update", "User", "Other"),
        ("Delete", "User", "Other"),
    ]
    assert all(event.origin.actor.id == world.admin.client_id for event in found)
    told = {change.property: (change.old_values, change.new_values) for change in found[1].changes}
    assert told == {"name": (["Ann"], ["Other"]), "state": (["active"], ["inactive"])}
    told = {change.property: (change.old_values, change.new_values) for change in found[3].changes}
    assert told["email"] == (["ann@example.com"], [])
    assert len(told["assignments"][0]) == 1


@pytest.mark.parametrize(
    ("method", "address", "body", "permission"),
    [
        ("GET", "", None, "directory:user:view"),
        ("GET", "/{user}", None, "directory:user:view"),
        ("POST", "", {"name": "Bob", "email": "bob@example.com"}, "directory:user:add"),
        ("PATCH", "/{user}", {"name": "Bob"}, "directory:user:edit"),
        ("DELETE", "/{user}", None, "directory:user:delete"),
        (
            "POST",
            "/{user}/password",
            {"newPassword": "quiet harbor seven kites"},
            "directory:user:setPassword",
        ),
    ],
)
async def test_each_operation_asks_for_its_own_permission(
    world: World, method: str, address: str, body: Any, permission: str
) -> None:
    user = await make_user(world.admin)
    path = USERS + address.format(user=user["id"])
    every = {f"directory:user:{each}" for each in ("view", "add", "edit", "delete", "setPassword")}
    without = await world.admin.make_member(*sorted(every - {permission}))
    message = refused(await without.call(method, path, body), 403, "missing.any.permissions")
    assert permission in message
    allowed = await world.admin.make_member(permission)
    assert (await allowed.call(method, path, body)).status_code in (200, 204)


# --------------------------------------------------------------------------- the caller


async def test_a_user_sees_themselves_with_whatever_they_hold(world: World) -> None:
    person = await make_person(world.admin, title="Boss")
    found = await person.me()
    assert found == await world.admin.get(f"{USERS}/{person.user_id}")
    assert (found["version"], found["state"], found["username"]) == (1, "active", person.email)
    assert await person.me("presence", "geolocation", "", "unheardOf") == found


async def test_what_is_asked_for_besides_is_there(world: World) -> None:
    person = await make_person(world.admin, "routing:queue:view")
    world.clock.step(30)
    await person.log_in()
    whole = await person.me("authorization", "organization", "token", "lastTokenIssued")
    assert whole == {
        **(await person.me()),
        "authorization": await world.admin.get(f"{USERS}/{person.user_id}/roles"),
        "organization": await world.admin.get("/api/v2/organizations/me"),
        "token": await person.get("/api/v2/tokens/me"),
        "lastTokenIssued": {"dateIssued": "2027-01-15T08:00:30.000Z"},
    }
    assert whole["authorization"]["permissions"] == ["routing:queue:view"]
    assert whole["token"]["OAuthClient"]["id"] == person.client_id
    repeated = await person.get(f"{USERS}/me?expand=token&expand=Organization")
    others = ("authorization", "lastTokenIssued")
    assert repeated == {key: value for key, value in whole.items() if key not in others}


async def test_a_user_who_holds_nothing_has_empty_lists(world: World) -> None:
    person = await make_person(world.admin)
    assert (await person.me("authorization"))["authorization"] == {
        "roles": [],
        "unusedRoles": [],
        "permissions": [],
        "permissionPolicies": [],
    }


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("GET", f"{USERS}/me?expand=token", None),
        ("POST", f"{USERS}/me/password", {"oldPassword": "x", "newPassword": "y" * 12}),
    ],
)
async def test_a_client_is_no_user(world: World, method: str, address: str, body: Any) -> None:
    plain = await world.admin.make_member("routing:queue:view")
    for member in (world.admin, plain):
        refused(await member.call(method, address, body), 400, "not.a.user")


async def test_each_calls_for_their_own_organisation(world: World) -> None:
    elsewhere = world.member(await world.found("Elsewhere"))
    ours, theirs = await make_person(world.admin), await make_person(elsewhere)
    assert (await ours.me("organization"))["organization"]["name"] == "Example"
    assert (await theirs.me("organization"))["organization"]["name"] == "Elsewhere"
    answer = await theirs.call("GET", f"{USERS}/{ours.user_id}")
    refused(answer, 403, "missing.any.permissions")


async def test_a_users_rights_are_theirs_and_not_their_clients(world: World) -> None:
    person = await make_person(world.admin)
    refused(await person.call("GET", USERS), 403, "missing.any.permissions")
    await give(world.admin, person.user_id, "directory:user:view")
    assert (await person.get(USERS))["total"] == 2
    other = Person(world, await make_code_client(world.admin), person.user_id, person.email)
    assert (await other.get(USERS))["total"] == 2


async def test_a_user_is_named_as_the_author_of_what_they_do(world: World) -> None:
    person = await make_person(world.admin, "directory:user:add")
    made = await make_user(person)
    (event,) = await events(world, made["id"])
    assert event.origin.actor.id == person.user_id
    assert event.origin.client_id == person.client_id
