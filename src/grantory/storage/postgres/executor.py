"""Running statements on a PostgreSQL connection from plain, waiting-free functions."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from sqlalchemy.util import await_only

from grantory.errors import StorageUnavailable
from grantory.storage.sql.statement import Row, Statement

T = TypeVar("T")
AnyConnection: TypeAlias = asyncpg.Connection | PoolConnectionProxy


class AsyncpgExecutor:
    """Implements ``SqlExecutor``; to be used inside ``sqlalchemy.util.greenlet_spawn`` only.

    The work that the registry gives a store is a plain function; the greenlet lets its
    statements wait for the network without a thread.

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

    def all(self, statement: Statement, **params: Any) -> list[Row]:
        """Runs a query and returns its rows."""
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
        self._require_time()
        sql, values = statement.for_postgres(params)
        status: str = await_only(self.connection.execute(sql, *values, timeout=self._seconds))
        return int(status.rpartition(" ")[2])

    def aside(self, work: Callable[[], T]) -> T:
        """Runs a computation on another thread."""
        result: T = await_only(asyncio.to_thread(work))
        return result

    def _require_time(self) -> None:
        if asyncio.get_running_loop().time() >= self._until:
            raise StorageUnavailable("PostgreSQL answers too slowly")
