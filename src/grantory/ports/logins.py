"""Login sessions in the store."""

from collections.abc import Sequence
from typing import Protocol

from grantory.domain.login import LoginSession


class LoginReader(Protocol):
    """Looks sessions up."""

    def find(self, digest: bytes) -> LoginSession | None:
        """Returns the session with a cookie of this digest, expired or not."""
        ...


class LoginWriter(LoginReader, Protocol):
    """Begins and ends sessions."""

    def hold_all(self, session_ids: Sequence[str]) -> frozenset[str]:
        """Keeps sessions from being ended before this transaction ends; waits for nobody.

        Returns:
            The ids of those that are there, but for any that is being ended at this moment.
        """
        ...

    def hold(self, session_id: str) -> bool:
        """Tells whether a session was not ended, and lets nobody end it before this is over."""
        ...

    def add(self, session: LoginSession, digest: bytes) -> None:
        """Begins a session."""
        ...

    def renew(self, session: LoginSession, digest: bytes) -> bool:
        """Gives a session another cookie, and the times of another login; tells if it is there."""
        ...

    def end(self, session_id: str) -> bool:
        """Ends a session; tells whether it was there."""
        ...

    def end_all(self) -> int:
        """Ends every session of every organisation; returns how many."""
        ...
