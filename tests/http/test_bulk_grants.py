"""Lists of grants for one subject, and one role for many subjects."""

import asyncio
from functools import partial
from typing import Any

import pytest

from grantory.domain.access import Assignment
from grantory.domain.client import SubjectKind
from grantory.ports.storage import Transaction
from grantory.registry import coverage
from tests.support.subjects import SUBJECTS, done, held, make_division, make_user, refused
from tests.support.world import CLIENTS, ROLES, World

UNKNOWN = "6a3f0f5e-8e0e-4d6c-9a55-1f8c0b9d7e21"
GRANT = "authorization:grant:"
BULK = ("bulkadd", "bulkremove", "bulkreplace")


def pairs(*grants: tuple[str, str]) -> dict[str, Any]:
    return {"grants": [{"roleId": role, "divisionId": division} for role, division in grants]}


def bulk(subject_id: str, what: str) -> str:
    return f"{SUBJECTS}/{subject_id}/{what}"


async def roles(world: World, count: int) -> list[str]:
    return [await world.admin.make_role("routing:queue:view") for _ in range(count)]


async def events(world: World, user_id: str) -> int:
    """How many changes of a user are in the trail."""
    organization = world.founding.organization.id
    return len(await world.node.store.read(lambda s: s.audit.of_entity(organization, user_id, 9)))


async def test_pairs_are_added_removed_and_replaced(world: World) -> None:
    user_id, division_id = await make_user(world), await make_division(world)
    a, b, c = await roles(world, 3)
    done(await world.admin.call("POST", bulk(user_id, "bulkadd"), pairs((a, "*"), (a, "*"))))
    first = await held(world.admin, user_id)
    world.clock.advance(60)

    added = pairs((a, "*"), (b.upper(), division_id), (c, "*"))
    done(await world.admin.call("POST", bulk(user_id, "bulkadd"), added))
    now = await held(world.admin, user_id)
    assert set(now) == {(a, "*"), (b, division_id), (c, "*")}
    assert now[a, "*"] == first[a, "*"] != now[c, "*"]

    gone = pairs((c, "*"), (b, "*"))
    done(await world.admin.call("POST", bulk(user_id, "bulkremove"), gone))
    assert set(await held(world.admin, user_id)) == {(a, "*"), (b, division_id)}

    wanted = pairs((c, division_id), (a, "*"))
    path = bulk(user_id, "bulkreplace") + "?subjectType=PC_USER"
    done(await world.admin.call("POST", path, wanted))
    now = await held(world.admin, user_id)
    assert set(now) == {(a, "*"), (c, division_id)}
    assert now[a, "*"] == first[a, "*"]
    done(await world.admin.call("POST", bulk(user_id, "bulkreplace"), pairs()))
    assert await held(world.admin, user_id) == {}


async def test_a_client_loses_at_once_what_is_replaced(world: World) -> None:
    role_id = await world.admin.make_role("oauth:client:view")
    (other,) = await roles(world, 1)
    member = await world.admin.make_client(role_id)
    assert (await member.call("GET", CLIENTS)).status_code == 200
    path = bulk(member.client_id, "bulkreplace") + "?subjectType=PC_OAUTH_CLIENT"
    done(await world.admin.call("POST", path, pairs((other, "*"))))
    assert (await member.call("GET", CLIENTS)).status_code == 403
    client = await world.admin.get(f"{CLIENTS}/{member.client_id}")
    assert client["roleDivisions"] == [{"roleId": other, "divisionId": "*"}]


@pytest.mark.parametrize("what", BULK)
async def test_what_a_list_names_must_exist_in_the_organisation(world: World, what: str) -> None:
    theirs = await world.found("Other")
    foreign_role = await world.member(theirs).make_role("routing:queue:view")
    foreign_division = await make_division(world, theirs.organization.id)
    (role_id,) = await roles(world, 1)
    user_id = await make_user(world)
    done(await world.admin.call("POST", bulk(user_id, "bulkadd"), pairs((role_id, "*"))))
    for bad in (
        (UNKNOWN, "*"),
        ("x" * 64, "*"),
        (foreign_role, "*"),
        (role_id, UNKNOWN),
        (role_id, foreign_division),
    ):
        answer = await world.admin.call("POST", bulk(user_id, what), pairs((role_id, "*"), bad))
        message = refused(answer, 400, "invalid.value", "grants")
        assert next(part for part in bad if part not in (role_id, "*")) in message
    assert set(await held(world.admin, user_id)) == {(role_id, "*")}
    foreign_user = await make_user(world, theirs.organization.id)
    for subject_id in (UNKNOWN, foreign_user, theirs.client.id):
        answer = await world.admin.call("POST", bulk(subject_id, what), pairs((role_id, "*")))
        refused(answer, 404, "not.found")


