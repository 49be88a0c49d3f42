"""Attack cases 74 and 75 for every operation: one permission, in one division, gains no more.

The cases are drawn from the operations' own declarations, so an operation that is added later
must ask for what is at stake, or say below why it need not.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from grantory.http.api_v2.user_schemas import CreateUser
from grantory.http.operation import Operation
from tests.security.answers import refused
from tests.security.tenants import (
    ALWAYS_REFUSED,
    DIVISIONS,
    HELD,
    LISTS,
    OPERATIONS,
    OWN,
    Tenant,
    as_user,
    bodies,
    id_names,
    no_providers,
)
from tests.support.people import Person, make_user
from tests.support.world import ROLES, Member, World

CHANGES = [o for o in OPERATIONS if o.method not in ("GET", "HEAD") and o.id not in LISTS]
ROLE = f"{ROLES}/{{roleId}}"
SUBJECTS = "/api/v2/authorization/subjects"
FORCE = {"deleteAuthorizationDivision": "?force=true"}
"""Without it, a division in which roles are granted is not deleted."""
GIVES_NOBODY_ANYTHING = {
    "deleteOauthClient": "takes only",
    "deleteAuthorizationRole": "takes only",
    "deleteOauthAuthorization": "takes only",
    "deleteIdentityprovider": "takes only",
    "deleteToken": "ends tokens, which their user can get again",
    "postAuthorizationRoles": "nobody holds a new role",
    "postAuthorizationDivisions": "nobody holds anything in a new division",
    "postAuthorizationDivisionRestore": "the grants in it are not restored",
    "putAuthorizationDivision": "changes name and description",
    "postUsers": "a new user holds nothing",
    "putOrganizationsMe": "changes what the organisation says of itself",
    "putTokensTimeout": "is always refused",
    "deleteTokensMe": "is about the caller's own token",
    "postUsersMePassword": "is about the caller's own password",
}
"""Operations that need not ask what subjects hold, and why."""
TO_ONESELF = {
    "putOauthClient": "as long as it is to hold no more than it does",
    "postOauthClientSecret": "a new secret for the same rights",
    "deleteOauthClientTokens": "its own tokens",
    "postUserPassword": "a new password for the same rights",
    "patchUser": "a new address for the same rights",
    "deleteUser": "is refused: nobody can delete themselves",
    "deleteAuthorizationSubjectDivisionRole": "it loses what it names",
    "postAuthorizationSubjectBulkremove": "it loses what it names",
}
"""What whoever holds the permission may do to themselves, as far as they gain nothing."""


class Stage:
    """A subject of each kind that holds more than the callers, and what gives more.

    Args:
        world: the server.
        more: what the callers lack, as a permission.
        division: where they lack it.
    """

    def __init__(self, world: World, more: str, division: str) -> None:
        self.world = world
        self.more = more
        self.division = division
        self.tenant = Tenant(world, world.admin)

    async def prepare(self, operation: Operation) -> None:
        """Makes what the operation names, and lets it hold more."""
        admin, ids = self.world.admin, self.tenant.ids
        ids["roleId"] = beyond = await admin.make_role(self.more)
        if operation.body is not None and operation.path == ROLE and operation.method != "POST":
            ids["roleId"] = beyond = await admin.make_role(HELD)  # which the body adds to
        holder = await admin.make_client(beyond, division=self.division)
        ids["clientId"] = ids["subjectId"] = holder.client_id
        ids["divisionId"] = self.division
        if operation.path.startswith(DIVISIONS) or operation.body is CreateUser:
            ids["divisionId"] = await self.tenant.new_division()
            await give(admin, holder.client_id, beyond, ids["divisionId"])
        if "userId" in id_names(operation).values():
            ids["userId"] = (await make_user(admin))["id"]
            await give(admin, ids["userId"], beyond, self.division)

    async def call(self, operation: Operation, caller: Member, **other: str) -> httpx.Response:
        """Calls the operation with a body that gives more; ids may be others."""
        path = await self.tenant.path(operation, **other) + FORCE.get(operation.id, "")
        return await caller.call(operation.method, path, self.body(operation))

    def body(self, operation: Operation) -> Any:
        if operation.body is None:
            return None
        body = bodies(self.tenant.ids, self.world.count())[operation.body]
        if isinstance(body, dict) and "permissionPolicies" in body:
            domain, entity, action = self.more.split(":")
            policy = {"domain": domain, "entityName": entity, "actionSet": [action]}
            body.update(permissions=[], permissionPolicies=[policy])
        return body


async def give(admin: Member, subject_id: str, role_id: str, division: str) -> None:
    path = f"{SUBJECTS}/{subject_id}/divisions/{division}/roles/{role_id}"
    assert (await admin.call("POST", path)).status_code == 204


async def limited(world: World, permissions: tuple[str, ...], division: str) -> list[Member]:
    """A client and a user with just these permissions in one division."""
    admin = world.admin
    role_id = await admin.make_role(*(permissions or ("routing:queue:add",)))
    client = await admin.make_client(role_id, division=division)
    user = await make_user(admin)
    await give(admin, user["id"], role_id, division)
    return [client, await as_user(admin, user["id"])]


async def rights(world: World) -> dict[str, set[tuple[str, ...]]]:
    """What every subject may do, and where."""
    found: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for subject_id, division_id, domain, entity, actions in await world.rows(_BY_POLICIES):
        for action in json.loads(actions):
            found[subject_id].add((division_id, domain, entity, action))
    for subject_id, division_id, permissions in await world.rows(_BY_TEXTS):
        for text in json.loads(permissions):
            found[subject_id].add((division_id, *text.split(":")))
    return found


_BY_POLICIES = """
    SELECT grants.subject_id, grants.division_id, domain, entity, actions
    FROM grants JOIN role_policies ON role_policies.role_id = grants.role_id
