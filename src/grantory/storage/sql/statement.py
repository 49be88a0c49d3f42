"""A statement written once in SQLAlchemy Core and compiled once for each database."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, Protocol, TypeVar

from sqlalchemy import Dialect
from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ClauseElement

Row = tuple[Any, ...]
T = TypeVar("T")
_InOrder = Callable[[Mapping[str, Any]], tuple[Any, ...]]


class Statement:
    """SQL for each driver, and the values of its constants; compiled at its first use.

    Args:
        core: a Core select, insert, update or delete whose parameters are named
            ``bindparam``; no expanding lists, no column type that needs converting.
        ending: words that all databases share and Core writes for one dialect alone.
        on_postgres: the same for PostgreSQL, where that needs another form to be fast.
    """

    __slots__ = ("_core", "_ending", "_on_postgres", "_postgres", "_sqlite")

    def __init__(
        self, core: ClauseElement, ending: str = "", *, on_postgres: ClauseElement | None = None
    ) -> None:
        self._core = core
        self._on_postgres = core if on_postgres is None else on_postgres
        self._ending = ending
        self._sqlite: tuple[str, dict[str, Any]] | None = None
        self._postgres: tuple[str, _InOrder, dict[str, Any]] | None = None

    def for_sqlite(self, params: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Returns the SQL with named parameters, and their values."""
        if self._sqlite is None:
            compiled = self._core.compile(dialect=sqlite.dialect(paramstyle="named"))
            self._sqlite = str(compiled) + self._ending, _constants(compiled.params)
        sql, constants = self._sqlite
        return sql, {**constants, **params} if constants else params

    def for_postgres(self, params: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
        """Returns the SQL with numbered parameters, and their values in that order."""
        if self._postgres is None:
            compiled = self._on_postgres.compile(dialect=_postgres_dialect())
            names = tuple(getattr(compiled, "positiontup", None) or ())
            sql = str(compiled) + self._ending
            self._postgres = sql, _in_order(names), _constants(compiled.params)
        sql, in_order, constants = self._postgres
        return sql, in_order({**constants, **params} if constants else params)


def _in_order(names: tuple[str, ...]) -> "_InOrder":
    """Makes what gives the values of these names."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple(values[name] for name in names)


def _constants(params: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (params or {}).items() if value is not None}


@cache
def _postgres_dialect() -> Dialect:
    from sqlalchemy.dialects.postgresql import asyncpg  # only where it is the store

    dialect: Dialect = asyncpg.dialect()  # type: ignore[no-untyped-call]
    return dialect


class SqlExecutor(Protocol):
    """Runs statements in one transaction or snapshot of one database."""

    def all(self, statement: Statement, **params: Any) -> list[Row]:
        """Runs a query and returns its rows."""
        ...

    def one(self, statement: Statement, **params: Any) -> Row | None:
        """Runs a query and returns its first row."""
        ...

    def run(self, statement: Statement, **params: Any) -> int:
        """Runs a change and returns the number of rows it touched.

        Raises:
            Conflict: when a unique value is taken.
        """
        ...

    def each(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Runs a change with each of several sets of parameters, in one go.

        Raises:
            Conflict: when a unique value is taken.
        """
        ...

    def aside(self, work: Callable[[], T]) -> T:
        """Runs a computation that takes long without holding up anybody else."""
        ...

    def add(self, statement: Statement, **params: Any) -> None:
        """Runs an insert that nothing is asked about, on a row that no other changes before.

        It may wait for others of its kind; the next other statement sees it, and ``settle``
        brings it about, with the failures that ``run`` has.
        """
        ...

    def settle(self) -> None:
        """Runs what waits; to be called before a transaction ends."""
        ...


class ChangeLog(Protocol):
    """Collects what caches must forget when the transaction commits."""

    def touched(self, kind: str, entity_id: str) -> None:
        """Notes that a row which a cache may hold was changed."""
        ...

    def made(self, entity_id: str) -> None:
        """Notes that an entity begins with this transaction: no cache holds anything of it."""
        ...
