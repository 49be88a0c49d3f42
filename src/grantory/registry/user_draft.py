"""What an actor asks a user to be."""

import msgspec

from grantory.domain.organization import User, UserState
from grantory.domain.secret import Secret


class UserDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What a new user is to be; without a password nobody can log in with one."""

    name: str
    email: str
    password: Secret | None = None
    title: str | None = None
    department: str | None = None
    division_id: str | None = None
    """None for the home division."""
    state: UserState = UserState.ACTIVE


class UserChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be changed of a user; a field left None stays, an empty text is removed.

    ``version`` is the one that the caller saw; None for whichever there is.
    """

    name: str | None = None
    email: str | None = None
    title: str | None = None
    department: str | None = None
    state: UserState | None = None
    version: int | None = None


def changed_user(before: User, change: UserChange, now: int) -> User:
    """Gives a user with what is to be changed; whoever becomes inactive loses every token.

    Args:
        before: the user.
        change: what is to be changed.
        now: the time in milliseconds since 1970.
    """
    state = change.state or before.state
    ends = state is UserState.INACTIVE and before.state is not state
    return msgspec.structs.replace(
        before,
        name=before.name if change.name is None else change.name,
        email=before.email if change.email is None else change.email,
        title=before.title if change.title is None else change.title or None,
        department=before.department if change.department is None else change.department or None,
        state=state,
        token_epoch=before.token_epoch + int(ends),
        version=before.version + 1,
        modified_at=now,
    )
