"""The deny-list: single tokens ended before their time."""

from typing import Protocol

from grantory.domain.token import DeniedToken


class DeniedTokenReader(Protocol):
    """Looks ended tokens up."""

    def contains(self, token_id: bytes) -> bool:
        """Tells whether a token was ended."""
        ...

    def between(self, since: bytes, before: bytes, limit: int) -> list[bytes]:
        """Returns ids of ended tokens in order, until they are cleaned away.

        Args:
            since: the least id.
            before: what all of them are less than.
            limit: at most so many.
        """
        ...


class DeniedTokenWriter(DeniedTokenReader, Protocol):
    """Ends tokens."""

    def add(self, token: DeniedToken) -> bool:
        """Ends a token, and tells whether it was not ended yet; ending it again changes nothing."""
        ...