"""
_BY_TEXTS = """
    SELECT grants.subject_id, grants.division_id, permissions
    FROM grants JOIN roles ON roles.id = grants.role_id
"""


def grown(before: dict[str, set[Any]], after: dict[str, set[Any]]) -> dict[str, set[Any]]:
    """Which subjects may do more than they could."""
    return {key: new for key, each in after.items() if (new := each - before.get(key, set()))}


def alternatives(operation: Operation) -> Iterator[tuple[str, ...]]:
    for permission in operation.permissions:
        yield (permission,)
    if not operation.permissions:
        yield ()


def test_case_74_what_need_not_ask_says_why() -> None:
    there = {operation.id for operation in CHANGES}
    assert set(GIVES_NOBODY_ANYTHING) <= there
    assert set(TO_ONESELF) <= there - set(GIVES_NOBODY_ANYTHING)
    assert set(GIVES_NOBODY_ANYTHING) >= ALWAYS_REFUSED


@pytest.mark.parametrize("wider", [False, True], ids=["another right", "another division"])
async def test_case_74_no_operation_reaches_who_holds_more(world: World, wider: bool) -> None:
    """What is lacked is another permission in the same division, or the same one in all."""
    home = (await world.admin.get("/api/v2/authorization/divisions/home"))["id"]
    refusals = 0
    for operation in CHANGES:
        for permissions in alternatives(operation):
            more = permissions[0] if wider and permissions else "billing:invoice:edit"
            callers = await limited(world, permissions, home)
            for caller in callers:
                stage = Stage(world, more, "*" if wider else home)
                await stage.prepare(operation)
                before = await rights(world)
                answer = await stage.call(operation, caller)
                if operation.id not in GIVES_NOBODY_ANYTHING:
                    refused(answer, 403, "missing.permissions")
                    refusals += 1
                elif operation.path.startswith(OWN) or operation.id in ALWAYS_REFUSED:
                    assert answer.status_code == 400
                else:
                    assert answer.status_code == operation.status, (operation.id, answer.text)
                assert not grown(before, await rights(world)), operation.id
        await no_providers(world.admin)
    assert refusals >= 2 * (len(CHANGES) - len(GIVES_NOBODY_ANYTHING))


@pytest.mark.parametrize("person", [False, True], ids=["client", "user"])
async def test_case_75_no_operation_lets_its_caller_gain(world: World, person: bool) -> None:
    """The same calls, with the caller's own id wherever one of a subject stands."""
    home = (await world.admin.get("/api/v2/authorization/divisions/home"))["id"]
    tried = set()
    for operation in CHANGES:
        names = id_names(operation)
        own_kinds = {"subjectId", "userId" if person else "clientId"}
        for permissions in alternatives(operation):
            caller = (await limited(world, permissions, home))[person]
            own = caller.user_id if isinstance(caller, Person) else caller.client_id
            stage = Stage(world, "billing:invoice:edit", home)
            await stage.prepare(operation)
            subject = await world.admin.get(f"{SUBJECTS}/{own}")
            role_id = subject["grants"][0]["role"]["id"]
            other = {name: own for name, kind in names.items() if kind in own_kinds}
            if operation.path == ROLE and operation.method == "POST":
                stage.tenant.ids["subjectId"] = own
            elif operation.path == ROLE:
                other["roleId"] = role_id
            elif not other:
                continue
            tried.add(operation.id)
            before = await rights(world)
            answers = [await stage.call(operation, caller, **other)]
            stage.tenant.ids["roleId"] = role_id  # what it holds already
            answers.append(await stage.call(operation, caller, **other))
            stage.tenant.ids["divisionId"] = "*"  # and that in every division
            answers.append(await stage.call(operation, caller, **other))
            assert not grown(before, await rights(world)), operation.id
            assert {answer.status_code for answer in answers} <= {200, 204, 400, 401, 403, 404}
            if operation.id not in {*TO_ONESELF, *GIVES_NOBODY_ANYTHING}:
                refused(answers[0], 403, "missing.permissions")
    assert len(tried) > 10
