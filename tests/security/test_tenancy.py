"""Attack case 72: every operation, with and without each right, across every border.

The cases are drawn from the operations' own declarations: see ``tests/security/tenants.py``.
"""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import httpx2 as httpx

from grantory.app import build_operations
from grantory.domain.access import Division
from grantory.http.api_v2.identity_provider_schemas import CustomProviderRequest
from grantory.http.api_v2.schemas import OAuthClientRequest
from grantory.http.operation import Operation
from tests.security.answers import log_of, refused
from tests.security.tenants import (
    ALWAYS_REFUSED,
    HELD,
    OPERATIONS,
    OWN,
    PARAMETER,
    PERMISSIONS,
    Tenant,
    as_user,
    bodies,
    contents,
    elsewhere,
    holders,
    id_names,
    mine,
    no_providers,
    refused_like,
)
from tests.support.soak import ON_BOTH
from tests.support.user_tokens import make_administrator
from tests.support.world import CLIENTS, ROLES, Member, World

pytestmark = ON_BOTH
GUARDED = [operation for operation in OPERATIONS if operation.permissions]
NEEDS_MORE = {
    "putOauthAuthorization": "the client acts for people who hold every right",
    "postIdentityproviders": "it can become any user",
    "putIdentityprovider": "it can become any user",
    "postAuthorizationSubjectBulkreplace": "it takes roles, too",
}
"""Operations that ask for more than their permission, and why."""
ME = "/api/v2/organizations/me"
NOBODY = "11111111-2222-4333-8444-555555555555"
KEPT = {"defaultRoleId"}
"""Fields that are kept as they come, and that nothing follows from."""


async def call(
    world: World, operation: Operation, tenant: Tenant, authorization: str | None
) -> httpx.Response:
    headers = {} if authorization is None else {"authorization": authorization}
    path, body = await tenant.path(operation), await tenant.body(operation)
    return await world.http.request(operation.method, path, json=body, headers=headers)


async def test_case_72_every_body_and_id_has_an_example(world: World) -> None:
    there = build_operations(world.node, world.settings)
    assert [o.id for o in there] == [o.id for o in OPERATIONS]
    ids = dict.fromkeys(("roleId", "divisionId", "subjectId"), "")
    assert {o.body for o in OPERATIONS if o.body is not None} <= set(bodies(ids, 0))
    named = {name for o in OPERATIONS for name in PARAMETER.findall(o.path)}
    assert named == {
        *("clientId", "roleId", "divisionId", "subjectId", "scopeId", "userId", "providerId")
    }


async def test_case_72_without_a_token(world: World) -> None:
    tenant = await mine(world)
    before = await contents(world.admin)

    for operation in OPERATIONS:
        for authorization in (None, "Basic YTpi", "Bearer", "Bearer ", "", "Token x", "gat_x"):
            answer = await call(world, operation, tenant, authorization)
            refused_like(operation, answer, 401, "authentication.required")
            assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert await contents(world.admin) == before


async def test_case_72_with_a_token_that_is_not_good(world: World) -> None:
    admin = world.admin
    tenant = await mine(world)
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
    logged_out, gone, inactive = [
        await as_user(admin, await make_administrator(world)) for _ in range(3)
    ]
    await admin.call("DELETE", f"/api/v2/tokens/{logged_out.user_id}")
    await admin.call("DELETE", f"/api/v2/users/{gone.user_id}")
    await admin.call("PATCH", f"/api/v2/users/{inactive.user_id}", {"state": "inactive"})
    bad = [ended.token, deleted.token, disabled.token, changed.token, "x", admin.secret]
    bad += [logged_out.token, gone.token, inactive.token]
    before = await contents(admin)

    for operation in OPERATIONS:
        for token in bad:
            answer = await call(world, operation, tenant, f"Bearer {token}")
            refused_like(operation, answer, 401, "bad.credentials")
    world.clock.advance(300)
    for operation in OPERATIONS:
        answer = await call(world, operation, tenant, f"Bearer {expired.token}")
        refused_like(operation, answer, 401, "bad.credentials")
    assert await contents(admin) == before


