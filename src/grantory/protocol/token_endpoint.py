"""The token endpoint, as a list of named steps (RFC 6749 section 3.2).

Find the grant; authenticate the client; is it active and allowed this grant; is all at hand, where
something is used up; let the grant decide; mint; answer. A grant implements ``decide`` alone, so it
cannot forget a check.
"""

import msgspec

from grantory.domain.client import ClientRecord
from grantory.errors import ApiError, OAuthError, OutcomeUnknown, RefusalReason
from grantory.ports.hot_reads import HotReads
from grantory.protocol.access_tokens import TokenIssuer
from grantory.protocol.client_auth.active import require_active
from grantory.protocol.client_auth.authenticate import ClientAuthenticator
from grantory.protocol.grants.grant import Grant
from grantory.protocol.token_request import TokenRequest


class TokenAnswer(msgspec.Struct, frozen=True):
    """A successful answer (RFC 6749 section 5.1)."""

    access_token: str
    expires_in: int
    """Seconds."""
    client_id: str
    organization_id: str
    refresh_token: str | None = None

    def __repr__(self) -> str:
        return f"TokenAnswer(client_id={self.client_id!r})"


class TokenEndpoint:
    """Answers token requests.

    Args:
        reads: what every request asks for.
        authenticator: tells which client asks.
        tokens: issues access tokens.
        grants: the ways to a token that there are.
    """

    def __init__(
        self,
        reads: HotReads,
        authenticator: ClientAuthenticator,
        tokens: TokenIssuer,
        grants: tuple[Grant, ...],
    ) -> None:
        self._reads = reads
        self._authenticator = authenticator
        self._tokens = tokens
        self._grants = {grant.name: grant for grant in grants}

    async def answer(self, request: TokenRequest) -> TokenAnswer:
        """Decides a token request.

        Raises:
            OAuthError: with the code of RFC 6749 section 5.2.
        """
        grant = self._find_grant(request)
        if not self._reads.is_fresh():
            await self._reads.refresh()
        public = (grant.grant_type,) if grant.admits_public else ()
        caller = await self._authenticator.authenticate(request, public=public)
        client = caller.record.client
        try:
            _check_allowed(caller.record, grant)
            if grant.uses_up:
                await self._tokens.make_ready(caller.record)
            decision = await grant.decide(request, caller)
            try:
                text, lifetime = await self._tokens.issue(caller.record, decision)
            except ApiError as error:  # what was at hand was forgotten in this very moment
                if grant.uses_up:
                    raise OutcomeUnknown(f"used up, but not answered: {error.detail}") from error
                raise
        except OAuthError as error:
            error.client_id = client.id
            error.organization_id = client.organization_id
            raise
        refresh = None if decision.refresh_token is None else decision.refresh_token.reveal()
        return TokenAnswer(text, lifetime, client.id, client.organization_id, refresh)

    def _find_grant(self, request: TokenRequest) -> Grant:
        grant = self._grants.get(request.required("grant_type"))
        if grant is None:
            raise OAuthError(
                "unsupported_grant_type",
                "the grant type is not supported",
                reason=RefusalReason.UNKNOWN_GRANT_TYPE,
            )
        return grant


def _check_allowed(record: ClientRecord, grant: Grant) -> None:
    client = record.client
    require_active(client)
    if client.grant_type is not grant.grant_type:
        raise OAuthError(
            "unauthorized_client",
            "the client is not registered for this grant type",
            reason=RefusalReason.OTHER_GRANT_TYPE,
        )
