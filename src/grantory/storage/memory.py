"""A dictionary that stays bounded by dropping its oldest entries."""

from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
PARTS_OF_ONE: Final = 16
"""An entry with so many parts more counts as one more entry."""


def _of_one(_value: object) -> int:
    return 0


class Memory(dict[K, V], Generic[K, V]):
    """Remembers values of one kind.

    Args:
        kind: its name in metrics and change records.
        most: tells how many entries of common size may be here.
        parts: tells how many parts of varying number an entry has, such as addresses or rights; so
            that some thousands of large ones take no more room than many small ones.
    """

    def __init__(
        self, kind: str, most: Callable[[], int], parts: Callable[[V], int] = _of_one
    ) -> None:
        self.kind = kind
        self._most = most
        self._parts = parts
        self._surplus: dict[K, int] = {}
        """What large entries count beyond one."""
        self._surplus_of_all = 0

    def remember(self, key: K, value: V) -> None:
        """Keeps a value, in place of the oldest where there is no room; not if it is too large."""
        self.forget(key)
        surplus = self._parts(value) // PARTS_OF_ONE
        room = self._most() - 1 - surplus
        if room < 0:
            return
        while self and len(self) + self._surplus_of_all > room:
            self.forget(next(iter(self)))
        self[key] = value
        if surplus:
            self._surplus[key] = surplus
            self._surplus_of_all += surplus

    def forget(self, key: K) -> None:
        """Forgets a value, if it is here."""
        if self.pop(key, None) is not None:
            self._surplus_of_all -= self._surplus.pop(key, 0)

    def clear(self) -> None:
        """Forgets everything."""
        super().clear()
        self._surplus.clear()
        self._surplus_of_all = 0
