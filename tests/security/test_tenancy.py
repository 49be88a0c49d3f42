"""Attack case 72: every operation, with and without each right, across every border.

The cases are drawn from the operations' own declarations, so an operation that is added later
is attacked too: at most it must tell below what a body or an id of it looks like.
"""

import json
import re
from typing import Any

import httpx2 as httpx
import msgspec
import pytest

from grantory.domain.access import Division
from grantory.http.api_v2 import schemas, user_schemas
from grantory.http.api_v2.authorization_schemas import ApprovalRequest
from grantory.http.api_v2.identity_provider_schemas import CustomProviderRequest
from grantory.http.operation import Operation
from tests.security.answers import log_of, refused
from tests.support.people import GOOD_PASSWORD
from tests.support.saml import signer
from tests.support.subjects import make_user
from tests.support.world import CLIENTS, ROLES, Member, World, declared_operations

BODIES: dict[type[msgspec.Struct], Any] = {
    schemas.OAuthClientRequest: {"name": "taken over", "authorizedGrantType": "CODE"},
    schemas.RoleRequest: {"name": "taken over"},
    schemas.RolePatch: {"name": "taken over"},
    schemas.RoleDivisionGrants: {"grants": []},
    schemas.SubjectDivisions: {"subjectIds": [], "divisionIds": []},
    schemas.RoleIdList: [],
    schemas.DivisionRequest: {"name": "taken over"},
    schemas.DivisionRestoreRequest: {"name": "taken over"},
    schemas.OrganizationRequest: {"name": "taken over"},
    schemas.IdleTokenTimeoutRequest: {},
    ApprovalRequest: {},
    CustomProviderRequest: {
        "name": "taken over",
        "issuerURI": "https://evil.test",
        "certificate": signer("attacker").certificate,
    },
    user_schemas.CreateUser: {"name": "taken over", "email": "taken@example.com"},
    user_schemas.UpdateUser: {"name": "taken over", "email": "taken@example.com"},
    user_schemas.ChangePasswordRequest: {"newPassword": GOOD_PASSWORD},
    user_schemas.ChangeMyPasswordRequest: {
        "oldPassword": "taken over",
        "newPassword": GOOD_PASSWORD,
    },
}
"""A good body for each schema that an operation takes."""
PROVIDERS = "/api/v2/identityproviders"
KEY = {"certificate": signer().certificate}
OWN_TOKEN = {"deleteTokensMe"}
"""Operations that end what they are called with."""


OPERATIONS = declared_operations()
WITH_PERMISSION = pytest.mark.parametrize(
    "operation", [o for o in OPERATIONS if o.permissions], ids=lambda operation: operation.id
)
PERMISSIONS = sorted({text for operation in OPERATIONS for text in operation.permissions})


class Tenant:
    """An organisation with one of everything that has an id."""

    def __init__(self, admin: Member, ids: dict[str, str]) -> None:
        self.admin = admin
        self.ids = ids

    def path(self, operation: Operation) -> str:
        """The operation's path with this organisation's ids."""
        path = operation.path.replace("/users/{subjectId}", "/users/{userId}")
        return re.sub(r"\{(\w+)\}", lambda match: self.ids[match[1]], path)


async def tenant(world: World, admin: Member) -> Tenant:
    role_id = await admin.make_role("routing:queue:view")
    client = await admin.make_client(role_id)
    await admin.put(f"/api/v2/oauth/authorizations/{client.client_id}", {})
    body = {"name": f"Division {world.count()}"}
    division = await admin.post("/api/v2/authorization/divisions", body)
    named = {"name": f"IdP {world.count()}", "issuerURI": f"urn:idp:{world.count()}"}
    provider = await admin.post(PROVIDERS, {**named, **KEY})
    ids = {
        "clientId": client.client_id,
        "roleId": role_id,
        "divisionId": division["id"],
        "subjectId": client.client_id,
        "scopeId": "oauth",
        "providerId": provider["id"],
        "userId": await make_user(world, (await admin.get("/api/v2/organizations/me"))["id"]),
    }
    return Tenant(admin, ids)


