"""``POST /api/v2/grantory/changes``: a list of changes is made as a whole, or not at all."""

import asyncio
from typing import Any

import apsw
import httpx2 as httpx
import pytest

from grantory.domain.audit import AuditEvent
from grantory.errors import ApiError
from grantory.http.api_v2.clients import IMPLICIT_RETIRES
from grantory.storage.postgres.store import PostgresStore
from tests.security.answers import log_of, refused
from tests.support.change_lists import (
    CHANGES,
    DIVISIONS,
    Change,
    client,
    contents,
    division,
    machine,
    made,
    role,
    send,
)
from tests.support.soak import ON_BOTH
from tests.support.world import CLIENTS, ROLES, Member, World

UNKNOWN = "6a3f0f5e-8e0e-4d6c-9a55-1f8c0b9d7e21"
HELD = "routing:queue:view"
WHOLE = (
    division("North", key="division:North"),
    role("Exporter", HELD, key="role:Exporter"),
    client("nightly", ("#role:Exporter", "#division:North"), key="client:nightly"),
)
"""A division, a role in it, and a client that holds it."""


async def events(world: World, entity_id: str) -> list[AuditEvent]:
    """An entity's events, oldest first."""
    organization = world.founding.organization.id
    found = await world.node.store.read(lambda s: s.audit.of_entity(organization, entity_id, 9))
    return found[::-1]


def told(answer: httpx.Response, at: int, count: int, operation: str) -> dict[str, Any]:
    """The error of a list whose change was refused, counted from 0."""
    error: dict[str, Any] = answer.json()
    assert error["message"].startswith(f"Change {at + 1} of {count} ({operation}): ")
    assert all(each["fieldName"].startswith(f"changes[{at}].") for each in error["details"])
    return error


@ON_BOTH
async def test_what_is_made_can_be_named_by_what_follows(world: World) -> None:
    new_division, new_role, new_client = await made(world.admin, *WHOLE)
    assert [each["key"] for each in (new_division, new_role, new_client)] == [
        each["key"] for each in WHOLE
    ]
    assert set(new_division) == set(new_role) == {"operation", "key", "id"}
    found = await world.admin.get(f"{CLIENTS}/{new_client['id']}")
    pair = {"roleId": new_role["id"], "divisionId": new_division["id"]}
    assert found["roleDivisions"] == [pair]
    assert (await world.admin.get(f"{DIVISIONS}/{new_division['id']}"))["name"] == "North"
    member = Member(world, new_client["id"], new_client["secret"])
    assert (await member.get("/api/v2/tokens/me"))["OAuthClient"]["id"] == new_client["id"]

    # By role ids alone, in the home division; and what there is already is named by its id.
    last = {"name": "b", "authorizedGrantType": "CLIENT-CREDENTIALS"}
    body = {**last, "roleIds": ["#r", new_role["id"].upper()]}
    *_, other = await made(
        world.admin, role("r", key="r"), {"operation": "postOauthClients", "body": body}
    )
    held = (await world.admin.get(f"{CLIENTS}/{other['id']}"))["roleDivisions"]
    home = (await world.admin.get(f"{DIVISIONS}/home"))["id"]
    assert {pair["divisionId"] for pair in held} == {home}
    assert len(held) == 2


@ON_BOTH
async def test_everything_is_changed_and_deleted_in_its_order(world: World) -> None:
    new_division, new_role, new_client = await made(world.admin, *WHOLE)
    found = await world.admin.get(f"{CLIENTS}/{new_client['id']}")
    gone = await world.admin.make_client(new_role["id"])
    await gone.log_in()
    world.clock.advance(5)
    answer = await made(
        world.admin,
        {"operation": "deleteOauthClient", "id": gone.client_id},
        {
            "operation": "putOauthClient",
            "id": new_client["id"].upper(),
            "modified": found["dateModified"],
            "body": {"name": "web", "authorizedGrantType": "CODE"},
        },
        {"operation": "deleteAuthorizationRole", "id": new_role["id"]},
        # Possible only because nobody holds anything in it any more.
        {"operation": "deleteAuthorizationDivision", "id": new_division["id"]},
        # Its name is free again, within the same transaction.
        role("Exporter", key="again"),
        client("last", ("#again", "*")),
    )
    assert answer[0] == {"operation": "deleteOauthClient", "id": gone.client_id}
    assert (await world.admin.call("GET", f"{ROLES}/{new_role['id']}")).status_code == 404
    assert (await world.admin.call("GET", f"{CLIENTS}/{gone.client_id}")).status_code == 404
    assert (await gone.call("GET", CLIENTS)).status_code == 401
    changed = await world.admin.get(f"{CLIENTS}/{new_client['id']}")
    assert (changed["name"], changed.get("roleDivisions")) == ("web", None)
    deleted = await world.admin.get(f"{DIVISIONS}/deleted")
    assert [each["id"] for each in deleted["entities"]] == [new_division["id"]]