@pytest.mark.parametrize("what", BULK)
@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["grants"]),
        ({"grants": None}, ["grants"]),
        ({"grants": {}}, ["grants"]),
        ({"grants": ["x"]}, ["grants"]),
        ({"grants": [{"roleId": "x"}]}, ["grants"]),
        ({"grants": [{"roleId": "x", "divisionId": "a\x00"}]}, ["grants"]),
        ({"grants": [{"roleId": "x", "divisionId": "*"}] * 201}, ["grants"]),
    ],
)
async def test_a_bad_list_is_refused(world: World, what: str, body: Any, fields: list[str]) -> None:
    answer = await world.admin.call("POST", bulk(world.admin.client_id, what), body)
    refused(answer, 400, "invalid.value", *fields)


@pytest.mark.parametrize("what", BULK)
async def test_a_wrong_kind_of_subject_is_named(world: World, what: str) -> None:
    path = bulk(world.admin.client_id, what)
    for kind in ("PC_USER", "PC_GROUP", "x"):
        answer = await world.admin.call("POST", f"{path}?subjectType={kind}", pairs())
        refused(answer, 400, "invalid.value", "subjectType")
    assert len(await held(world.admin, world.admin.client_id)) == 1


async def test_a_subject_holds_no_more_than_a_client_can_be_given(world: World) -> None:
    user_id, division_id = await make_user(world), await make_division(world)
    many = await roles(world, 100)
    home = (await world.admin.get("/api/v2/authorization/divisions/home"))["id"]
    all_there_is = pairs(*((role, division) for role in many for division in (home, division_id)))
    done(await world.admin.call("POST", bulk(user_id, "bulkadd"), all_there_is))
    answer = await world.admin.call("POST", bulk(user_id, "bulkadd"), pairs((many[0], "*")))
    assert "more than 200" in refused(answer, 400, "invalid.value", "subjectId")
    done(await world.admin.call("POST", bulk(user_id, "bulkremove"), pairs((many[0], home))))
    done(await world.admin.call("POST", bulk(user_id, "bulkadd"), pairs((many[0], "*"))))


async def test_replacing_needs_the_permission_to_take_too(world: World) -> None:
    user_id = await make_user(world)
    (role_id,) = await roles(world, 1)
    done(await world.admin.call("POST", bulk(user_id, "bulkadd"), pairs((role_id, "*"))))
    rights = (f"{GRANT}add", "routing:queue:view")
    giver = await world.admin.make_member(*rights)
    both = await world.admin.make_member(*rights, f"{GRANT}delete")
    path = bulk(user_id, "bulkreplace")

    message = refused(await giver.call("POST", path, pairs()), 403, "missing.permissions")

    assert f"{GRANT}delete" in message
    assert len(await held(world.admin, user_id)) == 1
    done(await both.call("POST", path, pairs()))
    assert await held(world.admin, user_id) == {}


@pytest.mark.parametrize(
    ("what", "action"), [("bulkadd", "add"), ("bulkremove", "delete"), ("bulkreplace", "add")]
)
async def test_each_list_asks_for_its_own_permission(world: World, what: str, action: str) -> None:
    user_id = await make_user(world)
    others = {f"{GRANT}{each}" for each in ("view", "add", "delete")} - {f"{GRANT}{action}"}
    without = await world.admin.make_member(*others)
    answer = await without.call("POST", bulk(user_id, what), pairs())
    assert f"{GRANT}{action}" in refused(answer, 403, "missing.any.permissions")


