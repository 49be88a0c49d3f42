"""Authorization codes and families of tokens in the store."""

from typing import Protocol

from grantory.domain.code import AuthorizationCode, TokenFamily


class CodeWriter(Protocol):
    """Keeps authorization codes."""

    def add(self, code: AuthorizationCode) -> None:
        """Adds a code."""
        ...

    def get_for_change(self, digest: bytes) -> AuthorizationCode | None:
        """Returns a code, used or not, and locks it until the end."""
        ...

    def remove_all(self) -> int:
        """Removes every code, used or not; returns how many."""
        ...

    def use(self, digest: bytes, used_at: int, family_id: str | None) -> None:
        """Notes that a code was used, and what that has begun."""
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

    def add(self, family: TokenFamily) -> None:
        """Begins a family."""
        ...

    def rotate(self, family_id: str, generation: int, rotated_at: int, expires_at: int) -> None:
        """Makes a refresh token of this generation the good one."""
        ...

    def end(self, family_id: str, ended_at: int) -> None:
        """Ends every token of a family."""
        ...

    def end_of_session(self, session_id: str, ended_at: int) -> int:
        """Ends every token that a login session has led to; returns of how many families."""
        ...
