"""The trail of every change, and one line for every request."""

import asyncio
import json
from typing import Any

from grantory.domain.audit import AuditEvent
from grantory.domain.client import Reference, SubjectKind
from tests.support.world import CLIENTS, ROLES, Member, World

CODE = {"name": "web", "authorizedGrantType": "CODE"}


async def events(world: World, entity_id: str) -> list[AuditEvent]:
    """An entity's events, oldest first."""
    organization = world.founding.organization.id
    found = await world.node.store.read(lambda s: s.audit.of_entity(organization, entity_id, 100))
    return found[::-1]


async def count(world: World) -> int:
    ((number,),) = await world.rows("SELECT count(*) FROM audit_events")
    assert isinstance(number, int)
    return number


def changed(event: AuditEvent) -> dict[str, tuple[list[Any], list[Any]]]:
    return {change.property: (change.old_values, change.new_values) for change in event.changes}


async def test_every_change_of_a_client_leaves_one_event(world: World) -> None:
    actor = await world.admin.make_member("*:*:*", "oauth:client:add")
    role_id = await world.admin.make_role("oauth:client:view")
    before = await count(world)
    ids: list[str] = []

    async def change(method: str, path: str, body: Any = None) -> Any:
        world.clock.advance(1)
        answer = await actor.call(method, path, body)
        assert answer.status_code in (200, 204), answer.text
        ids.append(answer.headers["ININ-Correlation-Id"])
        return answer.json() if answer.content else None

    created = await change("POST", CLIENTS, {**CODE, "registeredRedirectUri": ["https://a.b/"]})
    path = f"{CLIENTS}/{created['id']}"
    machine = {"name": "new", "authorizedGrantType": "CLIENT-CREDENTIALS", "roleIds": [role_id]}
    await change("PUT", path, {**machine, "state": "disabled"})
    made = await change("POST", path + "/secret")
    await change("DELETE", path)
    found = await events(world, created["id"])
    assert [event.action for event in found] == ["Create", "Update", "Regenerate", "Delete"]
    assert await count(world) == before + 4
    for event, correlation_id, second in zip(found, ids, range(1, 5), strict=True):
        assert event.origin.actor == Reference(SubjectKind.CLIENT, actor.client_id)
        assert event.origin.client_id == actor.client_id
        assert event.origin.correlation_id == correlation_id
        assert event.origin.address == "127.0.0.1"
        assert event.entity_type == "OAuthClient"
        assert event.organization_id == world.founding.organization.id
        assert event.at == world.clock.now_ms() - (4 - second) * 1000
    assert [event.entity_name for event in found] == ["web", "new", "new", "new"]
    home = (await world.admin.get("/api/v2/authorization/divisions/home"))["id"]
    assert changed(found[0])["redirect_uris"] == ([], ["https://a.b/"])
    assert changed(found[1]) == {
        "name": (["web"], ["new"]),
        "grant_type": (["authorization_code"], ["client_credentials"]),
        "state": (["active"], ["disabled"]),
        "redirect_uris": (["https://a.b/"], []),
        "assignments": ([], [f"{role_id}@{home}"]),
    }
    stored = json.dumps(await world.rows("SELECT * FROM audit_events"), default=repr)
    assert created["secret"] not in stored
    assert made["secret"] not in stored
    assert actor.token not in stored


async def test_every_change_of_a_role_leaves_one_event(world: World) -> None:
    before = await count(world)
    role = await world.admin.post(ROLES, {"name": "a", "permissions": ["group_creation"]})
    path = f"{ROLES}/{role['id']}"
    await world.admin.put(path, {"name": "b"})
    await world.admin.call("PATCH", path, {"description": "d"})
    await world.admin.call("DELETE", path)
    found = await events(world, role["id"])
    assert [event.action for event in found] == ["Create", "Update", "Update", "Delete"]
    assert {event.entity_type for event in found} == {"Role"}
    assert await count(world) == before + 4
    assert changed(found[1]) == {
        "name": (["a"], ["b"]),
        "permissions": (["group_creation"], []),
    }
    assert changed(found[2]) == {"description": ([], ["d"])}


async def test_ending_a_token_leaves_an_event_without_the_token(world: World) -> None:
    before = await count(world)
    token = await world.admin.log_in()
    assert (await world.admin.call("DELETE", "/api/v2/tokens/me")).status_code == 200
    assert await count(world) == before + 1
    last = await world.rows("SELECT action, entity_type FROM audit_events ORDER BY id DESC LIMIT 1")
    assert last == [("Revoke", "AccessToken")]
    stored = json.dumps(await world.rows("SELECT * FROM audit_events"), default=repr)
    assert token not in stored


async def test_the_command_line_is_an_actor_too(world: World) -> None:
    (event,) = await events(world, world.admin.client_id)
    assert event.action == "Create"
    assert event.origin.actor == Reference(SubjectKind.SYSTEM, "command-line")


