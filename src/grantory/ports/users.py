"""Users in the store."""

from collections.abc import Sequence
from typing import Protocol

from grantory.domain.organization import User, UserState


class UserReader(Protocol):
    """Looks users up. A deleted user is not there."""

    def get(self, user_id: str) -> User | None:
        """Returns a user by id."""
        ...

    def find_by_email(self, organization_id: str, email: str) -> User | None:
        """Returns the user with an e-mail address, whatever its case."""
        ...

    def credentials(self, organization_id: str, email: str) -> tuple[User, str | None] | None:
        """Returns the user with an e-mail address, and what is kept of the password."""
        ...

    def password_digest(self, user_id: str) -> str | None:
        """Returns what is kept of a user's password; None where there is none."""
        ...

    def count(self, organization_id: str, state: UserState | None) -> int:
        """Counts the users in a state, or in any."""
        ...

    def page(
        self,
        organization_id: str,
        state: UserState | None,
        offset: int,
        limit: int,
        *,
        newest_first: bool = False,
    ) -> list[User]:
        """Returns one page of the users in a state, or in any, in the order of creation."""
        ...

    def of_ids(self, organization_id: str, user_ids: Sequence[str]) -> list[User]:
        """Returns those of the users that are there, in the order of the ids."""
        ...


class UserWriter(UserReader, Protocol):
    """Changes users."""

    def get_for_change(self, organization_id: str, user_id: str) -> User | None:
        """Returns a user of one organisation and locks it until the end."""
        ...

    def add(self, user: User, password_digest: str | None) -> None:
        """Adds a user.

        Raises:
            Conflict: when the e-mail address is taken in the organisation.
        """
        ...

    def replace(self, user: User) -> None:
        """Writes every field of a user that exists.

        Raises:
            Conflict: when the new e-mail address is taken.
        """
        ...

    def delete(self, user: User, deleted_at: int) -> None:
        """Deletes a user and ends every token of theirs; the id stays taken."""
        ...

    def set_password(self, user_id: str, password_digest: str) -> None:
        """Replaces the password and raises the user's token epoch."""
        ...

    def end_tokens(self, user_id: str) -> None:
        """Raises the user's token epoch, which ends every token and session of theirs."""
        ...
