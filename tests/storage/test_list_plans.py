"""A long list is never gone through: its queries find what they need by an index."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import apsw
import asyncpg

from grantory.crypto.runtime import SystemClock
from grantory.ports.client_lists import ClientSort, Place
from grantory.registry.list_keeper import ListKeeper
from grantory.storage.database import find_database
from grantory.storage.sql import list_statements as sql_of
from grantory.storage.sql.client_lists import padded
from grantory.storage.sql.clients import OF_IDS
from grantory.storage.sql.statement import Statement
from tests.support.databases import fresh_postgres
from tests.support.entities import ORG, a_client

COUNT: Final = 3_000
BY: Final = {
    ClientSort.NAME: "ix_list_entries_list_id_name_key_client_id",
    ClientSort.CREATED: "ix_list_entries_list_id_created_at_client_id",
    ClientSort.MODIFIED: "ix_list_entries_list_id_modified_at_client_id",
    ClientSort.ID: "list_entries",
}
"""The last by the primary key, whose index SQLite names itself."""


def queries() -> list[tuple[Statement, dict[str, Any], str]]:
    """Each of the queries that a page takes, and a part of the index's name."""
    found: list[tuple[Statement, dict[str, Any], str]] = []
    ids = {f"id_{n}": a_client(n + 1).id for n in range(100)}
    for sort, index in BY.items():
        at: str | int = a_client(1_500).id if sort is ClientSort.ID else 1_500
        place = Place("name 1500" if sort is ClientSort.NAME else at, a_client(1_500).id)
        values = {"list_id": 1, "limit": 25, **sql_of.place_values(sort, place)}
        for of_type in (False, True):
            statement = sql_of.rows_from(sort, placed=True, of_type=of_type, in_state=False)
            kind = {"grant_type": "password", "within": 500} if of_type else {}
            found.append((statement, {**values, **kind, "offset": 7}, index))
        found.append((sql_of.kinds_from(sort, placed=True), values, index))
        for down in (False, True):
            after = sql_of.entries_after(sort, descending=down, placed=True)
            found.append((after, values, index))
    keys = padded([a_client(n).id for n in range(250)])
    slots = padded(range(250))
    return [
        *found,
        (sql_of.LIST, {"organization_id": ORG}, "client_lists_"),
        (
            sql_of.MARKS,
            {"organization_id": ORG, "after": 7, "upto": 9, "limit": 9},
            "ix_client_marks_organization_id_id",
        ),
        (
            sql_of.MADE_LATER,
            {"organization_id": ORG, "at": 7, "id_": "", "offset": 99},
            "ix_clients_listing",
        ),
        (
            sql_of.MARK_SOME,
            {"organization_id": ORG, "at": 7, "id_": "", "to_at": 200, "to_id": ""},
            "ix_clients_listing",
        ),
        (sql_of.NEXT_MARKED, {"after": ORG}, "ix_client_marks_organization_id_id"),
        (sql_of.clients_of(250), keys, "clients"),
        (sql_of.entries_of(250), {"list_id": 1, **keys}, "list_entries"),
        (sql_of.ENTRIES_OF_SLOTS, {"list_id": 1, **slots}, "ix_list_entries_list_id_slot"),
        (
            sql_of.ENTRIES_BETWEEN_SLOTS,
            {"list_id": 1, "begin": 2_990, "end": 3_000, "part": "99", "limit": 9},
            "ix_list_entries_list_id_slot",
        ),
        (
            sql_of.NUMBERED,
            {"list_id": 1, "number": 2_000, "limit": 25},
            "ix_list_entries_list_id_number",
        ),
        (sql_of.SPANS, {"list_id": 1, "sort": "name"}, "list_spans"),
        (sql_of.GRAMS, {"list_id": 1, "gram": "150"}, "name_grams"),
        (OF_IDS, ids, "clients"),
    ]


async def filled(url: str) -> None:
    """Fill a store."""
    clock = SystemClock()
    database = find_database(url, Path("unused"))
    await database.upgrade()
    store = await database.open(clock)
    try:
        clients = [
            a_client(n, name=f"name {n}", created_at=n, modified_at=n) for n in range(1, COUNT + 1)
        ]
        await store.write(lambda t: t.clients.add_many(clients, []))
        await ListKeeper(store, clock).finish()
    finally:
        await store.close()


async def check(url: str, explain: Callable[[Statement, dict[str, Any]], Awaitable[str]]) -> None:
    """Fill a store, and look at the plan of each query."""
    await filled(url)
    for statement, values, index in queries():
        plan = await explain(statement, values)
        assert index in plan, plan
        assert "SCAN" not in plan.replace("SCAN anon_1", "of what was cut off"), plan
        assert "Seq Scan" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan


async def test_sqlite_reads_lists_by_index(tmp_path: Path) -> None:
    file = tmp_path / "grantory.db"

    async def explain(statement: Statement, values: dict[str, Any]) -> str:
        sql, given = statement.for_sqlite(values)
        connection = apsw.Connection(str(file))
        try:
            rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", given).fetchall()
        finally:
            connection.close()
        return "\n".join(str(row[3]) for row in rows)

    await check(f"sqlite:///{file}", explain)


async def test_postgresql_reads_lists_by_index() -> None:
    with fresh_postgres() as url:

        async def explain(statement: Statement, values: dict[str, Any]) -> str:
            sql, given = statement.for_postgres(values)
            connection = await asyncpg.connect(url)
            try:
                await connection.execute("ANALYZE")
                # A small table is faster read from its beginning; what counts is that it need not.
                await connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
                rows = await connection.fetch(f"EXPLAIN {sql}", *given)
            finally:
                await connection.close()
            return "\n".join(row[0] for row in rows)

        await check(url, explain)


async def test_postgresql_needs_no_statistics_to_look_up_keys() -> None:
    """It has none after an upgrade, and those of many small lists mislead it about a large one."""
    ids, slots = padded([a_client(n).id for n in range(250)]), padded(range(250))
    with fresh_postgres() as url:
        await filled(url)
        connection = await asyncpg.connect(url)
        try:
            for statement, keys, index in (
                (sql_of.entries_of(250), ids, "pk_list_entries"),
                (sql_of.ENTRIES_OF_SLOTS, slots, "ix_list_entries_list_id_slot"),
                (sql_of.DROP_ENTRIES, ids, "pk_list_entries"),
            ):
                sql, given = statement.for_postgres({"list_id": 1, **keys})
                rows = await connection.fetch(f"EXPLAIN {sql}", *given)
                plan = "\n".join(row[0] for row in rows)
                assert index in plan, plan
                assert "Seq Scan" not in plan, plan
                assert "Filter: (client_id" not in plan, plan
        finally:
            await connection.close()
