"""Login sessions: a person who is known to a browser."""

import msgspec

SESSION_SECONDS = 43_200
"""A session ends twelve hours after the login, used or not."""


class LoginSession(msgspec.Struct, frozen=True, kw_only=True):
    """A person's login in one browser. Times in milliseconds since 1970 (UTC)."""

    id: str
    organization_id: str
    user_id: str
    user_epoch: int
    """The user's token epoch at the login: whatever ends the user's tokens ends the session."""
    created_at: int
    expires_at: int