async def test_case_72_without_the_permission(world: World) -> None:
    tenant = await mine(world)
    none = await holders(world.admin, "routing:queue:add")
    callers: dict[tuple[str, ...], list[Member]] = {}
    for operation in GUARDED:
        # Every permission but the right one, near misses among them.
        others = [text for text in PERMISSIONS if text not in operation.permissions]
        near = [re.sub(r":\w+$", ":none", text) for text in operation.permissions]
        near += [text.replace("client", "clients").replace("role", "roles") for text in near]
        near += [text.upper() for text in operation.permissions]
        if operation.permissions not in callers:
            all_others = await holders(world.admin, *others, *near)
            callers[operation.permissions] = [*none, *all_others]
        await tenant.body(operation)
    before = await contents(world.admin)

    for operation in GUARDED:
        path, body = await tenant.path(operation), await tenant.body(operation)
        for member in callers[operation.permissions]:
            answer = await member.call(operation.method, path, body)
            error = refused_like(operation, answer, 403, "missing.any.permissions")
            assert all(text in error["message"] for text in operation.permissions)
        # Nor does somebody else's id, or none, get another answer.
        for value in (NOBODY, "x", "%00"):
            odd = await tenant.path(operation, **dict.fromkeys(id_names(operation), value))
            for member in none:
                answer = await member.call(operation.method, odd, body)
                refused_like(operation, answer, 403, "missing.any.permissions")
    assert await contents(world.admin) == before


async def test_case_72_each_permission_alone_suffices(world: World) -> None:
    callers: dict[str, list[Member]] = {}
    shared = await mine(world)
    for operation in GUARDED:
        for permission in operation.permissions:
            domain, entity, action = permission.split(":")
            for text in (permission, f"{domain}:{entity}:*", f"*:{entity}:{action}", "*:*:*"):
                if text not in callers:
                    # What subjects of the calls hold, whoever manages them must hold, too.
                    callers[text] = await holders(world.admin, text, HELD)
                for member in callers[text][: 2 if text == permission else 1]:
                    # What is not only read may be used up.
                    reads = operation.method == "GET"
                    tenant = shared if reads else Tenant(world, world.admin)
                    path, body = await tenant.path(operation), await tenant.body(operation)
                    answer = await member.call(operation.method, path, body)
                    if operation.id in ALWAYS_REFUSED:
                        refused(answer, 400, "bad.request")
                    elif operation.id in NEEDS_MORE and answer.status_code == 403:
                        assert text != "*:*:*"
                        refused(answer, 403, "missing.permissions")
                    else:
                        assert answer.status_code == operation.status, (operation.id, text)
        if operation.body is CustomProviderRequest:
            await no_providers(world.admin)
            shared.ids.pop("providerId", None)


async def test_case_72_an_old_style_permission_text_allows_nothing(world: World) -> None:
    tenant = await mine(world)
    role = await world.admin.post(
        ROLES, {"name": "old", "permissions": ["oauth", "authorization", "admin", "all"]}
    )
    member = await world.admin.make_client(role["id"])

    for operation in GUARDED:
        path, body = await tenant.path(operation), await tenant.body(operation)
        answer = await member.call(operation.method, path, body)
        refused_like(operation, answer, 403, "missing.any.permissions")


async def test_case_72_a_right_in_any_division_suffices(world: World) -> None:
    """The operations are not division-aware; what may be given away is (case 74)."""
    for operation in GUARDED:
        tenant = Tenant(world, world.admin)
        path, body = await tenant.path(operation), await tenant.body(operation)
        division = await Tenant(world, world.admin).id_of("divisionId")
        for member in await holders(world.admin, *operation.permissions, division=division):
            answer = await member.call(operation.method, path, body)

            if operation.id in ALWAYS_REFUSED:
                refused(answer, 400, "bad.request")
            elif answer.status_code == 403:
                refused(answer, 403, "missing.permissions")
            else:  # the second may find gone, or taken, what the first asked for
                assert answer.status_code in (operation.status, 404, 409), operation.id
        if operation.body is CustomProviderRequest:
            await no_providers(world.admin)