@pytest.mark.parametrize("what", BULK)
async def test_a_list_is_within_ones_own_rights_or_nothing_happens(world: World, what: str) -> None:
    (small,) = await roles(world, 1)
    large = await world.admin.make_role("billing:invoice:edit")
    limited = await world.admin.make_member(f"{GRANT}*", "routing:queue:view")
    user_id = await make_user(world)
    if what == "bulkremove":
        body = pairs((small, "*"), (large, "*"))
        done(await world.admin.call("POST", bulk(user_id, "bulkadd"), body))
    before = await held(world.admin, user_id)
    for body in (pairs((small, "*"), (large, "*")), pairs((large, "*"))):
        answer = await limited.call("POST", bulk(user_id, what), body)
        assert "billing:invoice:edit" in refused(answer, 403, "missing.permissions")
    assert await held(world.admin, user_id) == before


async def test_a_role_is_given_to_every_subject_in_every_division(world: World) -> None:
    (role_id, other) = await roles(world, 2)
    users = [await make_user(world) for _ in range(3)]
    divisions = [await make_division(world), "*"]
    done(await world.admin.call("POST", bulk(users[0], "bulkadd"), pairs((other, "*"))))
    body = {"subjectIds": [users[0], users[1].upper(), users[1]], "divisionIds": divisions}

    done(await world.admin.call("POST", f"{ROLES}/{role_id}?subjectType=PC_USER", body))

    expected = {(role_id, division) for division in divisions}
    assert set(await held(world.admin, users[0])) == {*expected, (other, "*")}
    assert set(await held(world.admin, users[1])) == expected
    assert await held(world.admin, users[2]) == {}
    assert [await events(world, user_id) for user_id in users] == [2, 1, 0]
    # Once more changes nothing, and clients may be named without saying so.
    before = await held(world.admin, users[1])
    member = await world.admin.make_client(other)
    body = {"subjectIds": [users[1], member.client_id], "divisionIds": divisions}
    done(await world.admin.call("POST", f"{ROLES}/{role_id}", body))
    assert await held(world.admin, users[1]) == before
    assert set(await held(world.admin, member.client_id)) == {*expected, (other, "*")}


async def test_a_role_is_given_to_all_of_the_subjects_or_to_none(world: World) -> None:
    (role_id,) = await roles(world, 1)
    user_id = await make_user(world)
    theirs = await world.found("Other")
    foreign_user = await make_user(world, theirs.organization.id)
    foreign_division = await make_division(world, theirs.organization.id)
    code = await world.admin.make_client(authorizedGrantType="CODE")
    cases: list[tuple[str, dict[str, Any], list[str]]] = [
        ("", {"subjectIds": [user_id, UNKNOWN], "divisionIds": ["*"]}, ["subjectIds"]),
        ("", {"subjectIds": [user_id, foreign_user], "divisionIds": ["*"]}, ["subjectIds"]),
        ("", {"subjectIds": [user_id, code.client_id], "divisionIds": ["*"]}, ["subjectIds"]),
        ("", {"subjectIds": [user_id], "divisionIds": ["*", UNKNOWN]}, ["divisionIds"]),
        ("", {"subjectIds": [user_id], "divisionIds": [foreign_division]}, ["divisionIds"]),
        ("", {"subjectIds": [], "divisionIds": [UNKNOWN]}, ["divisionIds"]),
        ("", {"subjectIds": "x"}, ["subjectIds", "divisionIds"]),
        ("", {"subjectIds": ["x"] * 201, "divisionIds": []}, ["subjectIds"]),
        (
            "",
            {"subjectIds": [str(n) for n in range(21)], "divisionIds": list("abcdefghij")},
            ["subjectIds"],
        ),
        (
            "?subjectType=PC_USER",
            {"subjectIds": [user_id, world.admin.client_id], "divisionIds": ["*"]},
            ["subjectType"],
        ),
        ("?subjectType=PC_GROUP", {"subjectIds": [], "divisionIds": []}, ["subjectType"]),
    ]
    for query, body, fields in cases:
        answer = await world.admin.call("POST", f"{ROLES}/{role_id}{query}", body)
        refused(answer, 400, "invalid.value", *fields)
    assert await held(world.admin, user_id) == {}
    foreign_role = await world.member(theirs).make_role("routing:queue:view")
    for unknown in (UNKNOWN, foreign_role, "x"):
        body = {"subjectIds": [user_id], "divisionIds": ["*"]}
        answer = await world.admin.call("POST", f"{ROLES}/{unknown}", body)
        refused(answer, 404, "not.found")


