"""Who has allowed a client to act for people: an organisation for all of them, or one person."""

from enum import StrEnum

import msgspec

from grantory.domain.client import Reference


class AuthorizationState(StrEnum):
    """Whether an authorization counts."""

    AUTHORIZED = "authorized"
    REVOKED = "revoked"


class Authorization(msgspec.Struct, frozen=True, kw_only=True):
    """What a client may do for people without asking. Times in milliseconds since 1970."""

    organization_id: str
    client_id: str
    user_id: str | None
    """Who allowed it for themselves; None where the organisation did so for everybody."""
    scopes: tuple[str, ...]
    """What was allowed: the client's scopes at that time; empty for a client without limits."""
    state: AuthorizationState
    created_at: int
    modified_at: int
    created_by: Reference
    modified_by: Reference

    def allows(self, scopes: tuple[str, ...]) -> bool:
        """Tells whether a client that asks for these scopes need not ask again.

        Args:
            scopes: empty for a client without limits, which only such an authorization allows.
        """
        if self.state is not AuthorizationState.AUTHORIZED:
            return False
        if not scopes or not self.scopes:
            return not self.scopes
        return set(scopes) <= set(self.scopes)

    def allowing(self, scopes: tuple[str, ...]) -> tuple[str, ...]:
        """Tells what is allowed once these scopes are, too; empty for no limit."""
        if self.state is not AuthorizationState.AUTHORIZED or not scopes or not self.scopes:
            return scopes
        return tuple(dict.fromkeys((*self.scopes, *scopes)))