def bad(there: dict[str, Any], built_in: str) -> dict[str, tuple[Change, int, str, list[str]]]:
    """Changes that are refused: how, and by which fields; ``there`` is a client that is there.

    ``built_in`` is the id of the role that comes with the server.
    """
    put = {"operation": "putOauthClient", "id": there["id"], "body": machine("x", (UNKNOWN, "*"))}
    good = {**put, "body": {"name": "x", "authorizedGrantType": "CODE"}}
    return {
        "a field of its schema": (
            {"operation": "postOauthClients", "body": {"name": "", "authorizedGrantType": "CODE"}},
            *(400, "invalid.value", ["body.name"]),
        ),
        "two fields": (
            {"operation": "postOauthClients", "body": {"authorizedGrantType": "x"}},
            *(400, "invalid.value", ["body.name", "body.authorizedGrantType"]),
        ),
        "a field and one that the registry looks at": (
            {
                "operation": "postOauthClients",
                "body": {"authorizedGrantType": "SAML2-BEARER", "accessTokenValiditySeconds": 1},
            },
            *(400, "invalid.value", ["body.name", "body.accessTokenValiditySeconds"]),
        ),
        "a blank name": (
            role(" "),
            *(400, "invalid.value", ["body.name"]),
        ),
        "no role": (
            client("x"),
            *(400, "missing.client.roles", ["body.roleDivisions"]),
        ),
        "an unknown role": (
            client("x", (UNKNOWN, "*")),
            *(400, "invalid.value", ["body.roleDivisions"]),
        ),
        "an unknown role of one that is there": (put, 400, "invalid.value", ["body.roleDivisions"]),
        "a role for a division": (
            client("x", ("#role:Exporter", "#role:Exporter")),
            *(400, "invalid.value", ["body.roleDivisions"]),
        ),
        "a key that comes later": (
            client("x", ("#later", "*"), key="later"),
            *(400, "invalid.value", ["body.roleDivisions"]),
        ),
        "a key that is none": (
            {
                "operation": "postOauthClients",
                "body": {
                    **{"name": "x", "authorizedGrantType": "CLIENT-CREDENTIALS"},
                    "roleIds": ["#"],
                },
            },
            *(400, "invalid.value", ["body.roleIds"]),
        ),
        "a name that is taken": (
            role("eXPORTER"),
            *(409, "general.conflict", ["body.name"]),
        ),
        "a division's name that is taken": (
            division("nORTH"),
            *(409, "general.conflict", ["body.name"]),
        ),
        "nobody": (
            {"operation": "deleteOauthClient", "id": UNKNOWN},
            *(404, "not.found", []),
        ),
        "what was changed meanwhile": (
            {**good, "modified": "2020-01-01T00:00:00.000Z"},
            *(409, "general.conflict", ["modified"]),
        ),
        "what was changed before it is deleted": (
            {
                "operation": "deleteOauthClient",
                "id": there["id"],
                "modified": "2020-01-01T00:00:00.000Z",
            },
            *(409, "general.conflict", ["modified"]),
        ),
        "the built-in role that is to go": (
            {"operation": "deleteAuthorizationRole", "id": built_in},
            *(400, "bad.request", []),
        ),
        "the built-in role that is to be another": (
            {**role("Administrator", HELD), "operation": "putAuthorizationRole", "id": built_in},
            *(400, "bad.request", []),
        ),
        "a client's id for a role's": (
            {"operation": "deleteAuthorizationRole", "id": there["id"]},
            *(404, "not.found", []),
        ),
    }


