"""Running statements on a PostgreSQL connection from plain, waiting-free functions."""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from sqlalchemy.util import await_only

from grantory.errors import StorageUnavailable
from grantory.storage.sql.statement import Row, Statement

T = TypeVar("T")
_PARAMETER: Final = re.compile(r"\$(\d+)")

AnyConnection: TypeAlias = asyncpg.Connection | PoolConnectionProxy


class AsyncpgExecutor:
    """Implements ``SqlExecutor``; to be used inside ``sqlalchemy.util.greenlet_spawn`` only.

    The work that the registry gives a store is a plain function; the greenlet lets its
    statements wait for the network without a thread. Inserts wait for each other and go in one
    statement: on a busy server each way to the database and back costs a turn of the event loop.

    Args:
        connection: where.
        seconds: for one statement; None for what the connection was opened with.
        until: no statement is begun after this moment of the event loop's clock.
    """

    def __init__(
        self,
        connection: AnyConnection,
        seconds: float | None = None,
        until: float = float("inf"),
    ) -> None:
        self.connection = connection
        self._seconds = seconds
        self._until = until
        self._waiting: list[tuple[str, tuple[Any, ...]]] = []

    def all(self, statement: Statement, **params: Any) -> list[Row]:
        """Runs a query and returns its rows."""
        self.settle()
        self._require_time()
        sql, values = statement.for_postgres(params)
        rows: list[Row] = await_only(self.connection.fetch(sql, *values, timeout=self._seconds))
        return rows

    def one(self, statement: Statement, **params: Any) -> Row | None:
        """Runs a query and returns its first row."""
        rows = self.all(statement, **params)
        return rows[0] if rows else None

    def run(self, statement: Statement, **params: Any) -> int:
        """Runs a change and returns the number of rows it touched."""
        self.settle()
        return self._execute(*statement.for_postgres(params))

    def add(self, statement: Statement, **params: Any) -> None:
        """Keeps an insert, to be run with others of other kinds.

        Rows of one kind get their numbers in order, which one statement would not promise.
        """
        sql, values = statement.for_postgres(params)
        if any(sql == other for other, _ in self._waiting):
            self.settle()
        self._waiting.append((sql, values))

    def settle(self) -> None:
        """Runs the inserts that wait, in one statement."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            sql = joined(tuple(sql for sql, _ in waiting))
            self._execute(sql, [value for _, values in waiting for value in values])

    def _execute(self, sql: str, values: Sequence[Any]) -> int:
        self._require_time()
        status: str = await_only(self.connection.execute(sql, *values, timeout=self._seconds))
        return int(status.rpartition(" ")[2])

    def each(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Runs a change with each of several sets of parameters, on one way to the database."""
        if not rows:
            return
        self.settle()
        self._require_time()
        bound = [statement.for_postgres(params) for params in rows]
        sql, values = bound[0][0], [each[1] for each in bound]
        await_only(self.connection.executemany(sql, values, timeout=self._seconds))

    def aside(self, work: Callable[[], T]) -> T:
        """Runs a computation on another thread."""
        result: T = await_only(asyncio.to_thread(work))
        return result

    def _require_time(self) -> None:
        if asyncio.get_running_loop().time() >= self._until:
            raise StorageUnavailable("PostgreSQL answers too slowly")


@lru_cache(maxsize=256)
def joined(inserts: tuple[str, ...]) -> str:
    """Makes one statement of several inserts, whose parameters are numbered on.

    Args:
        inserts: SQL without ``WITH`` and ``RETURNING``; foreign keys between their rows are
            looked at after the last of them.
    """
    *earlier, last = numbered_on(inserts)
    if not earlier:
        return last
    return f"WITH {named(earlier)} {last}"


def named(parts: Sequence[str]) -> str:
    """Makes parts of a ``WITH`` of statements."""
    return ", ".join(f"i{place} AS ({sql})" for place, sql in enumerate(parts))


def numbered_on(statements: Sequence[str]) -> list[str]:
    """Numbers the parameters of each statement on from those before it."""
    found: list[str] = []
    passed = 0
    for sql in statements:
        by = passed
        for number in map(int, _PARAMETER.findall(sql)):
            passed = max(passed, by + number)
        found.append(_renumbered(sql, by))
    return found


def _renumbered(sql: str, by: int) -> str:
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", sql)
