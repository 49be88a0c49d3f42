"""The client credentials grant (RFC 6749 section 4.4): a client acts for itself."""

from grantory.domain.client import ClientRecord, GrantType
from grantory.errors import OAuthError, RefusalReason
from grantory.protocol.grants.decision import Decision
from grantory.protocol.token_request import TokenRequest


class ClientCredentials:
    """Rights come from the client's roles; there is nothing to consume and no refresh token."""

    grant_type = GrantType.CLIENT_CREDENTIALS

    async def decide(self, request: TokenRequest, client: ClientRecord) -> Decision:
        """Allows what the client is registered for.

        Raises:
            OAuthError: ``invalid_scope`` for a scope beyond the registered ones.
        """
        asked = request.form.get("scope", "").split()
        registered = client.client.scopes
        if any(scope not in registered for scope in asked):
            raise OAuthError(
                "invalid_scope",
                "the client is not registered for this scope",
                reason=RefusalReason.SCOPE,
            )
        return Decision(scopes=tuple(asked))
