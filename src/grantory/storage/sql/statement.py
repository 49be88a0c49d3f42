"""A statement written once in SQLAlchemy Core and compiled once for each database."""

from collections.abc import Mapping
from typing import Any, Protocol

from sqlalchemy.dialects import sqlite
from sqlalchemy.sql import ClauseElement

Row = tuple[Any, ...]


class Statement:
    """SQL for the driver, and the values of its constants.

    Args:
        core: a Core select, insert, update or delete whose parameters are named
            ``bindparam``; no expanding lists, no column type that needs converting.
    """

    __slots__ = ("constants", "sqlite_sql")

    def __init__(self, core: ClauseElement) -> None:
        compiled = core.compile(dialect=sqlite.dialect(paramstyle="named"))
        self.sqlite_sql = str(compiled)
        self.constants: Mapping[str, Any] = {
            name: value for name, value in compiled.params.items() if value is not None
        }


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


class ChangeLog(Protocol):
    """Collects what caches must forget when the transaction commits."""

    def touched(self, kind: str, entity_id: str) -> None:
        """Notes that a row which a cache may hold was changed."""
        ...
