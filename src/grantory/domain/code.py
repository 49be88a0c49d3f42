"""Authorization codes (RFC 6749 section 4.1.2), and the families of tokens that they begin.

A family is everything that one authorization has led to: access tokens, and a refresh token that
is replaced at each use. It holds an epoch of its own, so that whoever uses a code or an old
refresh token again can end just that.
"""

import msgspec

from grantory.domain.client import ClientState, gains_tokens
from grantory.domain.organization import UserState

CODE_SECONDS = 60
CODE_KEPT_MS = 86_400_000
"""A used code is kept for a day, to recognise who uses it again."""
REFRESH_GRACE_MS = 10_000
"""So long an answer that was lost may be asked for again with the refresh token before."""


class Epochs(msgspec.Struct, frozen=True):
    """The token epochs of those by whose leave something was issued."""

    organization: int
    client: int
    user: int


class StandingNow(msgspec.Struct, frozen=True):
    """How those stand now by whose leave something was issued; all three are there."""

    epochs: Epochs
    client_state: ClientState
    client_delete_at: int | None
    user_state: UserState

    def is_as_then(self, then: Epochs) -> bool:
        """Whether neither the user's tokens nor the client's were ended since.

        Args:
            then: the epochs with which it was issued.
        """
        return (
            self.epochs == then
            and gains_tokens(self.client_state, self.client_delete_at)
            and self.user_state is UserState.ACTIVE
        )


class AuthorizationCode(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a code: never the code itself. Times in milliseconds since 1970."""

    digest: bytes
    organization_id: str
    client_id: str
    user_id: str
    session_id: str | None
    redirect_uri: str | None
    """As it was sent to the authorization endpoint; None where it was left out."""
    scopes: tuple[str, ...]
    challenge: str | None
    """The S256 code challenge (RFC 7636 section 4.2)."""
    epochs: Epochs
    created_at: int
    expires_at: int
    used_at: int | None = None
    family_id: str | None = None
    """What a use has begun; None where it was refused."""


class TokenFamily(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens of one authorization. Times in milliseconds since 1970."""

    id: str
    organization_id: str
    client_id: str
    user_id: str
    session_id: str | None
    scopes: tuple[str, ...]
    epochs: Epochs
    created_at: int
    expires_at: int
    """Nothing of the family is good after that."""
    epoch: int = 1
    """A token of another epoch is refused."""
    generation: int = 0
    """That of the refresh token which is good now; 0 where there is none."""
    rotated_at: int = 0
    """Since when."""
    ended_at: int | None = None

    @property
    def is_live(self) -> bool:
        """Whether it was not ended."""
        return self.ended_at is None
