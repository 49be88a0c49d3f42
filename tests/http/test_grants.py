"""One grant added or removed, and the roles of a user."""

import asyncio
from typing import Any

import pytest

from grantory.domain.client import Reference, SubjectKind
from tests.support.subjects import SUBJECTS, done, held, make_division, make_user, refused
from tests.support.world import CLIENTS, ROLES, World

UNKNOWN = "6a3f0f5e-8e0e-4d6c-9a55-1f8c0b9d7e21"
DIVISIONS = "/api/v2/authorization/divisions"
HOME = f"{DIVISIONS}/home"
GRANT = "authorization:grant:"


def grant(subject_id: str, division_id: str, role_id: str) -> str:
    return f"{SUBJECTS}/{subject_id}/divisions/{division_id}/roles/{role_id}"


def roles_of(user_id: str) -> str:
    return f"/api/v2/users/{user_id}/roles"


@pytest.mark.parametrize("kind", ["", "?subjectType=", "?subjectType=PC_OAUTH_CLIENT"])
async def test_a_role_given_to_a_client_counts_at_once_and_ends_at_once(
    world: World, kind: str
) -> None:
    member = await world.admin.make_member("routing:queue:view")
    role_id = await world.admin.make_role("oauth:client:view")
    path = grant(member.client_id, "*", role_id)
    assert (await member.call("GET", CLIENTS)).status_code == 403

    done(await world.admin.call("POST", path + kind))
    assert (await member.call("GET", CLIENTS)).status_code == 200

    done(await world.admin.call("DELETE", path))
    assert (await member.call("GET", CLIENTS)).status_code == 403


@pytest.mark.parametrize("kind", ["", "?subjectType=PC_USER"])
async def test_a_user_is_given_a_role_in_a_division(world: World, kind: str) -> None:
    user_id, division_id = await make_user(world), await make_division(world)
    role_id = await world.admin.make_role("oauth:client:view")
    path = grant(user_id, division_id, role_id)

    done(await world.admin.call("POST", path.replace(role_id, role_id.upper()) + kind))

    assert set(await held(world.admin, user_id)) == {(role_id, division_id)}
    assert (await world.admin.get(f"{ROLES}/{role_id}"))["userCount"] == 1
    done(await world.admin.call("DELETE", path))
    assert await held(world.admin, user_id) == {}


async def test_giving_again_keeps_the_date_and_taking_again_is_no_error(world: World) -> None:
    user_id = await make_user(world)
    role_id = await world.admin.make_role("oauth:client:view")
    path = grant(user_id, "*", role_id)
    done(await world.admin.call("POST", path))
    before = await held(world.admin, user_id)
    world.clock.advance(60)

    done(await world.admin.call("POST", path))
    assert await held(world.admin, user_id) == before
    for _ in range(2):
        done(await world.admin.call("DELETE", path))
    # Only what changes something is in the trail.
    organization = world.founding.organization.id
    events = await world.node.store.read(lambda s: s.audit.of_entity(organization, user_id, 9))
    taken, given = events
    assert (given.action, given.entity_type, given.entity_name) == ("Update", "User", "Ann")
    assert given.origin.actor == Reference(SubjectKind.CLIENT, world.admin.client_id)
    (change,) = given.changes
    assert (change.property, change.old_values, change.new_values) == (
        "assignments",
        [],
        [f"{role_id}@*"],
    )
    assert taken.changes[0].old_values == [f"{role_id}@*"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("PC_USER", "which is a client"),
        ("PC_GROUP", "there are no groups"),
        ("pc_user", "must be PC_USER or PC_OAUTH_CLIENT"),
        ("x", "must be PC_USER or PC_OAUTH_CLIENT"),
    ],
)
async def test_a_wrong_kind_of_subject_is_named(world: World, kind: str, said: str) -> None:
    role_id = await world.admin.make_role("oauth:client:view")
    member = await world.admin.make_member("routing:queue:view")
    before = await held(world.admin, member.client_id)
    path = f"{grant(member.client_id, '*', role_id)}?subjectType={kind}"

    answer = await world.admin.call("POST", path)

    assert said in refused(answer, 400, "invalid.value", "subjectType")
    assert await held(world.admin, member.client_id) == before


async def test_a_user_is_no_client(world: World) -> None:
    role_id = await world.admin.make_role("oauth:client:view")
    path = grant(await make_user(world), "*", role_id)
    answer = await world.admin.call("POST", f"{path}?subjectType=PC_OAUTH_CLIENT")
    assert "which is a user" in refused(answer, 400, "invalid.value", "subjectType")


