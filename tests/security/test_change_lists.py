"""Attack cases 72 to 75, 77 and 83 for lists of changes, which do the work of other operations.

What may stand in a list is drawn from the operations' declarations, and so is what it needs.
"""

import json
from typing import Any

import httpx2 as httpx

from grantory.http.json_body import MAX_BODY
from grantory.http.operation import Operation
from tests.security.answers import refused
from tests.security.naughty import NAUGHTY, calm, drawn
from tests.security.tenants import (
    DIVISIONS,
    HELD,
    OPERATIONS,
    PARAMETER,
    PERMISSIONS,
    Tenant,
    as_user,
    contents,
    elsewhere,
    holders,
    mine,
)
from tests.security.test_escalation_everywhere import grown, rights
from tests.security.test_mass_assignment import OTHER, SYSTEM_MADE
from tests.support.change_lists import (
    CHANGES,
    Change,
    client,
    division,
    machine,
    made,
    role,
    send,
)
from tests.support.soak import ON_BOTH
from tests.support.user_tokens import make_administrator, user_token
from tests.support.world import CLIENTS, ROLES, World

LISTED = [operation for operation in OPERATIONS if operation.in_list is not None]
NOBODY = "11111111-2222-4333-8444-555555555555"
SCOPES = ("oauth", "authorization")


async def change_of(tenant: Tenant, operation: Operation, **ids: str) -> Change:
    """A good change of an operation; ids may be others."""
    change: Change = {"operation": operation.id}
    for name in PARAMETER.findall(operation.path):
        change["id"] = ids.get(name) or await tenant.id_of(name)
    if operation.body is not None:
        change["body"] = await tenant.body(operation)
    return change


def without_context(error: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in error.items() if key not in ("contextId", "messageParams")}


def test_case_72_a_list_takes_what_makes_replaces_and_deletes() -> None:
    assert len(LISTED) == 9
    for operation in LISTED:
        assert operation.permissions
        assert operation.scope in SCOPES
        assert operation.method in ("POST", "PUT", "DELETE")
        assert len(PARAMETER.findall(operation.path)) == (operation.method != "POST")


@ON_BOTH
async def test_case_72_each_change_of_a_list_needs_its_own_permission(world: World) -> None:
    tenant = await mine(world)
    innocent = [await holders(world.admin, *_but(operation)) for operation in LISTED]
    before = await contents(world.admin)
    for operation, callers in zip(LISTED, innocent, strict=True):
        change = await change_of(tenant, operation)
        for caller in callers:
            allowed = division("North") if operation.path != DIVISIONS else role("North")
            for query in ("", "?dryRun=true"):
                for changes, at in (([change], 0), ([allowed, change], 1), ([change, allowed], 0)):
                    answer = await send(caller, *changes, query=query)
                    error = refused(answer, 403, "missing.any.permissions")
                    place = f"Change {at + 1} of {len(changes)} ({operation.id}): "
                    assert error["message"].startswith(place)
                    assert all(text in error["message"] for text in operation.permissions)
    assert await contents(world.admin) == before
    # Each alone suffices, with what subjects of the call hold.
    for operation in LISTED:
        for caller in await holders(world.admin, *operation.permissions, HELD):
            fresh = Tenant(world, world.admin)
            assert await made(caller, await change_of(fresh, operation)), operation.id


def _but(operation: Operation) -> list[str]:
    """Every permission but those of an operation."""
    return [text for text in PERMISSIONS if text not in operation.permissions]


async def test_case_72_each_change_of_a_list_needs_its_own_scope(world: World) -> None:
    await world.admin.put("/api/v2/organizations/me", {"scopeEnforcement": True})
    user_id = await make_administrator(world)
    tenant = await mine(world)
    before = await contents(world.admin)
    for operation in LISTED:
        change = await change_of(tenant, operation)
        allowed = client("x") if operation.scope == "authorization" else division("North")
        scopes = [scope for scope in SCOPES if scope != operation.scope]
        token = await user_token(world, *scopes, f"{operation.scope}:readonly", user_id=user_id)
        headers = {"authorization": f"Bearer {token}"}
        for changes in ([change], [allowed, change]):
            answer = await world.http.post(CHANGES, json={"changes": changes}, headers=headers)
            error = refused(answer, 403, "not.authorized")
            assert f"({operation.id}): The token lacks the scope {operation.scope}" in str(error)
    assert await contents(world.admin) == before
    both = {"authorization": f"Bearer {await user_token(world, *SCOPES, user_id=user_id)}"}
    for operation in LISTED:
        change = await change_of(Tenant(world, world.admin), operation)
        answer = await world.http.post(CHANGES, json={"changes": [change]}, headers=both)
        assert answer.status_code == 200, answer.text


