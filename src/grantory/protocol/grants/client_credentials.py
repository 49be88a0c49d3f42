"""The client credentials grant (RFC 6749 section 4.4): a client acts for itself."""

from typing import ClassVar, Final

from grantory.domain.client import GrantType
from grantory.errors import OAuthError, RefusalReason
from grantory.protocol.client_auth.caller import Caller
from grantory.protocol.grants.decision import Decision
from grantory.protocol.token_request import TokenRequest

_UNLIMITED: Final = Decision()


class ClientCredentials:
    """Rights come from the client's roles; there is nothing to consume and no refresh token."""

    name: ClassVar = "client_credentials"
    grant_type: ClassVar = GrantType.CLIENT_CREDENTIALS
    admits_public: ClassVar = False
    uses_up: ClassVar = False

    async def decide(self, request: TokenRequest, caller: Caller) -> Decision:
        """Allows what the client is registered for.

        Raises:
            OAuthError: ``invalid_scope`` for a scope beyond the registered ones.
        """
        if "scope" not in request.form:
            return _UNLIMITED
        asked = request.form["scope"].split()
        registered = caller.record.client.scopes
        if any(scope not in registered for scope in asked):
            raise OAuthError(
                "invalid_scope",
                "the client is not registered for this scope",
                reason=RefusalReason.SCOPE,
            )
        return Decision(scopes=tuple(asked))