async def test_a_client_that_acts_for_users_holds_no_roles(world: World) -> None:
    role_id = await world.admin.make_role("oauth:client:view")
    code = await world.admin.make_client(authorizedGrantType="CODE")
    path = grant(code.client_id, "*", role_id)
    refused(await world.admin.call("POST", path), 400, "invalid.value", "subjectId")
    assert await held(world.admin, code.client_id) == {}
    done(await world.admin.call("DELETE", path))


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_what_does_not_exist_in_the_organisation_is_not_found(
    world: World, method: str
) -> None:
    theirs = await world.found("Other")
    stranger = world.member(theirs)
    foreign_role = await stranger.make_role("oauth:client:view")
    foreign_division = await make_division(world, theirs.organization.id)
    foreign_user = await make_user(world, theirs.organization.id)
    role_id = await world.admin.make_role("oauth:client:view")
    user_id = await make_user(world)
    for subject, division, role in (
        (UNKNOWN, "*", role_id),
        ("x", "*", role_id),
        ("x" * 300, "*", role_id),
        (foreign_user, "*", role_id),
        (stranger.client_id, "*", role_id),
        (user_id, UNKNOWN, role_id),
        (user_id, foreign_division, role_id),
        (user_id, "*", UNKNOWN),
        (user_id, "*", "*"),
        (user_id, "*", foreign_role),
    ):
        answer = await world.admin.call(method, grant(subject, division, role))
        refused(answer, 404, "not.found")
    assert await held(world.admin, user_id) == {}
    assert await held(stranger, foreign_user) == {}


async def test_whoever_changes_grants_holds_what_is_given_and_what_is_held(world: World) -> None:
    small = await world.admin.make_role("routing:queue:view")
    large = await world.admin.make_role("billing:invoice:edit")
    limited = await world.admin.make_member(f"{GRANT}*", "routing:queue:view")
    user_id = await make_user(world)
    home = (await world.admin.get(HOME))["id"]
    at_home = await world.admin.make_client(
        await world.admin.make_role(f"{GRANT}*", "routing:queue:view"), division=home
    )

    answer = await limited.call("POST", grant(user_id, home, large))
    assert "billing:invoice:edit" in refused(answer, 403, "missing.permissions")
    refused(await at_home.call("POST", grant(user_id, "*", small)), 403, "missing.permissions")
    done(await at_home.call("POST", grant(user_id, home, small)))
    # A subject that holds more is out of reach, whatever is given or taken.
    done(await world.admin.call("POST", grant(user_id, "*", large)))
    before = await held(world.admin, user_id)
    for method, role_id in (("POST", small), ("DELETE", small), ("DELETE", large)):
        refused(
            await limited.call(method, grant(user_id, home, role_id)), 403, "missing.permissions"
        )
    assert await held(world.admin, user_id) == before
    # Nor can it give itself more.
    own = grant(limited.client_id, "*", large)
    refused(await limited.call("POST", own), 403, "missing.permissions")


async def test_grants_made_at_once_all_stay(world: World) -> None:
    user_id = await make_user(world)
    roles = [await world.admin.make_role("oauth:client:view") for _ in range(6)]
    answers = await asyncio.gather(
        *(world.admin.call("POST", grant(user_id, "*", role_id)) for role_id in roles)
    )
    for answer in answers:
        done(answer)
    assert set(await held(world.admin, user_id)) == {(role_id, "*") for role_id in roles}


@pytest.mark.parametrize("ends", ["role", "division"])
async def test_what_is_deleted_while_it_is_given_leaves_nothing(world: World, ends: str) -> None:
    user_id = await make_user(world)
    for turn in range(6):
        role_id = await world.admin.make_role("oauth:client:view")
        division_id = await make_division(world)
        give = world.admin.call("POST", grant(user_id, division_id, role_id))
        path = f"{ROLES}/{role_id}" if ends == "role" else f"{DIVISIONS}/{division_id}?force=true"
        end = world.admin.call("DELETE", path)
        answers = await asyncio.gather(*((give, end) if turn % 2 else (end, give)))
        assert {answer.status_code for answer in answers} <= {204, 404}
        found = await world.node.store.read(lambda s: s.access.grants_of(user_id))
        assert found == []