@ON_BOTH
async def test_one_that_is_refused_refuses_all(world: World) -> None:
    member = await world.admin.make_client(await world.admin.make_role(HELD))
    there = await world.admin.get(f"{CLIENTS}/{member.client_id}")
    roles = (await world.admin.get(ROLES))["entities"]
    (built_in,) = [each["id"] for each in roles if each["default"]]
    before = await contents(world)
    for name, (change, status, code, fields) in bad(there, built_in).items():
        for query in ("", "?dryRun=true"):
            changes = (*WHOLE, change, division("After"))
            answer = await send(world.admin, *changes, query=query)
            refused(answer, status, code)
            error = told(answer, 3, 5, change["operation"])
            found = [detail["fieldName"] for detail in error["details"]]
            assert found == [f"changes[3].{field}" for field in fields], name
        assert await contents(world) == before, name
    # And the same refusal comes of the single operation.
    single = await world.admin.call("POST", ROLES, role(" ")["body"])
    assert (single.status_code, single.json()["code"]) == (400, "invalid.value")


@ON_BOTH
async def test_the_operations_in_a_list_are_asked_for_one_by_one(world: World) -> None:
    wanted = ("authorization:division:add", "authorization:role:add", "oauth:client:add", HELD)
    for lacking in wanted[:3]:
        member = await world.admin.make_member(*(text for text in wanted if text != lacking))
        await member.log_in()
        before = await contents(world)
        answer = await send(member, *WHOLE, division("Another"))
        refused(answer, 403, "missing.any.permissions")
        at = wanted.index(lacking)
        error = told(answer, at, 4, WHOLE[at]["operation"])
        assert lacking in error["message"]
        assert await contents(world) == before
    limited = await world.admin.make_member(*wanted)
    assert (await send(limited, *WHOLE)).status_code == 200


@ON_BOTH
async def test_a_dry_run_does_all_and_keeps_nothing(world: World) -> None:
    before = await contents(world)
    answer = await send(world.admin, *WHOLE, query="?dryRun=true")
    assert answer.status_code == 200
    assert answer.json()["applied"] is False
    assert [set(each) for each in answer.json()["changes"]] == [{"operation", "key", "id"}] * 3
    assert "gcs_" not in answer.text
    assert await contents(world) == before
    # What it says it would have made is not there, and can be made.
    client_id = answer.json()["changes"][2]["id"]
    refused(await world.admin.call("GET", f"{CLIENTS}/{client_id}"), 404, "not.found")
    assert len(await made(world.admin, *WHOLE)) == 3


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("dryrun=true", "dryrun"),
        ("dry_run=true", "dry_run"),
        ("dryRun=true&dryRun=false", "dryRun"),
        ("dryRun=true&dryRun=true", "dryRun"),
        ("dryRun=true&force", "force"),
        ("dryRun=", "dryRun"),
        ("dryRun=1", "dryRun"),
    ],
)
async def test_a_query_that_is_misspelt_changes_nothing(
    world: World, query: str, name: str
) -> None:
    before = await contents(world)
    error = refused(await send(world.admin, *WHOLE, query=f"?{query}"), 400, "invalid.value")
    assert [detail["fieldName"] for detail in error["details"]] == [name]
    assert await contents(world) == before


async def test_a_dry_run_makes_no_key_either(world: World) -> None:
    change = client("jwt", ("#r", "*"))
    change["body"]["accessTokenFormat"] = "JWT_EDDSA"
    keys = "SELECT count(*) FROM keys"
    before = await world.rows(keys)
    assert (
        await send(world.admin, role("r", HELD, key="r"), change, query="?dryRun=true")
    ).status_code == 200
    assert await world.rows(keys) == before
    _, new = await made(world.admin, role("r", HELD, key="r"), change)
    token = await Member(world, new["id"], new["secret"]).log_in()
    assert token.count(".") == 2


