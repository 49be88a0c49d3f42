"""Grants: who holds which role in which division, with both of the newest SDKs."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.compat.arrange import (
    EVERY_DIVISION,
    UNKNOWN_ID,
    give,
    held,
    home_division,
    make_client,
    make_code_client,
    make_division,
    make_role,
    token_with,
)
from tests.compat.authorization import (
    LACKING,
    NOT_FOUND,
    assert_empty,
    authorization,
    bad,
    refuse,
)
from tests.compat.sdk import Document, RefusedError, Sdk, assert_platform_error, model
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat

VIEW, EDIT = "oauth:client:view", "oauth:client:edit"
GRANT = "authorization:grant:"
Pair = tuple[str, str]


@pytest.fixture
def empty_user(user: str, server: RunningServer) -> Iterator[str]:
    """The user, who holds nothing before and after."""
    yield user
    path = f"/api/v2/authorization/subjects/{user}/bulkreplace"
    assert server.call("POST", path, {"grants": []}).status == 204


def grants(*pairs: Pair) -> Document:
    named = [{"roleId": role_id, "divisionId": division_id} for role_id, division_id in pairs]
    return model("RoleDivisionGrants", grants=named)


def subjects(subject_ids: list[str], division_ids: list[str]) -> Document:
    return model("SubjectDivisions", subjectIds=subject_ids, divisionIds=division_ids)


def pairs_of(sdk: Sdk, subject_id: str) -> set[Pair]:
    """What a subject holds, as the SDK decodes it."""
    subject = authorization(sdk, "get_authorization_subject", subject_id).value
    assert subject["id"] == subject_id
    for grant in subject["grants"]:
        assert grant["subjectId"] == subject_id
        assert isinstance(grant["division"]["homeDivision"], bool)
        assert isinstance(grant["role"]["policies"], list)
    return {(grant["role"]["id"], grant["division"]["id"]) for grant in subject["grants"]}


# ------------------------------------------------------------------- one role, one division


def test_a_role_is_given_and_taken(sdk: Sdk, server: RunningServer) -> None:
    client = make_client(server, "routing:queue:view")
    token = server.token(client["id"], client["secret"])
    role_id, division_id = make_role(server, VIEW), make_division(server)
    given = (role_id, division_id)
    own = {(client["roleIds"][0], EVERY_DIVISION)}
    call = (client["id"], division_id, role_id)

    add = "post_authorization_subject_division_role"
    assert_empty(authorization(sdk, add, *call, subject_type="PC_OAUTH_CLIENT"))
    assert pairs_of(sdk, client["id"]) == {*own, given}
    since = held(server, client["id"])[given]
    assert_empty(authorization(sdk, add, *call))
    assert held(server, client["id"])[given] == since
    sdk.use_token(token)
    assert sdk.call("OAuthApi", "get_oauth_client", client["id"]).value["id"] == client["id"]

    sdk.use_token(server.token())
    for _ in range(2):  # taking what is not held is no error
        assert_empty(authorization(sdk, "delete_authorization_subject_division_role", *call))
        assert pairs_of(sdk, client["id"]) == own
    sdk.use_token(token)
    with pytest.raises(RefusedError) as refused:
        sdk.call("OAuthApi", "get_oauth_client", client["id"])
    assert_platform_error(refused.value, 403, "missing.any.permissions")


@pytest.mark.parametrize("missing", ["subject", "division", "role"])
@pytest.mark.parametrize("verb", ["post", "delete"])
def test_whatever_the_address_names_must_exist(
    sdk: Sdk, server: RunningServer, missing: str, verb: str
) -> None:
    there = {
        "subject": make_client(server)["id"],
        "division": make_division(server),
        "role": make_role(server, VIEW),
    }
    call = {**there, missing: UNKNOWN_ID}.values()
    method = f"{verb}_authorization_subject_division_role"
    assert refuse(sdk, method, *call) == NOT_FOUND


# ------------------------------------------------------------------------------- in bulk


def test_grants_are_added_removed_and_replaced(sdk: Sdk, server: RunningServer) -> None:
    client = make_client(server)
    own = (client["roleIds"][0], EVERY_DIVISION)
    roles = [make_role(server, VIEW), make_role(server, EDIT)]
    division_id, home = make_division(server), home_division(server)
    first, second, third = (roles[0], division_id), (roles[1], home), (roles[0], EVERY_DIVISION)

    kind = {"subject_type": "PC_OAUTH_CLIENT"}
    call = ("post_authorization_subject_bulkadd", client["id"])
    assert_empty(authorization(sdk, *call, grants(first, second), **kind))
    assert pairs_of(sdk, client["id"]) == {own, first, second}

    call = ("post_authorization_subject_bulkremove", client["id"])
    assert_empty(authorization(sdk, *call, grants(second, third)))
    assert pairs_of(sdk, client["id"]) == {own, first}

    since = held(server, client["id"])[first]
    call = ("post_authorization_subject_bulkreplace", client["id"])
    assert_empty(authorization(sdk, *call, grants(third, first), **kind))
    assert pairs_of(sdk, client["id"]) == {first, third}
    assert held(server, client["id"])[first] == since
    # The client itself shows what its subject holds.
    client = sdk.call("OAuthApi", "get_oauth_client", client["id"]).value
    shown = {(pair["roleId"], pair["divisionId"]) for pair in client["roleDivisions"]}
    assert shown == {first, third}

    assert_empty(authorization(sdk, *call, grants()))
    assert pairs_of(sdk, client["id"]) == set()


def test_a_role_is_given_to_several_in_several_divisions(sdk: Sdk, server: RunningServer) -> None:
    clients = [make_client(server) for _ in range(2)]
    ids = [client["id"] for client in clients]
    role_id = make_role(server, EDIT)
    divisions = [make_division(server), home_division(server)]
    call = ("post_authorization_role", role_id, subjects(ids, divisions))
    assert_empty(authorization(sdk, *call, subject_type="PC_OAUTH_CLIENT"))
    for client in clients:
        expected = {(client["roleIds"][0], EVERY_DIVISION), *((role_id, d) for d in divisions)}
        assert pairs_of(sdk, client["id"]) == expected
    role = authorization(sdk, "get_authorization_role", role_id).value
    assert role["userCount"] == 0  # it counts users, as the name says


def test_a_body_must_name_what_exists(sdk: Sdk, server: RunningServer) -> None:
    client_id, role_id = make_client(server)["id"], make_role(server, VIEW)
    before = pairs_of(sdk, client_id)
    for name in ("bulkadd", "bulkremove", "bulkreplace"):
        for pair in ((UNKNOWN_ID, EVERY_DIVISION), (role_id, UNKNOWN_ID)):
            method = f"post_authorization_subject_{name}"
            assert refuse(sdk, method, client_id, grants(pair)) == bad("grants")
    both = subjects([client_id, UNKNOWN_ID], [EVERY_DIVISION])
    assert refuse(sdk, "post_authorization_role", role_id, both) == bad("subjectIds")
    nowhere = subjects([client_id], [UNKNOWN_ID])
    assert refuse(sdk, "post_authorization_role", role_id, nowhere) == bad("divisionIds")
    empty = model("RoleDivisionGrants")
    method = "post_authorization_subject_bulkadd"
    assert refuse(sdk, method, client_id, empty) == bad("grants")
    assert pairs_of(sdk, client_id) == before


@pytest.mark.parametrize("kind", ["PC_GROUP", "PC_USER", "nonsense"])
def test_a_subject_is_what_the_caller_says_or_refused(
    sdk: Sdk, server: RunningServer, kind: str
) -> None:
    client_id, role_id = make_client(server)["id"], make_role(server, VIEW)
    given, before = grants((role_id, EVERY_DIVISION)), pairs_of(sdk, client_id)
    calls: dict[str, tuple[Any, ...]] = {
        "post_authorization_subject_division_role": (client_id, EVERY_DIVISION, role_id),
        "post_authorization_subject_bulkadd": (client_id, given),
        "post_authorization_subject_bulkreplace": (client_id, given),
        "post_authorization_role": (role_id, subjects([client_id], [EVERY_DIVISION])),
    }
    for method, arguments in calls.items():
        found = refuse(sdk, method, *arguments, subject_type=kind)
        assert found == bad("subjectType"), method
    assert pairs_of(sdk, client_id) == before


def test_a_client_that_acts_for_users_holds_no_role(sdk: Sdk, server: RunningServer) -> None:
    client_id, role_id = make_code_client(server)["id"], make_role(server, VIEW)
    method = "post_authorization_subject_division_role"
    found = refuse(sdk, method, client_id, EVERY_DIVISION, role_id)
    assert found == bad("subjectId")


def test_nobody_gives_or_takes_what_he_does_not_hold(sdk: Sdk, server: RunningServer) -> None:
    client_id, role_id = make_client(server)["id"], make_role(server, EDIT)
    given = grants((role_id, EVERY_DIVISION))
    sdk.use_token(token_with(server, f"{GRANT}*", VIEW))
    assert refuse(sdk, "post_authorization_subject_bulkadd", client_id, given) == LACKING
    assert refuse(sdk, "post_authorization_subject_bulkreplace", client_id, given) == LACKING
    everywhere = subjects([client_id], [EVERY_DIVISION])
    assert refuse(sdk, "post_authorization_role", role_id, everywhere) == LACKING
    give(server, client_id, role_id, EVERY_DIVISION)
    assert refuse(sdk, "post_authorization_subject_bulkremove", client_id, given) == LACKING
    # Replacing takes, too, and so asks for the permission to take.
    sdk.use_token(token_with(server, f"{GRANT}add", VIEW, EDIT))
    assert refuse(sdk, "post_authorization_subject_bulkreplace", client_id, given) == LACKING


# ----------------------------------------------------------------------- a user's roles


def test_roles_of_a_user(sdk: Sdk, server: RunningServer, empty_user: str) -> None:
    nothing = authorization(sdk, "get_user_roles", empty_user).value
    lists = ("roles", "unusedRoles", "permissions", "permissionPolicies")
    assert nothing == {name: [] for name in lists}

    kept, new = make_role(server, VIEW), make_role(server, EDIT)
    division_id = make_division(server)
    give(server, empty_user, kept, division_id)
    answer = sdk.call("UsersApi", "put_user_roles", empty_user, [kept, new])
    assert answer.status == 200
    assert {role["id"] for role in answer.value["roles"]} == {kept, new}
    assert all(role["name"] for role in answer.value["roles"])
    assert answer.value["permissions"] == sorted([EDIT, VIEW])
    actions = {tuple(each["actionSet"]) for each in answer.value["permissionPolicies"]}
    assert actions == {("view",), ("edit",)}
    assert authorization(sdk, "get_user_roles", empty_user).value == answer.value
    # What was held keeps its division, what is new has the home division.
    assert pairs_of(sdk, empty_user) == {(kept, division_id), (new, home_division(server))}

    role = authorization(sdk, "get_authorization_role", kept).value
    assert role["userCount"] == 1
    assert authorization(sdk, "put_user_roles", empty_user, []).value == nothing


def test_a_users_roles_must_exist(sdk: Sdk, server: RunningServer, empty_user: str) -> None:
    found = refuse(sdk, "put_user_roles", empty_user, [make_role(server, VIEW), UNKNOWN_ID])
    assert found == bad("body")
    assert pairs_of(sdk, empty_user) == set()
    # A client is no user.
    client_id = make_client(server)["id"]
    assert refuse(sdk, "get_user_roles", client_id) == NOT_FOUND
    assert refuse(sdk, "put_user_roles", client_id, []) == NOT_FOUND
    role_id = make_role(server, EDIT)
    sdk.use_token(token_with(server, f"{GRANT}*"))
    found = refuse(sdk, "put_user_roles", empty_user, [role_id])
    assert found == LACKING