async def test_what_is_refused_leaves_no_event_and_no_change(world: World) -> None:
    target = await world.admin.make_member("oauth:client:view")
    path = f"{CLIENTS}/{target.client_id}"
    role_id = await world.admin.make_role("oauth:client:view")
    nobody = await world.admin.make_member("routing:queue:view")
    editor = await world.admin.make_member(
        "oauth:client:add", "oauth:client:edit", "authorization:role:edit"
    )
    everything = (await world.admin.get(ROLES))["entities"]
    admin_role = next(role["id"] for role in everything if role["name"] == "Administrator")
    machine = {"name": "x", "authorizedGrantType": "CLIENT-CREDENTIALS"}
    await nobody.log_in()
    await editor.log_in()
    before = await count(world)
    state = [await world.admin.get(CLIENTS), await world.admin.get(ROLES)]
    pair = {"roleId": admin_role, "divisionId": "*"}
    refused: list[tuple[Member, str, str, Any, int]] = [
        (nobody, "POST", CLIENTS, CODE, 403),
        (nobody, "PUT", path, CODE, 403),
        (nobody, "DELETE", path, None, 403),
        (nobody, "POST", path + "/secret", None, 403),
        (nobody, "POST", ROLES, {"name": "x"}, 403),
        (editor, "POST", CLIENTS, {**machine, "roleDivisions": [pair]}, 403),
        (editor, "PUT", path, {**machine, "roleDivisions": [pair]}, 403),
        (editor, "POST", path + "/secret", None, 403),
        (world.admin, "POST", CLIENTS, {"name": "x"}, 400),
        (world.admin, "POST", CLIENTS, machine, 400),
        (world.admin, "PUT", path, {**CODE, "name": ""}, 400),
        (world.admin, "PUT", path + "x", CODE, 404),
        (world.admin, "DELETE", path + "x", None, 404),
        (world.admin, "POST", ROLES, {"name": "Administrator"}, 409),
        (world.admin, "DELETE", f"{ROLES}/{admin_role}", None, 400),
        (world.admin, "PATCH", f"{ROLES}/{role_id}", {"permissions": ["::"]}, 400),
    ]
    for member, method, address, body, status in refused:
        answer = await member.call(method, address, body)
        assert answer.status_code == status, f"{method} {address}: {answer.text}"
    assert await count(world) == before
    assert [await world.admin.get(CLIENTS), await world.admin.get(ROLES)] == state


async def lines(world: World) -> list[dict[str, Any]]:
    await asyncio.sleep(0)
    return [json.loads(line) for line in world.log.getvalue().splitlines()]


async def test_every_request_leaves_one_line(world: World) -> None:
    await world.admin.log_in()
    await lines(world)
    world.log.truncate(0)
    world.log.seek(0)
    good = await world.admin.call("GET", f"{CLIENTS}/{world.admin.client_id}?secret=in-the-query")
    missing = await world.admin.call("GET", f"{CLIENTS}/secret-in-the-path")
    unknown = await world.http.get("/nothing/secret-in-the-path")
    wrong = await world.ask_token(world.admin.client_id, "secret-in-the-header")
    token = await world.ask_token(world.admin.client_id, world.admin.secret)
    bad = await world.http.get(CLIENTS, headers={"authorization": "Bearer secret-token"})
    found = await lines(world)
    assert [line["correlation_id"] for line in found] == [
        answer.headers["ININ-Correlation-Id"]
        for answer in (good, missing, unknown, wrong, token, bad)
    ]
    one = CLIENTS + "/{clientId}"
    assert [(line["method"], line.get("route", ""), line["status"]) for line in found] == [
        ("GET", one, 200),
        ("GET", one, 404),
        ("GET", "", 404),
        ("POST", "/oauth/token", 401),
        ("POST", "/oauth/token", 200),
        ("GET", CLIENTS, 401),
    ]
    assert [line.get("error", "") for line in found] == [
        *("", "not.found", "not.found", "invalid_client", "", "bad.credentials")
    ]
    for line in found:
        assert line["event"] == "request"
        assert line["time"] == "2027-01-15T08:00:00.000Z"
        assert line["address"] == "127.0.0.1"
        assert line["ms"] > 0
    for line in (found[0], found[1], found[4]):
        assert line["client"] == world.admin.client_id
        assert line["organization"] == world.founding.organization.id
    assert found[5]["detail"].startswith("malformed")
    text = world.log.getvalue()
    for credential in (
        *("secret-in-the", "secret-token", "in-the-query", world.admin.secret),
        *(world.admin.token, token.json()["access_token"]),
    ):
        assert credential not in text


async def test_a_line_stays_one_line_whatever_a_request_holds(world: World) -> None:
    await world.http.get("/x%0a%22", headers={"x-evil": "a", "user-agent": '"\\'})
    await world.ask_token("a\nb", 'c"d')
    assert len(await lines(world)) == 2
