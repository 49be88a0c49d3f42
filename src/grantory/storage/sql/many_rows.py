"""Adding many rows to a table by few statements."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import BindParameter, Table, insert
from sqlalchemy import bindparam as p

from grantory.storage.sql.statement import SqlExecutor, Statement

VALUES_AT_ONCE: Final = 300
"""Of an INSERT. SQLite looks for each one's place among all: many take long."""


def add_rows(
    sql: SqlExecutor,
    target: Table,
    columns: tuple[str, ...],
    rows: Sequence[Sequence[Any]],
    *,
    missing: bool = False,
) -> None:
    """Adds rows.

    Args:
        sql: where.
        target: to which table.
        columns: the names of those that are given.
        rows: a value for each of them.
        missing: whether those are left as they are that are there already.
    """
    many = max(1, VALUES_AT_ONCE // len(columns))
    for size in (many, max(1, many // 6), 1):
        whole = len(rows) - len(rows) % size
        statement, names = _insert(target, columns, size, missing=missing)
        for some in in_pieces(rows[:whole], size):
            values = [value for row in some for value in row]
            sql.run(statement, **dict(zip(names, values, strict=True)))
        rows = rows[whole:]


def in_pieces(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Cuts a sequence into pieces."""
    return (values[begin : begin + size] for begin in range(0, len(values), size))


@cache
def _insert(
    target: Table, columns: tuple[str, ...], count: int, *, missing: bool
) -> tuple[Statement, list[str]]:
    rows: list[dict[str, BindParameter[Any]]] = [
        {name: p(f"{name}_{number}") for name in columns} for number in range(count)
    ]
    names = [f"{name}_{number}" for number in range(count) for name in columns]
    ending = " ON CONFLICT DO NOTHING" if missing else ""
    return Statement(insert(target).values(rows), ending), names
