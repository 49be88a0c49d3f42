"""Authenticating a client by its own access token, or by its secret (RFC 7662 section 2.1)."""

from typing import Final

from grantory.errors import OAuthError, RefusalReason
from grantory.ports.hot_reads import HotReads
from grantory.protocol.access_tokens import AccessTokens, TokenRefused
from grantory.protocol.client_auth.authenticate import ClientAuthenticator
from grantory.protocol.client_auth.caller import Caller
from grantory.protocol.token_request import TokenRequest

SCHEME: Final = "Bearer"
_BEGINNING: Final = "bearer "


class BearerOrSecret:
    """Tells which client sends a request, by whichever of the two it has.

    Args:
        reads: knows the clients.
        tokens: verifies access tokens.
        secrets: authenticates by secret.
    """

    def __init__(self, reads: HotReads, tokens: AccessTokens, secrets: ClientAuthenticator) -> None:
        self._reads = reads
        self._tokens = tokens
        self._secrets = secrets

    async def authenticate(self, request: TokenRequest) -> Caller:
        """Returns the client; the hot reads were refreshed in this turn of the event loop.

        Raises:
            OAuthError: as ``ClientAuthenticator``; ``invalid_token`` (401) for a token that is
                not good, or that acts for a person.
        """
        header = request.authorization
        if header is None or header[: len(_BEGINNING)].lower() != _BEGINNING:
            return await self._secrets.authenticate(request)
        if "client_secret" in request.form:
            raise OAuthError("invalid_request", "the client authenticated in more than one way")
        try:
            token = await self._tokens.verify(header[len(_BEGINNING) :].strip())
        except TokenRefused as error:
            raise _refusal(str(error)) from None
        record = await self._reads.client(token.client_id)
        if record is None or token.user_id is not None:
            raise _refusal("it acts for a person")
        named = request.form.get("client_id")
        if named is not None and named.lower() != token.client_id:
            raise OAuthError("invalid_request", "client_id differs from the authenticated client")
        return Caller(record, is_authenticated=True)


def _refusal(detail: str) -> OAuthError:
    return OAuthError(
        "invalid_token",
        "the bearer token is not valid, or is no client's own",
        status=401,
        detail=detail,
        reason=RefusalReason.BEARER_TOKEN,
    )
