"""What a test makes on its server; what is secret of it shows in no failure's text."""

import msgspec

from grantory.domain.secret import Secret


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """A role, and the permissions it was made with."""

    id: str
    name: str
    permissions: tuple[str, ...]


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """An OAuth client."""

    id: str
    name: str
    hidden: Secret
    """The secret, which shows nothing of itself; empty where the client has none."""

    @property
    def secret(self) -> str:
        """The client's secret."""
        return self.hidden.reveal()


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can log in, where there is a password."""

    id: str
    name: str
    email: str
    hidden: Secret
    """The password, which shows nothing of itself; empty where there is none."""

    @property
    def password(self) -> str:
        """The user's password."""
        return self.hidden.reveal()
