"""Statements about several rows at once, by their keys."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import BindParameter
from sqlalchemy import bindparam as p
from sqlalchemy.sql import ClauseElement

from grantory.storage.sql.many_rows import in_pieces
from grantory.storage.sql.statement import Statement

SIZES: Final = (1, 4, 16, 64)
"""For so many keys there is a statement; the last key stands for those that are lacking."""


class ForMany:
    """A statement whose rows are named by a list of keys.

    Args:
        make: makes it of the parameters that stand for the keys; what it does must not count how
            often a key is named.
    """

    def __init__(self, make: Callable[[list[BindParameter[Any]]], ClauseElement]) -> None:
        self._made = {
            size: (Statement(make([p(name) for name in names])), names)
            for size in SIZES
            for names in (tuple(f"key_{number}" for number in range(size)),)
        }

    def of(self, keys: Sequence[Any]) -> Iterator[tuple[Statement, dict[str, Any]]]:
        """Returns the statements to run, with the values of the keys' parameters."""
        for some in in_pieces(keys, SIZES[-1]):
            size = next(size for size in SIZES if size >= len(some))
            statement, names = self._made[size]
            lacking = [some[-1]] * (size - len(some))
            yield statement, dict(zip(names, (*some, *lacking), strict=True))