async def test_a_role_is_given_to_subjects_within_ones_own_rights(world: World) -> None:
    (small,) = await roles(world, 1)
    large = await world.admin.make_role("billing:invoice:edit")
    limited = await world.admin.make_member(f"{GRANT}add", "routing:queue:view")
    viewer = await world.admin.make_member(f"{GRANT}view", f"{GRANT}delete")
    weak, strong = await make_user(world), await make_user(world)
    done(await world.admin.call("POST", bulk(strong, "bulkadd"), pairs((large, "*"))))
    both = {"subjectIds": [weak, strong], "divisionIds": ["*"]}
    one = {"subjectIds": [weak], "divisionIds": ["*"]}

    refused(await limited.call("POST", f"{ROLES}/{small}", both), 403, "missing.permissions")
    refused(await limited.call("POST", f"{ROLES}/{large}", one), 403, "missing.permissions")
    refused(await viewer.call("POST", f"{ROLES}/{small}", one), 403, "missing.any.permissions")
    assert await held(world.admin, weak) == {}
    done(await limited.call("POST", f"{ROLES}/{small}", one))
    assert set(await held(world.admin, weak)) == {(small, "*")}


async def test_roles_given_to_the_same_subjects_at_once_all_stay(world: World) -> None:
    many = await roles(world, 6)
    users = [await make_user(world) for _ in range(4)]
    calls = [
        world.admin.call(
            "POST",
            f"{ROLES}/{role_id}",
            {"subjectIds": users[:: -1 if turn % 2 else 1], "divisionIds": ["*"]},
        )
        for turn, role_id in enumerate(many)
    ]
    for answer in await asyncio.gather(*calls):
        done(answer)
    for user_id in users:
        assert set(await held(world.admin, user_id)) == {(role_id, "*") for role_id in many}


async def test_subjects_that_hold_very_much_are_changed_in_smaller_lists(world: World) -> None:
    (role_id,) = await roles(world, 1)
    organization = world.founding.organization.id
    divisions = [await make_division(world) for _ in range(100)]
    users = [await make_user(world) for _ in range(6)]
    for user_id in users:
        own = await roles(world, 2)
        listed = [Assignment(role, division) for role in own for division in divisions]
        await world.node.store.write(
            partial(give, organization=organization, user_id=user_id, listed=listed)
        )
    body = {"subjectIds": users, "divisionIds": ["*"]}
    alone = {**body, "subjectIds": users[:1]}
    answer = await world.admin.call("POST", f"{ROLES}/{role_id}", alone)
    assert "more than 200" in refused(answer, 400, "invalid.value", "subjectIds")
    for user_id in users:
        first = next(iter(await held(world.admin, user_id)))
        done(await world.admin.call("POST", bulk(user_id, "bulkremove"), pairs(first)))
    answer = await world.admin.call("POST", f"{ROLES}/{role_id}", body)
    assert "more than 1000" in refused(answer, 400, "invalid.value", "subjectIds")
    done(await world.admin.call("POST", f"{ROLES}/{role_id}", {**body, "subjectIds": users[:4]}))
    assert (role_id, "*") in await held(world.admin, users[0])


def give(
    transaction: Transaction, organization: str, user_id: str, listed: list[Assignment]
) -> None:
    """Gives a user much, past the operations."""
    transaction.access.set_grants(organization, user_id, SubjectKind.USER, listed, 1)


async def test_more_rights_than_can_be_compared_are_refused_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coverage, "MOST_RIGHTS", 7)
    three = await world.admin.make_role("routing:queue:view", "routing:queue:edit", "a:b:c")
    member = await world.admin.make_client(three)
    home = (await world.admin.get("/api/v2/authorization/divisions/home"))["id"]
    path = f"/api/v2/authorization/subjects/{member.client_id}/bulkadd"
    pair = {"roleId": three, "divisionId": home}
    answer = await world.admin.call("POST", path, {"grants": [pair]})
    assert answer.status_code == 204
    other = (await world.admin.post("/api/v2/authorization/divisions", {"name": "other"}))["id"]
    answer = await world.admin.call("POST", path, {"grants": [{**pair, "divisionId": other}]})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad.request")
    assert "more than 7 permissions" in answer.json()["message"]
    body = {
        "name": "x",
        "authorizedGrantType": "CLIENT-CREDENTIALS",
        "roleDivisions": [{**pair, "divisionId": d} for d in ("*", home, other)],
    }
    assert (await world.admin.call("POST", CLIENTS, body)).status_code == 400
