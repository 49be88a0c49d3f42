"""Attack case 73 for every operation: what a request may not set changes nothing.

Two servers do the same things, one of them with everything in the bodies that is not to be taken:
afterwards answers, lists and the rows of the store must be alike. The cases are drawn from the
operations' own declarations, the fields from docs/compatibility/models.md.
"""

import json
import re
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from grantory.http.api_v2.schemas import PLATFORM_NAMES
from grantory.http.json_body import ListBody
from grantory.http.operation import Operation
from grantory.storage.sql.tables import metadata
from tests.security.answers import refused
from tests.security.tenants import ALWAYS_REFUSED, OPERATIONS, Tenant, contents
from tests.security.test_mass_assignment import OTHER, SYSTEM_MADE
from tests.support.compatibility_record import told_models
from tests.support.soak import databases, rounds
from tests.support.world import World, new_world

CHANGES = [operation for operation in OPERATIONS if operation.method not in ("GET", "HEAD")]
VALUES: tuple[Any, ...] = ("taken", 99, True, {"id": OTHER}, [{"roleId": OTHER}])
LIKELY = -1
TURNS = (LIKELY, *range(rounds(1, len(VALUES))))
"""At first each field holds what is likely to be taken, then one of the values, in turn."""
UNALIKE = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|g[a-z]{2}_\w+|\$argon2[^\"]*"
)
"""Ids, secrets and digests."""
RANDOM = {"key_id", "correlation_id", "number"}
"""Columns that are not alike in any two stores."""


def ignored(operation: Operation) -> set[str]:
    """The fields that the operation's body has, or may come with, and that are not taken."""
    body = operation.body
    if body is None or issubclass(body, ListBody):
        return set(SYSTEM_MADE)
    told = told_models()[PLATFORM_NAMES.get(body.__name__, body.__name__)]
    named = {field for field, what in told.items() if what == "ignored"}
    return (set(SYSTEM_MADE) | named) - {f.encode_name for f in msgspec.structs.fields(body)}


def loaded(operation: Operation, body: Any, turn: int) -> Any:
    """A body with everything in it that is not to be taken."""
    if isinstance(body, list):
        return body
    extra = {
        name: SYSTEM_MADE.get(name, "taken")
        if turn == LIKELY
        else VALUES[(at + turn) % len(VALUES)]
        for at, name in enumerate(sorted(ignored(operation)))
    }
    return {**extra, **(body or {})}


def alike(told: Any) -> Any:
    """What is told, with ids by the order in which they come, and without random texts."""
    seen: dict[str, str] = {}

    def name(match: re.Match[str]) -> str:
        return seen.setdefault(match[0], f"#{len(seen)}")

    return json.loads(UNALIKE.sub(name, json.dumps(told)))


def without_context(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {name: value for name, value in answer.items() if name != "contextId"}
    return answer


async def stored(world: World) -> dict[str, Counter[str]]:
    """Every row of the store, without what is random in it."""
    found = {}
    for name, table in metadata.tables.items():
        columns = [column.name for column in table.columns if column.name not in RANDOM]
        listed = ", ".join(f'"{column}"' for column in columns)
        rows = await world.rows(f'SELECT {listed} FROM "{name}"')
        found[name] = Counter(
            UNALIKE.sub("#", repr(["bytes" if isinstance(v, bytes) else v for v in row]))
            for row in rows
        )
    return found


async def done(world: World, turn: int | None) -> list[Any]:
    """Every change there is, one after another; what was answered and what there is then."""
    told: list[Any] = []
    for operation in CHANGES:
        world.clock.advance(1)  # so that lists by age are in the same order everywhere
        tenant = Tenant(world, world.admin)
        path, body = await tenant.path(operation), await tenant.body(operation)
        caller = await tenant.caller(operation)
        sent = body if turn is None else loaded(operation, body, turn)
        answer = await caller.call(operation.method, path, sent)
        if operation.id in ALWAYS_REFUSED:
            refused(answer, 400, "bad.request")
        else:
            assert answer.status_code == operation.status, (operation.id, answer.text)
        text = answer.json() if answer.content else None
        assert OTHER not in answer.text
        told.append((operation.id, alike(without_context(text))))
        await tenant.caller(CHANGES[0])
    for listed in await contents(world.admin):
        entities = listed.pop("entities", [])
        told.append(sorted(UNALIKE.sub("#", json.dumps(entity)) for entity in entities))
        told.append(alike(listed))
    return told


def test_case_73_what_is_ignored_is_told_of_every_body() -> None:
    taken = {operation.body for operation in CHANGES if operation.body is not None}
    assert len(taken) > 10
    for operation in CHANGES:
        assert {"id", "organizationId", "createdBy", "secret"} <= ignored(operation)


@pytest.mark.parametrize("database", databases())
async def test_case_73_no_operation_takes_what_a_request_may_not_set(
    tmp_path: Path, database: str
) -> None:
    on_postgres = database == "postgresql"
    expected: list[Any] = []
    rows: dict[str, Counter[str]] = {}
    for turn in (None, *TURNS):
        async with AsyncExitStack() as stack:
            folder = tmp_path / str(turn)
            world = await stack.enter_async_context(new_world(folder, on_postgres=on_postgres))
            told = await done(world, turn)
            there = await stored(world)
        if turn is None:
            expected, rows = told, there
        for was, now in zip(expected, told, strict=True):
            assert now == was, turn
        for name, counted in rows.items():
            assert there[name] == counted, (name, turn)


async def test_case_73_a_list_takes_no_object(world: World) -> None:
    listed = [o for o in CHANGES if o.body is not None and issubclass(o.body, ListBody)]
    assert listed
    for operation in listed:
        path = await Tenant(world, world.admin).path(operation)
        objects: list[Any] = [SYSTEM_MADE, {"body": []}, {"roleIds": [OTHER]}]
        for body in objects:
            refused(await world.admin.call(operation.method, path, body), 400, "bad.request")
