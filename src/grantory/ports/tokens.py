"""The deny-list: single tokens ended before their time."""

from typing import Protocol

from grantory.domain.token import DeniedToken


class DeniedTokenReader(Protocol):
    """Looks ended tokens up."""

    def contains(self, token_id: bytes) -> bool:
        """Tells whether a token was ended."""
        ...

    def unexpired(self, now: int, after: bytes, limit: int) -> list[bytes]:
        """Returns ids of ended tokens that expire after ``now`` (s), in order.

        Args:
            now: the time in seconds since 1970.
            after: where the piece before ended; empty for the first.
            limit: at most so many.
        """
        ...


class DeniedTokenWriter(DeniedTokenReader, Protocol):
    """Ends tokens."""

    def add(self, token: DeniedToken) -> bool:
        """Ends a token, and tells whether it was not ended yet; ending it again changes nothing."""
        ...