async def test_the_roles_of_a_user_are_set_and_told(world: World) -> None:
    user_id, division_id = await make_user(world), await make_division(world)
    first = await world.admin.make_role("oauth:client:view", name="beta")
    second = await world.admin.make_role("oauth:client:add", "oauth:client:view", name="Alpha")
    gone = await world.admin.make_role("oauth:client:edit")
    for division, role_id in ((division_id, first), ("*", first), ("*", gone)):
        done(await world.admin.call("POST", grant(user_id, division, role_id)))

    answer = await world.admin.put(roles_of(user_id), [second, first.upper(), second])

    assert answer["roles"] == [{"id": second, "name": "Alpha"}, {"id": first, "name": "beta"}]
    assert answer["unusedRoles"] == []
    assert answer["permissions"] == ["oauth:client:add", "oauth:client:view"]
    assert [p["actionSet"] for p in answer["permissionPolicies"]] == [["add"], ["view"], ["view"]]
    assert await world.admin.get(roles_of(user_id)) == answer
    home = (await world.admin.get(HOME))["id"]
    assert set(await held(world.admin, user_id)) == {
        (first, division_id),
        (first, "*"),
        (second, home),
    }
    assert (await world.admin.put(roles_of(user_id), []))["roles"] == []
    assert await held(world.admin, user_id) == {}


async def test_a_users_roles_are_set_within_ones_own_rights(world: World) -> None:
    user_id = await make_user(world)
    small = await world.admin.make_role("routing:queue:view")
    large = await world.admin.make_role("billing:invoice:edit")
    limited = await world.admin.make_member(f"{GRANT}*", "routing:queue:view")
    refused(await limited.call("PUT", roles_of(user_id), [large]), 403, "missing.permissions")
    await limited.put(roles_of(user_id), [small])
    await world.admin.put(roles_of(user_id), [large])
    refused(await limited.call("PUT", roles_of(user_id), [small]), 403, "missing.permissions")
    assert [r["id"] for r in (await world.admin.get(roles_of(user_id)))["roles"]] == [large]


@pytest.mark.parametrize(
    ("body", "code", "fields"),
    [
        ({}, "bad.request", []),
        ("x", "bad.request", []),
        ([1], "invalid.value", ["body"]),
        ([None], "invalid.value", ["body"]),
        ([""], "invalid.value", ["body"]),
        ([["x"]], "invalid.value", ["body"]),
        ([UNKNOWN], "invalid.value", ["body"]),
        (["a\x00b"], "invalid.value", ["body"]),
        (["x"] * 201, "invalid.value", ["body"]),
    ],
)
async def test_a_bad_list_of_roles_is_refused(
    world: World, body: Any, code: str, fields: list[str]
) -> None:
    user_id = await make_user(world)
    role_id = await world.admin.make_role("oauth:client:view")
    await world.admin.put(roles_of(user_id), [role_id])
    refused(await world.admin.call("PUT", roles_of(user_id), body), 400, code, *fields)
    assert len(await held(world.admin, user_id)) == 1


@pytest.mark.parametrize("method", ["GET", "PUT"])
async def test_the_roles_of_somebody_who_is_no_user_are_not_found(
    world: World, method: str
) -> None:
    theirs = await world.found("Other")
    foreign = await make_user(world, theirs.organization.id)
    body: list[str] | None = [] if method == "PUT" else None
    for user_id in (UNKNOWN, "x", foreign, world.admin.client_id):
        refused(await world.admin.call(method, roles_of(user_id), body), 404, "not.found")


@pytest.mark.parametrize(
    ("method", "action"), [("POST", "add"), ("DELETE", "delete"), ("GET", "view"), ("PUT", "add")]
)
async def test_each_operation_asks_for_its_own_permission(
    world: World, method: str, action: str
) -> None:
    user_id = await make_user(world)
    role_id = await world.admin.make_role(f"{GRANT}{action}")
    on_user = method in ("GET", "PUT")
    path = roles_of(user_id) if on_user else grant(user_id, "*", role_id)
    body: list[str] | None = [] if method == "PUT" else None
    others = {f"{GRANT}{each}" for each in ("view", "add", "delete")} - {f"{GRANT}{action}"}

    without = await world.admin.make_member(*others)
    message = refused(await without.call(method, path, body), 403, "missing.any.permissions")

    assert f"{GRANT}{action}" in message
    allowed = await world.admin.make_member(f"{GRANT}{action}")
    assert (await allowed.call(method, path, body)).status_code in (200, 204)