async def elsewhere(world: World) -> Tenant:
    return await tenant(world, world.member(await world.found("Elsewhere")))


def body_of(operation: Operation) -> Any:
    return None if operation.body is None else BODIES[operation.body]


async def call(
    world: World, operation: Operation, path: str, authorization: str | None
) -> httpx.Response:
    headers = {} if authorization is None else {"authorization": authorization}
    return await world.http.request(
        operation.method, path, json=body_of(operation), headers=headers
    )


def refused_like(
    operation: Operation, answer: httpx.Response, status: int, code: str
) -> dict[str, Any]:
    """A refusal; the answer to HEAD has no body to look at."""
    if operation.method == "HEAD":
        assert (answer.status_code, answer.content) == (status, b"")
        return {}
    return refused(answer, status, code)


async def contents(admin: Member) -> list[Any]:
    """All that an organisation's administrator sees of it."""
    return [
        await admin.get(path)
        for path in (
            CLIENTS,
            f"{ROLES}?pageSize=500",
            "/api/v2/authorization/divisions",
            "/api/v2/authorization/subjects/me",
            "/api/v2/organizations/me",
            "/api/v2/tokens/me",
            "/api/v2/users?state=any&pageSize=500",
            PROVIDERS,
        )
    ]


def test_case_72_every_body_and_id_has_an_example() -> None:
    assert {o.body for o in OPERATIONS if o.body is not None} <= set(BODIES)
    named = {name for o in OPERATIONS for name in re.findall(r"\{(\w+)\}", o.path)}
    assert named == {
        *("clientId", "roleId", "divisionId", "subjectId", "scopeId", "userId", "providerId")
    }


async def test_case_72_without_a_token(world: World) -> None:
    mine = await tenant(world, world.admin)
    before = await contents(world.admin)

    for operation in OPERATIONS:
        for authorization in (None, "Basic YTpi", "Bearer", "Bearer ", "", "Token x", "gat_x"):
            answer = await call(world, operation, mine.path(operation), authorization)
            refused_like(operation, answer, 401, "authentication.required")
            assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert await contents(world.admin) == before


async def test_case_72_with_a_token_that_is_not_good(world: World) -> None:
    admin = world.admin
    mine = await tenant(world, admin)
    role_id = await admin.make_role("*:*:*")
    made = [await admin.make_client(role_id, accessTokenValiditySeconds=300) for _ in range(5)]
    expired, ended, deleted, disabled, changed = made
    for member in made:
        await member.log_in()
    await ended.call("DELETE", "/api/v2/tokens/me")
    await admin.call("DELETE", f"{CLIENTS}/{deleted.client_id}")
    body = {"name": "a", "authorizedGrantType": "CLIENT-CREDENTIALS", "roleIds": [role_id]}
    await admin.put(f"{CLIENTS}/{disabled.client_id}", {**body, "state": "disabled"})
    await admin.put(f"{CLIENTS}/{changed.client_id}", {"name": "a", "authorizedGrantType": "CODE"})
    bad = [ended.token, deleted.token, disabled.token, changed.token, "x", admin.secret]
    before = await contents(admin)

    for operation in OPERATIONS:
        for token in bad:
            answer = await call(world, operation, mine.path(operation), f"Bearer {token}")
            refused_like(operation, answer, 401, "bad.credentials")
    world.clock.advance(300)
    for operation in OPERATIONS:
        answer = await call(world, operation, mine.path(operation), f"Bearer {expired.token}")
        refused_like(operation, answer, 401, "bad.credentials")
    assert await contents(admin) == before