async def test_a_list_warns_once_of_a_grant_that_is_being_retired(world: World) -> None:
    body = {"name": "page", "registeredRedirectUri": ["https://app.example/"]}
    page = {"operation": "postOauthClients", "body": {**body, "authorizedGrantType": "TOKEN"}}
    other = {**page, "body": {**body, "authorizedGrantType": "CODE"}}
    tried = await send(world.admin, other, page, page, query="?dryRun=true")
    answer = await send(world.admin, other, page, page)
    for each in (tried, answer):
        assert each.status_code == 200, each.text
        assert each.headers.get_list("warning") == [f'299 - "{IMPLICIT_RETIRES}"']
    assert (await log_of(world)).count(IMPLICIT_RETIRES) == 2
    there = {"id": answer.json()["changes"][0]["id"], "operation": "putOauthClient"}
    assert "warning" not in (await send(world.admin, {**other, **there})).headers
    assert "warning" in (await send(world.admin, {**page, **there})).headers
    gone = {**there, "operation": "deleteOauthClient"}
    assert "warning" not in (await send(world.admin, gone)).headers


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        (None, ["changes"]),
        ({}, ["changes"]),
        ([], ["changes"]),
        (["x"], ["changes"]),
        ([None], ["changes"]),
        ([division("a")] * 501, ["changes"]),
        ([{}], ["changes[0].operation"]),
        ([division("a"), {"operation": "getOauthClients"}], ["changes[1].operation"]),
        ([{"operation": "postUsers", "body": {}}], ["changes[0].operation"]),
        ([{"operation": "postGrantoryChanges", "body": {}}], ["changes[0].operation"]),
        ([{"operation": 7}, {"operation": "x", "key": 1}], ["changes[0].operation"]),
        ([{"operation": "postAuthorizationDivisions"}], ["changes[0].body"]),
        ([{**division("a"), "body": "x"}], ["changes[0].body"]),
        ([{**division("a"), "id": UNKNOWN}], ["changes[0].id"]),
        ([{"operation": "deleteAuthorizationRole"}], ["changes[0].id"]),
        ([{"operation": "deleteAuthorizationRole", "id": "a\x00"}], ["changes[0].id"]),
        ([{"operation": "deleteOauthClient", "id": "x", "body": {}}], ["changes[0].body"]),
        ([{"operation": "deleteOauthClient", "id": "x", "key": "y"}], ["changes[0].key"]),
        (
            [{"operation": "deleteAuthorizationRole", "id": "x", "modified": "2020-01-01T00:00Z"}],
            ["changes[0].modified"],
        ),
        ([{"operation": "deleteOauthClient", "id": "x", "modified": 7}], ["changes[0].modified"]),
        ([division("a", key="k"), division("b", key="k")], ["changes[1].key"]),
        ([division("a", key="")], ["changes[0].key"]),
        ([division("a", key="k" * 301)], ["changes[0].key"]),
        (
            [
                {"operation": "deleteOauthClient", "id": UNKNOWN},
                {"operation": "deleteOauthClient", "id": UNKNOWN.upper()},
            ],
            ["changes[1].id"],
        ),
        (
            [{"operation": "x"}, {"operation": "deleteAuthorizationRole"}],
            ["changes[0].operation", "changes[1].id"],
        ),
    ],
)
async def test_a_list_of_another_shape_is_refused(
    world: World, changes: Any, fields: list[str]
) -> None:
    answer = await world.admin.call("POST", CHANGES, {"changes": changes})
    assert answer.status_code == 400, answer.text
    found = [detail["fieldName"] for detail in answer.json()["details"]]
    assert found[: len(fields)] == fields
    assert (await world.admin.get(DIVISIONS))["total"] == 1


async def test_a_refusal_after_the_last_change_is_of_none_of_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, before = world.node.store, await contents(world)
    write = store.write

    async def refusing(work: Any) -> Any:
        def and_then(transaction: Any) -> Any:
            work(transaction)
            raise ApiError(409, "general.conflict", "There is no room for it.")

        return await write(and_then)

    monkeypatch.setattr(store, "write", refusing)
    answer = await send(world.admin, *WHOLE)
    monkeypatch.undo()
    error = refused(answer, 409, "general.conflict")
    assert error["message"] == "There is no room for it."
    assert await contents(world) == before


