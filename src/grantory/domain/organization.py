"""Organisations: separate worlds in one store, and their users."""

from enum import StrEnum

import msgspec


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant. ``token_epoch`` is raised to end every token of the organisation."""

    id: str
    name: str
    created_at: int
    default_language: str = "en-us"
    default_country_code: str = "US"
    domain: str = ""
    token_epoch: int = 1
    version: int = 1
    enforces_scopes: bool = False
    """Whether a user's token needs the scope of an operation beside the permission."""

    def is_named(self, text: str) -> bool:
        """Tells whether a text is the name, the domain or the id; case does not count."""
        known = {self.name.casefold(), self.domain.casefold(), self.id} - {""}
        return text.strip().casefold() in known


class UserState(StrEnum):
    """Whether a person may log in."""

    ACTIVE = "active"
    INACTIVE = "inactive"


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A person of one organisation. Times in milliseconds since 1970 (UTC).

    ``token_epoch`` is raised to end the person's tokens and login sessions.
    """

    id: str
    organization_id: str
    name: str
    email: str
    created_at: int
    modified_at: int | None = None
    title: str | None = None
    department: str | None = None
    division_id: str | None = None
    """None for the home division."""
    state: UserState = UserState.ACTIVE
    token_epoch: int = 1
    version: int = 1


class ActingUser(msgspec.Struct, frozen=True):
    """What a token says of the person for whom a client acts."""

    id: str
    token_epoch: int


def normal_email(email: str) -> str:
    """Gives the form of an e-mail address under which it is unique (case does not count)."""
    return email.strip().casefold()
