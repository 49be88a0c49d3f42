"""How much is looked at in one transaction at most, while others wait for the store."""

from collections.abc import Iterable, Iterator
from typing import Final

from grantory.domain.access import Right
from grantory.errors import ApiError

MOST_TOGETHER: Final = 300_000
"""Those of the actor count as well, once for each change that must be covered."""
MOST_GRANTS: Final = 20_000
"""So many grants of roles that are changed or deleted are read, in half a second."""


class RightsBudget:
    """Counts the rights that a list of changes compares, and the grants that it reads.

    Args:
        most: so many rights there may be.
        most_grants: so many grants.
    """

    def __init__(self, most: int = MOST_TOGETHER, most_grants: int = MOST_GRANTS) -> None:
        self._most = most
        self._most_grants = most_grants
        self.refill()

    def refill(self) -> None:
        """Begins anew, as a transaction that is run again does."""
        self._left = self._most
        self._grants_left = self._most_grants

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

    def take_grants(self, count: int) -> None:
        """Counts grants of one role.

        A role that everybody holds can be changed by a list all the same, though not after others.

        Raises:
            ApiError: 400, where there were others and there are too many by now.
        """
        before = self._grants_left
        self._grants_left -= count
        if self._grants_left < 0 and before < self._most_grants:
            raise ApiError(
                400,
                "bad.request",
                f"The roles up to this one are held more than {self._most_grants} times: make "
                f"fewer changes at a time.",
            )
