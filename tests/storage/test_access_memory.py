"""What the memory of roles, divisions and rights rests on."""

import importlib
import pkgutil
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import apsw
import msgspec
import pytest
from sqlalchemy import Delete, Insert, Table, Update

import grantory.storage.sql
from grantory.domain.access import Rights, Role
from grantory.errors import StorageUnavailable
from grantory.storage.sql.access import SqlAccess
from grantory.storage.sql.access_memory import MOST, AccessMemory, RememberingAccess
from grantory.storage.sql.foreseen import NotingAccess
from grantory.storage.sql.statement import Statement
from grantory.storage.sql.transaction import SqlTransaction
from grantory.storage.sqlite import schema
from tests.support.entities import ORG, a_role
from tests.support.traced_writer import Traced, batch_with

REMEMBERED = {"roles", "role_policies", "divisions", "grants"}


def test_nobody_else_changes_the_tables_that_it_remembers() -> None:
    writers = set()
    for found in pkgutil.iter_modules(grantory.storage.sql.__path__, "grantory.storage.sql."):
        for value in vars(importlib.import_module(found.name)).values():
            if not isinstance(value, Statement):
                continue
            changes = value._core
            if not isinstance(changes, Insert | Update | Delete):
                continue
            if isinstance(changes.table, Table) and changes.table.name in REMEMBERED:
                writers.add(found.name)
    assert writers == {"grantory.storage.sql.access"}


@pytest.mark.parametrize("kind", [RememberingAccess, NotingAccess])
def test_whatever_changes_what_may_be_known_is_noticed(kind: type[SqlAccess]) -> None:
    """What is added was not there before, and absence is not remembered; but what holds it again
    in the same change must not remember it, since that may be undone."""
    changing = {
        name for name in vars(SqlAccess) if name.startswith(("replace_", "delete_", "set_"))
    }
    assert {"replace_role", "delete_role", "delete_division", "set_grants"} <= changing
    assert changing <= vars(kind).keys()


def test_it_is_bounded() -> None:
    memory = AccessMemory()
    for number in range(2 * MOST):
        memory.rights.remember((ORG, str(number)), Rights(()))
    assert len(memory.rights) == MOST
    large = a_role(1, permissions=tuple(f"a:b:c{number}" for number in range(20 * MOST)))
    memory.roles.remember((ORG, large.id), large)
    assert not memory.roles


@pytest.fixture
async def traced(tmp_path: Path) -> AsyncIterator[Traced]:
    path = tmp_path / "grantory.db"
    schema.upgrade(path)
    made = Traced(path, batch_seconds=60)
    yield made
    made.writer.close()


async def test_what_a_lost_batch_had_written_is_not_remembered(traced: Traced) -> None:
    role = a_role(1)
    narrowed = msgspec.structs.replace(role, policies=(), version=2)

    def hold(t: SqlTransaction) -> Role | None:
        return t.access.hold_role(ORG, role.id)

    runs: list[Role | None] = []

    def fail_when_run_again(t: SqlTransaction) -> None:
        runs.append(hold(t))
        if len(runs) > 1:
            raise ValueError("as one that finds something else then")
        t.access.replace_role(narrowed)

    def lose(t: SqlTransaction) -> None:
        assert hold(t) == narrowed
        traced.connection.execute("ROLLBACK")
        raise apsw.FullError("database or disk is full")

    await traced.write(lambda t: t.access.add_role(role))
    results = await batch_with(traced, fail_when_run_again, hold, lose, hold)
    assert isinstance(results[0], ValueError)
    assert isinstance(results[2], StorageUnavailable | AssertionError)
    assert runs == [role, role]
    assert [results[1], results[3]] == [role, role]
    assert await traced.write(hold) == role


async def test_a_look_that_fails_leaves_no_lock(
    traced: Traced, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_version: object) -> None:
        raise apsw.IOError("disk")

    monkeypatch.setattr(traced.writer._memory, "begin", fail)
    with pytest.raises(StorageUnavailable):
        await traced.write(lambda t: t.access.add_role(a_role(1)))
    monkeypatch.undo()
    with closing(apsw.Connection(traced.connection.filename)) as other:
        other.execute("BEGIN IMMEDIATE; ROLLBACK")
    await traced.write(lambda t: t.access.add_role(a_role(1)))


async def test_what_is_held_is_not_asked_for_again(traced: Traced) -> None:
    role = a_role(1)
    await traced.write(lambda t: t.access.add_role(role))
    await traced.write(lambda t: t.access.hold_role(ORG, role.id))
    traced.said.clear()
    assert await traced.write(lambda t: t.access.hold_role(ORG, role.id)) == role
    assert "SELECT" not in traced.said
