"""Authorization codes and families of tokens in the store."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from grantory.domain.code import AuthorizationCode, StandingNow, TokenFamily


class CodeWriter(Protocol):
    """Keeps authorization codes."""

    def add(self, code: AuthorizationCode) -> None:
        """Adds a code."""
        ...

    def hold(
        self, digests: Sequence[bytes], *, wait: bool
    ) -> dict[bytes, tuple[AuthorizationCode, StandingNow | None]]:
        """Locks codes, used or not, until the end.

        Args:
            digests: theirs.
            wait: whether those are waited for that somebody else has locked; else they are left
                out, so that whoever asks for one code keeps nobody waiting who asks for others.

        Returns:
            Each that is there, by its digest, and how those stand by whose leave it was issued;
            None where one of them is gone. With ``wait`` that is looked at when all are locked.
        """
        ...

    def remove_all(self) -> int:
        """Removes every code, used or not; returns how many."""
        ...

    def use(self, families: Mapping[bytes, str | None], used_at: int) -> None:
        """Notes that codes were used.

        Args:
            families: by the digest of each, the id of what its use has begun.
            used_at: the time in milliseconds since 1970.
        """
        ...


class FamilyReader(Protocol):
    """Looks families of tokens up."""

    def get(self, family_id: str) -> TokenFamily | None:
        """Returns a family, ended or not."""
        ...

    def last_of_user(self, user_id: str) -> TokenFamily | None:
        """Returns the family of a user that was begun or refreshed last."""
        ...


class FamilyWriter(FamilyReader, Protocol):
    """Begins, rotates and ends families of tokens."""

    def get_for_change(self, family_id: str) -> TokenFamily | None:
        """Returns a family and locks it until the end."""
        ...

    def hold(
        self, family_ids: Sequence[str], *, wait: bool
    ) -> dict[str, tuple[TokenFamily, StandingNow | None]]:
        """Locks families until the end, as ``CodeWriter.hold`` does codes.

        Args:
            family_ids: theirs.
            wait: whether those are waited for that somebody else has locked.

        Returns:
            Each that is there, by its id, with how those stand by whose leave it was begun.
        """
        ...

    def add(self, family: TokenFamily) -> None:
        """Begins a family."""
        ...

    def add_all(self, families: Sequence[TokenFamily]) -> None:
        """Begins several families."""
        ...

    def rotate(self, family_ids: Sequence[str], rotated_at: int, expires_at: int) -> None:
        """Makes the refresh token of the next generation the good one, in families that are held.

        Args:
            family_ids: theirs, each once.
            rotated_at: the time in milliseconds since 1970.
            expires_at: until when they are good now.
        """
        ...

    def end(self, family_id: str, ended_at: int) -> None:
        """Ends every token of a family."""
        ...

    def end_of_session(self, session_id: str, ended_at: int) -> int:
        """Ends every token that a login session has led to; returns of how many families."""
        ...
