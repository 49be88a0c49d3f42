"""Changes that were made up beforehand (``storage/sql/foreseen.py``), in one statement each."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

from grantory.storage.postgres.executor import AnyConnection, named, numbered_on
from grantory.storage.sql.foreseen import Assumed, ForeseeingAccess, KnownAccess, NotForeseen
from grantory.storage.sql.statement import ChangeLog, Row, SqlExecutor, Statement
from grantory.storage.sql.transaction import SqlTransaction

T = TypeVar("T")
_LOCK: Final = "pg_advisory_xact_lock_shared(hashtextextended(v.id, 0))::text IS NOT NULL"
"""As in ``storage/sql/fair_lock.py``."""
# Rows are locked one by one in the order in which they are named, divisions first, as every change
# locks them. A row that others have changed while its lock was waited for is looked at anew, and is
# not counted then. Contents that stand elsewhere, as the policies of a role, go by its version.
_GUARD: Final = f"""
d AS (SELECT count(*) AS n FROM
  unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[])
    AS w (id, organization_id, name, description, home)
  JOIN LATERAL (SELECT 1 FROM divisions v
    WHERE v.id = w.id AND v.organization_id = w.organization_id AND v.deleted_at IS NULL
      AND v.name = w.name AND v.description IS NOT DISTINCT FROM w.description AND v.home = w.home
      AND {_LOCK} FOR SHARE) x ON true),
r AS (SELECT count(*) AS n FROM d CROSS JOIN
  unnest($6::text[], $7::text[], $8::int[], $9::bigint[])
    AS w (id, organization_id, version, modified_at)
  JOIN LATERAL (SELECT 1 FROM roles v
    WHERE v.id = w.id AND v.organization_id = w.organization_id AND v.version = w.version
      AND v.modified_at = w.modified_at AND d.n = cardinality($1) AND {_LOCK} FOR SHARE) x ON true),
g AS (SELECT count(*) AS n FROM unnest($10::text[], $11::text[], $12::text[])
    AS w (subject_id, role_id, division_id)
  JOIN grants v ON v.subject_id = w.subject_id AND v.role_id = w.role_id
    AND v.division_id = w.division_id),
a AS (SELECT count(*) AS n FROM grants v WHERE v.subject_id = ANY ($13::text[])),
ok AS (SELECT 1 FROM d, r, g, a WHERE d.n = cardinality($1) AND r.n = cardinality($6)
  AND g.n = cardinality($10) AND a.n = cardinality($10))
"""  # noqa: S608 - nothing in it comes from outside
_NOTHING_ADDED: Final = "INSERT 0 0"
_INSERT: Final = re.compile(r"(INSERT INTO .*\)) VALUES \((.*)\)", re.DOTALL)


class _Additions:
    """Implements ``SqlExecutor`` for rows that are added, at most one to each table."""

    def __init__(self) -> None:
        self.added: dict[str, tuple[Any, ...]] = {}

    def all(self, statement: Statement, **params: Any) -> list[Row]:
        raise NotForeseen(statement, params)

    def one(self, statement: Statement, **params: Any) -> Row | None:
        raise NotForeseen(statement, params)

    def run(self, statement: Statement, **params: Any) -> int:
        raise NotForeseen(statement, params)

    def aside(self, work: Callable[[], T]) -> T:
        raise NotForeseen(work)

    def add(self, statement: Statement, **params: Any) -> None:
        sql, values = statement.for_postgres(params)
        if sql in self.added:
            raise NotForeseen
        self.added[sql] = values

    def settle(self) -> None:
        """Does nothing: what was added is taken from here."""


class Foreseen(NamedTuple):
    """A change that was made up.

    Args:
        result: what it comes to, if all that was assumed is so.
        sql: the statement that looks and adds.
        values: its parameters.
    """

    result: Any
    sql: str
    values: list[Any]

    async def make(self, connection: AnyConnection) -> bool:
        """Makes the change in a transaction, and tells whether all that was assumed is so."""
        status: str = await connection.execute(self.sql, *self.values)
        return status != _NOTHING_ADDED


def foresee(
    work: Callable[[SqlTransaction], Any], known: KnownAccess, now_ms: int
) -> Foreseen | None:
    """Makes a change up.

    Args:
        work: the change.
        known: what it may be made up from.
        now_ms: the time in milliseconds since 1970.

    Returns:
        The change; None for one that must ask, adds nothing, or fails by what is known.
    """
    if known.is_empty:
        return None
    sql = _Additions()
    made: list[ForeseeingAccess] = []

    def access(sql: SqlExecutor, log: ChangeLog) -> ForeseeingAccess:
        made.append(ForeseeingAccess(sql, log, known))
        return made[0]

    transaction = SqlTransaction(sql, access)
    try:
        result = work(transaction)
        transaction.finish(now_ms)
    except Exception:  # what is refused is refused by what is so, not by what was
        return None
    if not sql.added:
        return None
    values = _values(made[0].assumed)
    for some in sql.added.values():
        values.extend(some)
    return Foreseen(result, _guarded(tuple(sql.added)), values)


def _values(assumed: Assumed) -> list[Any]:
    divisions = [assumed.divisions[key] for key in sorted(assumed.divisions)]
    roles = [assumed.roles[key] for key in sorted(assumed.roles)]
    grants = [(key, each) for key, held in assumed.grants.items() for each in held]
    return [
        [division.id for division in divisions],
        [division.organization_id for division in divisions],
        [division.name for division in divisions],
        [division.description for division in divisions],
        [int(division.home) for division in divisions],
        [role.id for role in roles],
        [role.organization_id for role in roles],
        [role.version for role in roles],
        [role.modified_at for role in roles],
        [subject_id for subject_id, _ in grants],
        [assignment.role_id for _, assignment in grants],
        [assignment.division_id for _, assignment in grants],
        list(assumed.grants),
    ]


@lru_cache(maxsize=64)
def _guarded(inserts: tuple[str, ...]) -> str:
    """Makes one statement of inserts that are done only where the guard says so."""
    selects = tuple(_INSERT.sub(r"\1 SELECT \2 FROM ok", sql) for sql in inserts)
    guard, *earlier, last = numbered_on((_GUARD, *selects))
    return f"WITH {', '.join([guard, *([named(earlier)] if earlier else [])])} {last}"
