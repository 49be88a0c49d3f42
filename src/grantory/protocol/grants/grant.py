"""What a grant is (RFC 6749 section 4)."""

from typing import ClassVar, Protocol

from grantory.domain.client import GrantType
from grantory.protocol.client_auth.caller import Caller
from grantory.protocol.grants.decision import Decision
from grantory.protocol.token_request import TokenRequest


class Grant(Protocol):
    """A way to a token. It decides, and consumes what must be consumed, in one transaction.

    The endpoint checks before it and mints after it.
    """

    name: ClassVar[str]
    """The parameter ``grant_type``."""
    grant_type: ClassVar[GrantType]
    """What a client must be registered for."""
    admits_public: ClassVar[bool]
    """Whether a client may name itself without a secret."""
    uses_up: ClassVar[bool]
    """Whether what it is asked with is good once only, so that all else is to be at hand first."""

    async def decide(self, request: TokenRequest, caller: Caller) -> Decision:
        """Tells what the token may hold.

        Raises:
            OAuthError: where there is to be no token.
        """
        ...