@ON_BOTH
async def test_case_72_a_list_knows_no_ids_of_another_organisation(world: World) -> None:
    ours, theirs = await mine(world), await elsewhere(world)
    callers = [world.admin, await as_user(world.admin, await make_administrator(world))]
    before = [await contents(ours.admin), await contents(theirs.admin)]
    for operation in LISTED:
        names = PARAMETER.findall(operation.path)
        for caller in callers if names else ():
            told = []
            for value in (await theirs.id_of(names[0]), NOBODY):
                change = await change_of(ours, operation, **{names[0]: value})
                answer = await send(caller, division("North"), change)
                told.append(without_context(refused(answer, 404, "not.found")))
            assert told[0] == told[1]
    foreign_role, foreign_division = theirs.ids["roleId"], theirs.ids["divisionId"]
    for pair in ((foreign_role, "*"), (ours.ids["roleId"], foreign_division)):
        for change in (
            client("x", pair),
            {
                "operation": "putOauthClient",
                "id": ours.ids["clientId"],
                "body": machine("x", pair),
            },
        ):
            answer = await send(world.admin, division("North"), change)
            error = refused(answer, 400, "invalid.value")
            assert error["details"][0]["fieldName"] == "changes[1].body.roleDivisions"
    assert [await contents(ours.admin), await contents(theirs.admin)] == before


async def test_case_73_a_list_takes_no_system_made_fields(world: World) -> None:
    changes = [
        division("North", key="d"),
        role("Exporter", HELD, key="r"),
        client("nightly", ("#r", "#d"), key="c"),
    ]
    found: list[list[Any]] = []
    for extra in ({}, SYSTEM_MADE):
        taken = {name: value for name, value in extra.items() if name != "permissions"}
        loaded = [
            {
                **{name: value for name, value in taken.items() if name != "id"},
                **change,
                "body": {**taken, **change["body"]},
            }
            for change in changes
        ]
        answer = await world.admin.call("POST", CHANGES, {**extra, "changes": loaded})
        assert answer.status_code == 200, answer.text
        assert OTHER not in answer.text
        assert "gcs_chosen" not in answer.text
        made_division, made_role, made_client = answer.json()["changes"]
        assert set(made_division) == set(made_role) == {"operation", "key", "id"}
        paths = (
            f"{DIVISIONS}/{made_division['id']}",
            f"{ROLES}/{made_role['id']}",
            f"{CLIENTS}/{made_client['id']}",
        )
        things = [await world.admin.get(path) for path in paths]
        found.append([{k: v for k, v in each.items() if "Uri" not in k} for each in things])
        for path in reversed(paths):
            assert (await world.admin.call("DELETE", path)).status_code == 204
    for plain, other in zip(*found, strict=True):
        same = {"id", "roleIds", "roleDivisions"}
        assert {k: v for k, v in plain.items() if k not in same} == {
            k: v for k, v in other.items() if k not in same
        }


@ON_BOTH
async def test_case_74_a_list_gives_away_no_more_than_its_caller_holds(world: World) -> None:
    """A role that is made in a list may hold anything; it counts as soon as somebody is to."""
    editor = [
        *("oauth:client:add", "oauth:client:edit", "authorization:role:add"),
        *("authorization:role:edit", "authorization:role:delete", "authorization:division:add"),
    ]
    home = (await world.admin.get(f"{DIVISIONS}/home"))["id"]
    held = await world.admin.make_role(HELD)
    victim = await world.admin.make_client(held)
    for caller in await holders(world.admin, *editor, division=home):
        role_id = await world.admin.make_role(HELD)
        grow = {
            "operation": "putAuthorizationRole",
            "id": role_id,
            "body": role("grown", "oauth:client:delete")["body"],
        }
        before = await rights(world)
        attacks: list[list[Change]] = [
            [role("all", "*:*:*", key="r"), client("x", ("#r", home))],
            [role("all", "*:*:*", key="r"), client("x", ("#r", "*"))],
            [division("D", key="d"), role("r", editor[0], key="r"), client("x", ("#r", "#d"))],
            [role("r", editor[0], key="r"), client("x", ("#r", "*"))],
            [client("x", (held, home))],
            # First harmless and given, then more.
            [client("x", (role_id, home)), grow],
            [grow, client("x", (role_id, home))],
            [
                role("all", "*:*:*", key="r"),
                {
                    "operation": "putOauthClient",
                    "id": victim.client_id,
                    "body": machine("x", ("#r", home)),
                },
            ],
            # The name of a role that is deleted brings nothing.
            [
                {"operation": "deleteAuthorizationRole", "id": role_id},
                role("all", "*:*:*", key="r"),
                client("x", ("#r", home)),
            ],
        ]
        for changes in attacks:
            for query in ("?dryRun=true", ""):
                answer = await send(caller, *changes, query=query)
                refused(answer, 403, "missing.permissions")
                assert await rights(world) == before
        # What it holds itself, it may give.
        assert await made(
            caller, role(f"own {world.count()}", editor[0], key="r"), client("x", ("#r", home))
        )