@WITH_PERMISSION
async def test_case_72_without_the_permission(world: World, operation: Operation) -> None:
    path = (await tenant(world, world.admin)).path(operation)
    others = [text for text in PERMISSIONS if text not in operation.permissions]
    none = await world.admin.make_member("routing:queue:view")
    # Every permission but the right one, near misses among them.
    near = [re.sub(r":\w+$", ":none", text) for text in operation.permissions]
    near += [text.replace("client", "clients").replace("role", "roles") for text in near]
    near += [text.upper() for text in operation.permissions]
    all_others = await world.admin.make_member(*others, *near)
    before = await contents(world.admin)

    for member in (none, all_others):
        answer = await member.call(operation.method, path, body_of(operation))
        error = refused_like(operation, answer, 403, "missing.any.permissions")
        assert all(text in error["message"] for text in operation.permissions)
    # Nor does somebody else's id, or none, get another answer.
    for value in ("11111111-2222-4333-8444-555555555555", "x", "%00"):
        odd = value.join(re.split(r"\{\w+\}", operation.path))
        answer = await none.call(operation.method, odd, body_of(operation))
        refused_like(operation, answer, 403, "missing.any.permissions")
    assert await contents(world.admin) == before


@WITH_PERMISSION
async def test_case_72_each_permission_alone_suffices(world: World, operation: Operation) -> None:
    for permission in operation.permissions:
        domain, entity, action = permission.split(":")
        for text in (permission, f"{domain}:{entity}:*", f"*:{entity}:{action}", "*:*:*"):
            path = (await tenant(world, world.admin)).path(operation)
            member = await world.admin.make_member(text)
            answer = await member.call(operation.method, path, body_of(operation))
            if answer.status_code == 403:
                # It may call the operation; what it lacks is what the subject holds.
                refused(answer, 403, "missing.permissions")
            elif operation.id == "putTokensTimeout":  # which is always refused
                refused(answer, 400, "bad.request")
            else:
                assert answer.status_code in (200, 204, 409), text


async def test_case_72_an_old_style_permission_text_allows_nothing(world: World) -> None:
    mine = await tenant(world, world.admin)
    role = await world.admin.post(
        ROLES, {"name": "old", "permissions": ["oauth", "authorization", "admin", "all"]}
    )
    member = await world.admin.make_client(role["id"])

    for operation in OPERATIONS:
        if operation.permissions:
            path = mine.path(operation)
            answer = await member.call(operation.method, path, body_of(operation))
            refused_like(operation, answer, 403, "missing.any.permissions")


@WITH_PERMISSION
async def test_case_72_a_right_in_any_division_suffices(world: World, operation: Operation) -> None:
    """The operations are not division-aware; what may be given away is (case 74)."""
    mine = await tenant(world, world.admin)
    role_id = await world.admin.make_role(*operation.permissions)
    somewhere = await world.admin.make_client(role_id, division=mine.ids["divisionId"])

    answer = await somewhere.call(operation.method, mine.path(operation), body_of(operation))

    if operation.id == "putTokensTimeout":  # which is always refused
        refused(answer, 400, "bad.request")
        return
    assert answer.status_code in (200, 204, 403, 409)
    if answer.status_code == 403:
        refused(answer, 403, "missing.permissions")


async def test_case_72_with_another_organisations_id(world: World) -> None:
    mine, theirs = await tenant(world, world.admin), await elsewhere(world)
    unknown_ids = Tenant(mine.admin, dict.fromkeys(mine.ids, theirs.ids["roleId"][::-1]))
    before = await contents(theirs.admin)
    # Scopes belong to no organisation.
    for operation in (o for o in OPERATIONS if "{" in o.path and "{scopeId}" not in o.path):
        body = body_of(operation)
        foreign = await world.admin.call(operation.method, theirs.path(operation), body)
        unknown = await world.admin.call(operation.method, unknown_ids.path(operation), body)

        error = refused_like(operation, foreign, 404, "not.found")
        same = refused_like(operation, unknown, 404, "not.found")
        for told in (error, same):
            told.pop("contextId", None)
            told.pop("messageParams", None)
        assert error == same
        assert theirs.admin.client_id not in foreign.text
        # The border runs both ways, whatever the case of the id.
        answer = await theirs.admin.call(
            operation.method, mine.path(operation).upper().replace("/API/V2", "/api/v2"), None
        )
        assert answer.status_code in (400, 404, 415), operation.id
    assert await contents(theirs.admin) == before


