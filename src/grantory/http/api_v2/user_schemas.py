"""The platform's models of users."""

import re
from typing import Annotated, Final

from msgspec import Meta

from grantory.domain.organization import UserState
from grantory.domain.password import LEAST_CHARACTERS, MOST_CHARACTERS
from grantory.http.api_v2.schemas import (
    UNSEEN,
    Date,
    Id,
    Name,
    Organization,
    Short,
    TokenInfo,
    UserAuthorization,
    Wire,
    one_of,
)
from grantory.http.json_body import Codes

_MOST_READ: Final = 1024
"""Longer ones are no passwords, whatever Unicode makes of them."""
_HALF: Final = rf"[^@\s\x00-\x1f{UNSEEN}]+"
_EMAIL: Final = re.compile(rf"{_HALF}@{_HALF}")
_LEAST_EMAIL: Final = 3
_MOST_EMAIL: Final = 254


def read_email(text: str) -> str:
    """Reads an e-mail address: one ``@`` with something on both sides, and nothing unseen."""
    if not _LEAST_EMAIL <= len(text) <= _MOST_EMAIL or _EMAIL.fullmatch(text) is None:
        raise ValueError(
            f"must be an e-mail address of at most {_MOST_EMAIL} characters, without spaces"
        )
    return text


def read_user_state(text: str) -> UserState:
    """Reads a user's state, in any case."""
    try:
        return UserState(text.lower())
    except ValueError:
        raise ValueError("must be active or inactive") from None


def read_password(text: str) -> str:
    """Reads a password that is to be set; what it must be, the registry says."""
    if len(text) > _MOST_READ:
        raise ValueError(f"must have at most {MOST_CHARACTERS} characters")
    return text


_EMAIL_SCHEMA: Final = {
    "type": "string",
    "minLength": _LEAST_EMAIL,
    "maxLength": _MOST_EMAIL,
    "pattern": f"^{_EMAIL.pattern}$",
}
_STATES: Final = {"type": "string", "enum": [state.value for state in UserState]}
_PASSWORD: Final = {
    "type": "string",
    "minLength": LEAST_CHARACTERS,
    "maxLength": MOST_CHARACTERS,
}
_EmailCodes: Final = Codes(read=read_email, schema=_EMAIL_SCHEMA)
_PasswordCodes: Final = Codes(read=read_password, schema=_PASSWORD)
StateText = Annotated[UserState | None, Codes(read=read_user_state, schema=_STATES)]


class CreateUser(Wire, kw_only=True):
    """What POST of a user takes; other fields of the platform's are ignored."""

    name: Name
    email: Annotated[str, _EmailCodes]
    password: Annotated[str | None, _PasswordCodes] = None
    title: Short | None = None
    department: Short | None = None
    division_id: Id | None = None
    state: StateText = None

    def __repr__(self) -> str:
        return "CreateUser(…)"


class UpdateUser(Wire, kw_only=True):
    """What PATCH of a user takes; what is left out stays, an empty text is removed."""

    name: Name | None = None
    email: Annotated[str | None, _EmailCodes] = None
    title: Short | None = None
    department: Short | None = None
    state: StateText = None
    version: Annotated[int, Meta(ge=1, le=2_147_483_647)] | None = None


class ChangePasswordRequest(Wire, kw_only=True):
    """The password that a user is to have."""

    new_password: Annotated[str, _PasswordCodes]

    def __repr__(self) -> str:
        return "ChangePasswordRequest(…)"


class ChangeMyPasswordRequest(Wire, kw_only=True):
    """The password that one has, and the one that one wants."""

    new_password: Annotated[str, _PasswordCodes]
    old_password: Annotated[str, Meta(max_length=_MOST_READ)]

    def __repr__(self) -> str:
        return "ChangeMyPasswordRequest(…)"


class UserDivision(Wire, kw_only=True):
    """The division that a user is in."""

    id: str
    name: str
    self_uri: str


class User(Wire, kw_only=True):
    """A user as others see them."""

    id: str
    name: str
    division: UserDivision
    department: str | None = None
    email: str
    state: Annotated[str, one_of(*UserState)]
    title: str | None = None
    username: str
    version: int
    self_uri: str


class OAuthLastTokenIssued(Wire, kw_only=True):
    """When a user was last given a token."""

    date_issued: Date


class UserMe(User, kw_only=True):
    """A user as they see themselves; what follows comes where it is asked for."""

    authorization: UserAuthorization | None = None
    last_token_issued: OAuthLastTokenIssued | None = None
    organization: Organization | None = None
    token: TokenInfo | None = None