@ON_BOTH
async def test_case_75_nobody_gains_by_a_list_about_themselves(world: World) -> None:
    editor = ("oauth:client:edit", "authorization:role:add", "authorization:role:edit")
    own = await world.admin.make_role(*editor)
    caller = await world.admin.make_client(own)
    whole = role("mine", *editor, "*:*:*")["body"]
    before = await rights(world)
    for changes in (
        [
            role("all", "*:*:*", key="r"),
            {
                "operation": "putOauthClient",
                "id": caller.client_id,
                "body": machine("x", ("#r", "*")),
            },
        ],
        [{"operation": "putAuthorizationRole", "id": own, "body": whole}],
        # Empty, given to itself, and filled again.
        [
            role("later", key="r"),
            {
                "operation": "putOauthClient",
                "id": caller.client_id,
                "body": machine("x", (own, "*"), ("#r", "*")),
            },
            {"operation": "putAuthorizationRole", "id": own, "body": whole},
        ],
    ):
        answer = await send(caller, *changes)
        refused(answer, 403, "missing.permissions")
        assert await rights(world) == before
    # Whoever gives up a right in a list lacks it from there on.
    less = role("less", "oauth:client:edit", "authorization:role:add")["body"]
    answer = await send(
        caller,
        {"operation": "putAuthorizationRole", "id": own, "body": less},
        {"operation": "putAuthorizationRole", "id": await world.admin.make_role(), "body": whole},
    )
    refused(answer, 403, "missing.any.permissions")
    assert not grown(before, await rights(world))


async def test_case_77_naughty_strings_wherever_a_list_has_a_text(world: World) -> None:
    member = await world.admin.make_client(await world.admin.make_role(HELD))
    before = await contents(world.admin)
    taken = 0
    places = ("operation", "key", "id", "modified", "roleId", "divisionId", "roleIds")
    for turn, place in enumerate(places, 1):
        for value in drawn(world, NAUGHTY, turn, 3):
            change: Change = client("x", ("#a", "*"))
            if place in ("id", "modified"):
                change = {"operation": "deleteOauthClient", "id": member.client_id, place: value}
            elif place == "roleIds":
                change["body"] = {**change["body"], "roleDivisions": None, "roleIds": [value]}
            elif place in ("roleId", "divisionId"):
                change["body"]["roleDivisions"][0][place] = "#" + str(value)
            else:
                change[place] = value
            answer = calm(await send(world.admin, role("a", key="a"), change, query="?dryRun=true"))
            assert answer.status_code in (200, 400, 404), answer.text
            taken += answer.status_code == 200
    assert taken > 5
    assert await contents(world.admin) == before


@ON_BOTH
async def test_case_83_a_half_bad_list_changes_nothing(world: World) -> None:
    good = [role("r", HELD, key="r"), *(client(f"c{n}", ("#r", "*")) for n in range(40))]
    deep: Any = "x"
    for _ in range(500):
        deep = [deep]
    before = await contents(world.admin)
    bad: list[Any] = [
        "x",
        {"operation": "importEverything", "body": {}},
        {"operation": "postAuthorizationRoles", "body": {"name": deep}},
        {"operation": "postOauthClients", "body": {"name": "x", "authorizedGrantType": "CODE"}}
        | {"key": "r"},
        client("x", (NOBODY, "*")),
        {"operation": "deleteOauthClient", "id": NOBODY},
        role("Administrator"),
    ]
    for change in bad:
        for at in (0, 20, len(good)):
            answer = await send(world.admin, *good[:at], change, *good[at:])
            assert answer.status_code in (400, 404, 409), answer.text
        assert await contents(world.admin) == before
    twice = [{"operation": "deleteOauthClient", "id": world.admin.client_id}] * 2
    refused(await send(world.admin, *good, *twice), 400, "invalid.value")
    assert await contents(world.admin) == before


async def test_case_83_a_list_that_is_too_large_is_not_read(world: World) -> None:
    before = await contents(world.admin)
    many = [division("d" * 200, key="k" * 300) for _ in range(2_000)]
    assert len(json.dumps(many)) > MAX_BODY
    assert (await send(world.admin, *many)).status_code == 413
    assert (await send(world.admin, *many[:501])).status_code == 400
    headers = {"authorization": f"Bearer {world.admin.token}", "content-type": "application/json"}
    for content in (b'{"changes":' + b"[" * 100_000, b'{"changes":[{"operation":', b"[]", b"\xff"):
        answer: httpx.Response = await world.http.post(CHANGES, content=content, headers=headers)
        refused(answer, 400, "bad.request")
    assert await contents(world.admin) == before
