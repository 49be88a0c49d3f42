"""How many rights are compared in one transaction at most, while others wait for the store."""

from collections.abc import Iterable, Iterator
from typing import Final

from grantory.domain.access import Right
from grantory.errors import ApiError

MOST_TOGETHER: Final = 300_000
"""Those of the actor count as well, once for each change that must be covered."""


class RightsBudget:
    """Counts the rights that a list of changes compares.

    Args:
        most: so many there may be.
    """

    def __init__(self, most: int = MOST_TOGETHER) -> None:
        self._most = most
        self._left = most

    def refill(self) -> None:
        """Begins anew, as a transaction that is run again does."""
        self._left = self._most

    def counted(self, rights: Iterable[Right]) -> Iterator[Right]:
        """Gives the same rights, as long as there are not too many.

        Raises:
            ApiError: 400.
        """
        for right in rights:
            self._left -= 1
            if self._left < 0:
                raise ApiError(
                    400,
                    "bad.request",
                    f"The changes up to this one compare more than {self._most} rights, those of "
                    f"the caller included: make fewer changes at a time.",
                )
            yield right
