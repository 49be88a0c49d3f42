"""Changes that were made up beforehand (``storage/sql/foreseen.py``), in one statement each."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeVar

from grantory.storage.postgres.executor import AnyConnection, named, numbered_on
from grantory.storage.sql.foreseen import Assumed, ForeseeingAccess, KnownAccess, NotForeseen
from grantory.storage.sql.statement import ChangeLog, Row, SqlExecutor, Statement
from grantory.storage.sql.transaction import SqlTransaction

T = TypeVar("T")
_LOCK: Final = "pg_advisory_xact_lock_shared(hashtextextended(v.id, 0))::text IS NOT NULL"
"""As in ``storage/sql/fair_lock.py``."""
_DIVISION: Final = "id text, organization_id text, name text, description text, home int"
_ROLE: Final = "id text, organization_id text, version int, modified_at bigint"
_GRANT: Final = "subject_id text, role_id text, division_id text"
_NONE: Final = "SELECT 0 AS n"
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

    def each(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        raise NotForeseen(statement, rows)

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
        if not sql.added:
            return None
        sizes, values = _assumed(made[0].assumed)
        guarded = _guarded(sizes, tuple(sql.added))
    except Exception:  # what is refused is refused by what is so, not by what was
        return None
    for some in sql.added.values():
        values.extend(some)
    return Foreseen(result, guarded, values)


def _assumed(assumed: Assumed) -> tuple[tuple[int, int, int, int], list[Any]]:
    """Lists the parameters of a guard, and of how many divisions, roles, grants and subjects."""
    values: list[Any] = []
    for _, division in sorted(assumed.divisions.items()):
        values += (division.id, division.organization_id, division.name, division.description)
        values.append(int(division.home))
    for _, role in sorted(assumed.roles.items()):
        values += (role.id, role.organization_id, role.version, role.modified_at)
    grants = 0
    for subject_id, held in assumed.grants.items():
        grants += len(held)
        for assignment in held:
            values += (subject_id, assignment.role_id, assignment.division_id)
    values += assumed.grants
    return (len(assumed.divisions), len(assumed.roles), grants, len(assumed.grants)), values


@lru_cache(maxsize=64)
def _guarded(sizes: tuple[int, int, int, int], inserts: tuple[str, ...]) -> str:
    """Makes one statement of inserts that are done only where the guard says so."""
    selects = [_guarded_insert(sql) for sql in inserts]
    guard, *earlier, last = numbered_on([_guard(*sizes), *selects])
    return f"WITH {', '.join([guard, *([named(earlier)] if earlier else [])])} {last}"


def _guarded_insert(sql: str) -> str:
    """Makes an insert that is done only where ``ok`` has a row.

    Raises:
        NotForeseen: for SQL of another form, which must not run without its guard.
    """
    guarded, count = _INSERT.subn(r"\1 SELECT \2 FROM ok", sql)
    if count != 1:
        raise NotForeseen(sql)
    return guarded


def _guard(divisions: int, roles: int, grants: int, subjects: int) -> str:
    """Makes the parts of a ``WITH`` of which ``ok`` has a row where all is as it was assumed.

    Rows are locked one by one in the order in which they are named, divisions first, as every
    change locks them. A row that others have changed while its lock was waited for is looked at
    anew by the database, and is not counted then. What is named is written out, as with lists the
    database would make a plan anew each time: it cannot tell beforehand how long they are.
    """
    d = r = g = a = _NONE
    after, named_divisions = _rows(1, _DIVISION, divisions)
    after, named_roles = _rows(after, _ROLE, roles)
    after, named_grants = _rows(after, _GRANT, grants)
    if divisions:
        d = f"""SELECT count(*) AS n FROM {named_divisions} JOIN LATERAL (SELECT 1 FROM divisions v
            WHERE v.id = w.id AND v.organization_id = w.organization_id AND v.deleted_at IS NULL
            AND v.name = w.name AND v.description IS NOT DISTINCT FROM w.description
            AND v.home = w.home AND {_LOCK} FOR SHARE) x ON true"""  # noqa: S608 - of our own
    if roles:
        r = f"""SELECT count(*) AS n FROM d CROSS JOIN {named_roles} JOIN LATERAL
            (SELECT 1 FROM roles v WHERE d.n = {divisions} AND v.id = w.id
            AND v.organization_id = w.organization_id AND v.version = w.version
            AND v.modified_at = w.modified_at AND {_LOCK} FOR SHARE) x ON true"""  # noqa: S608
    if grants:
        g = f"""SELECT count(*) AS n FROM r CROSS JOIN {named_grants} JOIN LATERAL
            (SELECT 1 FROM grants v WHERE r.n = {roles} AND v.subject_id = w.subject_id
            AND v.role_id = w.role_id AND v.division_id = w.division_id
            FOR SHARE) x ON true"""  # noqa: S608
    if subjects:
        listed = ", ".join(f"${after + place}" for place in range(subjects))
        a = f"SELECT count(*) AS n FROM grants v WHERE v.subject_id IN ({listed})"  # noqa: S608
    return f"""d AS ({d}), r AS ({r}), g AS ({g}), a AS ({a}), ok AS (SELECT 1 FROM d, r, g, a
        WHERE d.n = {divisions} AND r.n = {roles} AND g.n = {grants} AND a.n = {grants})"""  # noqa: S608


def _rows(first: int, columns: str, count: int) -> tuple[int, str]:
    """Writes rows of parameters as a table; returns the number after theirs besides."""
    names, types = zip(*(column.split(" ") for column in columns.split(", ")), strict=True)
    width = len(names)
    rows = ", ".join(
        f"({', '.join(f'${first + row * width + n}::{kind}' for n, kind in enumerate(types))})"
        for row in range(count)
    )
    return first + count * width, f"(VALUES {rows}) AS w ({', '.join(names)})"
