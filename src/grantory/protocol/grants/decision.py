"""What a grant decides."""

import msgspec

from grantory.domain.code import TokenFamily
from grantory.domain.organization import ActingUser, User
from grantory.domain.secret import Secret
from grantory.protocol.vouch import Vouch


class Decision(msgspec.Struct, frozen=True):
    """The contents of the token that a grant allows; of an answer with it."""

    scopes: tuple[str, ...] = ()
    user: User | ActingUser | None = None
    """For whom the client acts; None when it acts for itself."""
    family: TokenFamily | None = None
    """What the token can be ended with, besides the client's and the user's other tokens."""
    refresh_token: Secret | None = None
    vouch: Vouch | None = None
    """What must still be there when the token is signed, where somebody might end it meanwhile."""