async def test_case_72_with_another_organisations_id(world: World) -> None:
    """All ids of a path at once, and each of them alone, by a client's token and by a user's."""
    ours, theirs = await mine(world), await elsewhere(world)
    callers = [world.admin, await as_user(world.admin, await make_administrator(world))]
    before = await contents(theirs.admin)
    asked = 0
    # Scopes belong to no organisation.
    for operation in (o for o in OPERATIONS if id_names(o) and "{scopeId}" not in o.path):
        names = id_names(operation)
        foreign = {name: await theirs.id_of(kind) for name, kind in names.items()}
        alone = [{name: value} for name, value in foreign.items()] if len(foreign) > 1 else []
        for ids, caller in ((i, c) for i in (foreign, *alone) for c in callers):
            body = await ours.body(operation)
            told = []
            for one in (ids, dict.fromkeys(ids, NOBODY)):
                path = await ours.path(operation, **one)
                answer = await caller.call(operation.method, path, body)
                error = refused_like(operation, answer, 404, "not.found")
                assert theirs.admin.client_id not in answer.text
                told.append({k: v for k, v in error.items() if k != "contextId"})
            for error in told:
                error.pop("messageParams", None)
                for value in (*ids.values(), NOBODY):
                    error["message"] = error["message"].replace(value, "it")
            assert told[0] == told[1]
            asked += 1
        # The border runs both ways, whatever the case of the id.
        path = await ours.path(operation)
        answer = await theirs.admin.call(
            operation.method, path.upper().replace("/API/V2", "/api/v2"), None
        )
        assert answer.status_code in (400, 404, 415), operation.id
    assert asked > 60
    assert await contents(theirs.admin) == before


Place = tuple[str | int, ...]


def ids_in(body: Any, place: Place = (), name: str = "Ids") -> Iterator[Place]:
    """Where a body holds the id of something."""
    if isinstance(body, dict):
        for key, value in body.items():
            yield from ids_in(value, (*place, key), key)
    elif isinstance(body, list):
        for index, value in enumerate(body):
            yield from ids_in(value, (*place, index), name)
    elif isinstance(body, str) and name.endswith(("Id", "Ids")):
        yield place


def put(body: Any, place: Place, value: Any) -> Any:
    """A body with another value at a place."""
    made = inner = deepcopy(body)
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return made


async def test_case_72_a_body_cannot_name_another_organisations_things(world: World) -> None:
    """A real foreign id, of every kind, in every field of every body that holds ids."""
    ours, theirs = await mine(world), await elsewhere(world)
    foreign = {**theirs.ids, "organization": (await theirs.admin.get(ME))["id"]}
    del foreign["scopeId"]
    asked = []
    for operation in OPERATIONS:
        good = await ours.body(operation)
        asked += [(operation, good, place) for place in ids_in(good) if "roleIds" not in place]
        if operation.body is OAuthClientRequest:  # role ids count where they stand alone
            good = {name: value for name, value in good.items() if name != "roleDivisions"}
            asked += [(operation, good, place) for place in ids_in(good)]
    assert len(asked) > 15
    before = [await contents(ours.admin), await contents(theirs.admin)]

    for operation, good, place in asked:
        for value in foreign.values() if place[-1] not in KEPT else ():
            path = await ours.path(operation)
            answer = await ours.admin.call(operation.method, path, put(good, place, value))
            error = refused(answer, 400, "invalid.value")
            assert error["details"][0]["fieldName"] == (place[0] or "body"), (operation.id, place)
    assert [await contents(ours.admin), await contents(theirs.admin)] == before
    for operation, good, place in asked:
        for value in foreign.values() if place[-1] in KEPT else ():
            path = await ours.path(operation)
            answer = await ours.admin.call(operation.method, path, put(good, place, value))
            assert answer.status_code in (200, 409)
    assert await contents(theirs.admin) == before[1]


async def test_case_72_a_list_ends_at_the_border(world: World) -> None:
    ours, theirs = await mine(world), await elsewhere(world)
    organization_id = world.founding.organization.id
    hidden = [value for name, value in ours.ids.items() if name != "scopeId"]
    hidden += [organization_id, world.founding.client.id]
    client, user = await holders(theirs.admin, "*:*:*")

    for operation in OPERATIONS:
        if operation.method != "GET":
            continue
        known = {parameter.name for parameter in operation.query}
        named = [
            f"{name}={value}" for name in known & {"id", "after", "before"} for value in hidden
        ]
        unknown = "&".join(f"{name}={organization_id}" for name in ("organizationId", "org", "id"))
        path = await theirs.path(operation)
        for query in ("", "pageSize=100&pageNumber=1", unknown, *named):
            for caller in (client, *([] if query in named else [user])):
                answer = await caller.call("GET", f"{path}?{query}")
                found = answer.json()
                told = found.get("entities", found) if isinstance(found, dict) else found
                if answer.is_error:
                    refused(answer, 400, "not.a.user")
                    assert operation.path.startswith(OWN)
                assert not [text for text in hidden if text in json.dumps(told)], operation.id


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