async def test_case_72_a_body_cannot_name_another_organisations_things(world: World) -> None:
    mine, theirs = await tenant(world, world.admin), await elsewhere(world)
    both = [await contents(mine.admin), await contents(theirs.admin)]
    own, foreign = mine.ids, theirs.ids
    cases: list[dict[str, Any]] = [
        {"roleIds": [foreign["roleId"]]},
        {"roleIds": [own["roleId"], foreign["roleId"]]},
        {"roleDivisions": [{"roleId": foreign["roleId"], "divisionId": "*"}]},
        {"roleDivisions": [{"roleId": foreign["roleId"], "divisionId": foreign["divisionId"]}]},
        {"roleDivisions": [{"roleId": own["roleId"], "divisionId": foreign["divisionId"]}]},
    ]
    for case in cases:
        body = {"name": "a", "authorizedGrantType": "CLIENT-CREDENTIALS", **case}
        for method, path in (("POST", CLIENTS), ("PUT", f"{CLIENTS}/{own['clientId']}")):
            answer = await mine.admin.call(method, path, body)
            error = refused(answer, 400, "invalid.value")
            assert {detail["fieldName"] for detail in error["details"]} <= {
                "roleIds",
                "roleDivisions",
            }

    assert [await contents(mine.admin), await contents(theirs.admin)] == both


@pytest.mark.parametrize(
    "operation",
    [o for o in OPERATIONS if o.method == "GET" and "{" not in o.path],
    ids=lambda operation: operation.id,
)
async def test_case_72_a_list_ends_at_the_border(world: World, operation: Operation) -> None:
    mine, theirs = await tenant(world, world.admin), await elsewhere(world)
    user_ids = [world.founding.organization.id, world.founding.client.id]
    hidden = [*mine.ids.values(), *user_ids, world.founding.email]
    hidden = [text for text in hidden if text not in ("admin@example.com", mine.ids["scopeId"])]
    filters = ["", *(f"?id={value}" for value in mine.ids.values())]
    filters += [f"?organizationId={world.founding.organization.id}", "?pageSize=500&pageNumber=1"]

    for query in filters:
        answer = await theirs.admin.call("GET", operation.path + query)
        found = answer.json()
        entities = json.dumps(found.get("entities", found) if isinstance(found, dict) else found)
        assert not [text for text in hidden if text in entities]


async def test_case_72_other_organisations_credentials_are_of_no_use(world: World) -> None:
    theirs = world.member(await world.found("Elsewhere"))
    answer = await world.ask_token(world.admin.client_id, theirs.secret)
    assert answer.status_code == 401
    for name in ("organizationId", "orgName", "X-Organization", "org"):
        value = world.founding.organization.id
        answer = await theirs.call("GET", f"{CLIENTS}?{name}={value}", headers={name: value})
        assert [entity["id"] for entity in answer.json()["entities"]] == [theirs.client_id]
    log = [json.loads(line) for line in (await log_of(world)).splitlines()]
    assert {line.get("organization", "") for line in log if line.get("client") == theirs.client_id}


async def test_case_72_a_division_gives_nothing_in_another_organisation(world: World) -> None:
    """A row that names a division of another organisation, as a bug could write it."""
    theirs = await world.found("Elsewhere")
    division = Division(
        id=world.node.random.uuid(),
        organization_id=theirs.organization.id,
        name="Further",
        created_at=world.clock.now_ms(),
    )
    await world.node.store.write(lambda transaction: transaction.access.add_division(division))

    answer = await world.admin.call("GET", f"/api/v2/authorization/divisions/{division.id}")

    refused(answer, 404, "not.found")
    seen = await world.member(theirs).get(f"/api/v2/authorization/divisions/{division.id}")
    assert seen["name"] == "Further"
