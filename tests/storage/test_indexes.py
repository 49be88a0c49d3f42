"""Queries of lists that grow without end find what they need by an index."""

from pathlib import Path
from typing import Any

import apsw
import asyncpg

from grantory.storage.sql.access import COUNT_GRANTS_IN_DIVISION, GRANTS_IN_DIVISION
from grantory.storage.sql.refusals import COUNTERS, COUNTERS_OF, KEPT, KEPT_BY_CLIENT, NEWEST
from grantory.storage.sql.statement import Statement
from grantory.storage.sql.upkeep import REFUSAL_COUNTERS, REFUSALS
from grantory.storage.sqlite import schema
from tests.support.databases import fresh_postgres

ROWS = 20_000
_FEW = "'org ' || (n % 100)"
FILL = (
    "INSERT INTO grants (subject_id, role_id, division_id, organization_id, subject_kind, "
    f"granted_at) SELECT 's' || n, 'r', 'd' || (n / 100 % 100), {_FEW}, 'client', n FROM numbers",
    "INSERT INTO refusals (organization_id, at, correlation_id, client_id, error, reason, address)"
    f" SELECT {_FEW}, n, 'c' || n, 'i', 'e', 'r', 'a' FROM numbers",
    "INSERT INTO refusal_counters (organization_id, hour, client_id, reason, value)"
    f" SELECT {_FEW}, n, 'i', 'r', 1 FROM numbers",
)
NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers "
    f"WHERE n < {ROWS}) ",
    "postgresql": f"WITH numbers AS (SELECT generate_series(1, {ROWS}) AS n) ",
}
DIVISION = {"organization_id": "org 7", "division_id": "d3"}
PAGE = {"limit": 25, "offset": 0}
SPAN = {"begin": 19_900, "end": 20_000}
ORGANIZATION = {"organization_id": "org 7"}
BY = "ix_grants_organization_id_division_id_granted_at"
QUERIES: tuple[tuple[str, Statement, dict[str, Any], str], ...] = (
    ("grants in a division", GRANTS_IN_DIVISION, {**DIVISION, **PAGE}, BY),
    ("their number", COUNT_GRANTS_IN_DIVISION, DIVISION, BY),
    ("newest refusals", NEWEST, {**ORGANIZATION, "limit": 25}, "refusals"),
    ("refusals by client", KEPT_BY_CLIENT, {**ORGANIZATION, **SPAN}, "refusals"),
    ("refusals of a day", KEPT, SPAN, "ix_refusals_at"),
    ("counters of a day", COUNTERS, SPAN, "ix_refusal_counters_hour"),
    ("an organisation's", COUNTERS_OF, {**ORGANIZATION, **SPAN}, "refusal_counters"),
    ("old refusals", REFUSALS, {"before": 50, "limit": 500}, "ix_refusals_at"),
    ("old counters", REFUSAL_COUNTERS, {"before": 50, "limit": 500}, "ix_refusal_counters_hour"),
)


def test_sqlite_reads_by_index(tmp_path: Path) -> None:
    schema.upgrade(tmp_path / "grantory.db")
    connection = apsw.Connection(str(tmp_path / "grantory.db"))
    try:
        for fill in FILL:  # without ANALYZE, as a store in use is
            connection.execute(NUMBERS["sqlite"] + fill)
        for name, statement, params, index in QUERIES:
            sql, values = statement.for_sqlite(params)
            plan = [str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
            assert index in plan[-1] + plan[0], f"{name}: {plan}"
            assert not any(line.startswith("SCAN") for line in plan), f"{name}: {plan}"
    finally:
        connection.close()


async def test_postgresql_reads_by_index() -> None:
    with fresh_postgres() as url:
        connection = await asyncpg.connect(url)
        try:
            for fill in FILL:
                await connection.execute(NUMBERS["postgresql"] + fill)
            await connection.execute("ANALYZE grants, refusals, refusal_counters")
            for name, statement, params, index in QUERIES:
                sql, values = statement.for_postgres(params)
                rows = await connection.fetch(f"EXPLAIN {sql}", *values)
                plan = "\n".join(row[0] for row in rows)
                assert index in plan, f"{name}: {plan}"
                assert "Seq Scan" not in plan, f"{name}: {plan}"
        finally:
            await connection.close()