@ON_BOTH
async def test_every_change_leaves_its_event_with_the_id_of_the_one_call(world: World) -> None:
    answer = await send(world.admin, *WHOLE)
    correlation_id = answer.headers["ININ-Correlation-Id"]
    ids = [each["id"] for each in answer.json()["changes"]]
    assert len(set(ids)) == 3
    for entity_id, kind in zip(ids, ("Division", "Role", "OAuthClient"), strict=True):
        (event,) = await events(world, entity_id)
        assert (event.action, event.entity_type) == ("Create", kind)
        assert event.origin.correlation_id == correlation_id
        assert event.origin.actor.id == world.admin.client_id


async def test_no_secret_is_in_the_log_or_in_the_trail(world: World) -> None:
    found = await made(world.admin, *WHOLE, client("second", ("#role:Exporter", "*")))
    secrets = [each["secret"] for each in found[2:]]
    rows = [await world.rows(f"SELECT * FROM {table}") for table in ("audit_events", "clients")]
    kept = await log_of(world) + repr(rows)
    assert all(secret.startswith("gcs_") and secret not in kept for secret in secrets)


@ON_BOTH
async def test_two_lists_that_name_the_same_in_another_order_are_both_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each changes what the other one holds; neither waits for what the other one has in vain."""
    failed: list[Exception] = []
    if isinstance(world.node.store, PostgresStore):
        attempt = world.node.store._write_once

        async def watched(*given: Any) -> Any:
            try:
                return await attempt(*given)
            except Exception as error:
                failed.append(error)
                raise

        monkeypatch.setattr(world.node.store, "_write_once", watched)
    first, second = [await world.admin.make_role(HELD) for _ in range(2)]
    members = [await world.admin.make_client(first, second) for _ in range(2)]

    def listed(ids: list[str], roles: list[str], name: str) -> list[Change]:
        held = machine(name, *((each, "*") for each in roles))
        return [
            client(f"{name} new", *((each, "*") for each in roles)),
            *({"operation": "putOauthClient", "id": each, "body": held} for each in ids),
            {
                "operation": "putAuthorizationRole",
                "id": roles[0],
                "body": {**role(f"{name} role", HELD)["body"]},
            },
        ]

    ids, roles = [member.client_id for member in members], [first, second]
    for turn in range(5):
        answers = await asyncio.gather(
            send(world.admin, *listed(ids, roles, f"{turn} forwards")),
            send(world.admin, *listed(ids[::-1], roles[::-1], f"{turn} backwards")),
            world.admin.call("PUT", f"{CLIENTS}/{ids[1]}", machine("alone", (second, "*"))),
        )
        assert [answer.status_code for answer in answers] == [200] * 3, turn
    assert not failed


@ON_BOTH
async def test_of_two_lists_with_the_same_name_one_is_made(world: World) -> None:
    lists = [
        (role("one", key="a"), role("two", key="b"), client("c", ("#a", "*"))),
        (role("two", key="a"), role("one", key="b"), client("d", ("#a", "*"))),
    ]
    answers = await asyncio.gather(*(send(world.admin, *each) for each in lists))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (lost,) = [answer for answer in answers if answer.status_code == 409]
    assert lost.json()["details"][0]["fieldName"].endswith(".body.name")
    assert (await world.admin.get(f"{ROLES}?name=one"))["total"] == 1
    assert (await world.admin.get(f"{ROLES}?name=two"))["total"] == 1


@pytest.mark.parametrize("world", ["sqlite"], indirect=True)
@pytest.mark.parametrize("code", [apsw.FullError, apsw.IOError])
async def test_a_commit_that_fails_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, code: type[apsw.Error]
) -> None:
    before = await contents(world)
    writer = world.node.store._writer  # type: ignore[attr-defined]

    class Failing:
        """The connection, whose COMMIT fails and takes everything back."""

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def execute(self, sql: str, *values: Any) -> Any:
            if sql == "COMMIT":
                raise code("the disk")
            return real.execute(sql, *values)

    real = writer._connection
    monkeypatch.setattr(writer, "_connection", Failing())
    answer = await send(world.admin, *WHOLE)
    monkeypatch.undo()
    assert answer.status_code == 503
    assert "Change" not in answer.json()["message"]
    assert await contents(world) == before
    assert len(await made(world.admin, *WHOLE)) == 3
