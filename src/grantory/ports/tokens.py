"""The deny-list: single tokens ended before their time."""

from typing import Protocol

from grantory.domain.token import DeniedToken


class DeniedTokenReader(Protocol):
    """Looks ended tokens up."""

    def contains(self, token_id: bytes) -> bool:
        """Tells whether a token was ended."""
        ...

    def unexpired(self, now: int, limit: int) -> list[bytes]:
        """Returns the ids of at most ``limit`` ended tokens that expire after ``now`` (s)."""
        ...


class DeniedTokenWriter(DeniedTokenReader, Protocol):
    """Ends tokens."""

    def add(self, token: DeniedToken) -> bool:
        """Ends a token, and tells whether it was not ended yet; ending it again changes nothing."""
        ...
