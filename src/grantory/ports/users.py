"""Users in the store."""

from typing import Protocol

from grantory.domain.organization import User


class UserReader(Protocol):
    """Looks users up."""

    def get(self, user_id: str) -> User | None:
        """Returns a user by id."""
        ...

    def find_by_email(self, organization_id: str, email: str) -> User | None:
        """Returns the user with an e-mail address, whatever its case."""
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

    def set_password(self, user_id: str, password_digest: str) -> None:
        """Replaces the password and raises the user's token epoch."""
        ...

    def end_tokens(self, user_id: str) -> None:
        """Raises the user's token epoch, which ends every token of theirs."""
        ...
