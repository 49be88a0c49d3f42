"""Revocation (RFC 7009): a client ends what was issued to it."""

from collections.abc import Awaitable, Callable
from typing import Final

from grantory.domain.audit import AuditEvent
from grantory.domain.client import GrantType
from grantory.domain.token import AccessToken, DeniedToken
from grantory.errors import OAuthError
from grantory.ports.hot_reads import HotReads
from grantory.ports.runtime import Clock
from grantory.ports.storage import Store, Transaction
from grantory.protocol.access_tokens import AccessTokens, TokenRefused
from grantory.protocol.client_auth.authenticate import ClientAuthenticator
from grantory.protocol.client_auth.caller import Caller
from grantory.protocol.families import end_family
from grantory.protocol.introspection import REFRESH_TOKEN_HINT
from grantory.protocol.refresh_tokens import Generation, RefreshTokens
from grantory.protocol.token_request import TokenRequest

ENTITY: Final = "AccessToken"
REASON: Final = "its client revoked it"
PUBLIC: Final = (GrantType.AUTHORIZATION_CODE, GrantType.IMPLICIT)
"""Whose clients may have no secret where their tokens are used, and could end none without this."""

_End = Callable[[str, TokenRequest, Caller], Awaitable[bool]]


class RevocationEndpoint:
    """Answers revocation requests; what is ended is refused when it has answered.

    A client may do this whatever its state is, for it gives nobody a right. Both kinds of token
    can be ended, so that ``unsupported_token_type`` is never answered; a refresh token by its
    client's secret alone, without which none was ever given.

    Args:
        reads: what every request asks for.
        authenticator: tells which client asks.
        tokens: verifies access tokens.
        refresh_tokens: reads refresh tokens.
        store: where they are ended.
        clock: the time.
    """

    def __init__(
        self,
        *,
        reads: HotReads,
        authenticator: ClientAuthenticator,
        tokens: AccessTokens,
        refresh_tokens: RefreshTokens,
        store: Store,
        clock: Clock,
    ) -> None:
        self._reads = reads
        self._authenticator = authenticator
        self._tokens = tokens
        self._refresh_tokens = refresh_tokens
        self._store = store
        self._clock = clock
        self._order: tuple[_End, ...] = (self._end_access_token, self._end_refresh_token)
        self._hinted: tuple[_End, ...] = (self._end_refresh_token, self._end_access_token)

    async def answer(self, request: TokenRequest) -> Caller:
        """Ends the token that the request names, if it is good and its own client asks.

        Returns:
            Who asked. That nothing was ended is no error (section 2.2): the token is of no use to
            that client in any case.

        Raises:
            OAuthError: with the code of RFC 6749 section 5.2.
        """
        await self._reads.refresh()
        caller = await self._authenticator.authenticate(request, public=PUBLIC)
        try:
            presented = request.required("token")
        except OAuthError as error:
            client = caller.record.client
            error.client_id, error.organization_id = client.id, client.organization_id
            raise
        hinted = request.form.get("token_type_hint") == REFRESH_TOKEN_HINT
        for end in self._hinted if hinted else self._order:
            if await end(presented, request, caller):
                break
        return caller

    async def _end_access_token(
        self, presented: str, request: TokenRequest, caller: Caller
    ) -> bool:
        try:
            token = await self._tokens.verify(presented)
        except TokenRefused:
            return False
        if token.client_id != caller.record.client.id:
            return False
        now = self._clock.now_ms()
        await self._store.write(lambda transaction: _deny(transaction, token, request, caller, now))
        return True

    async def _end_refresh_token(
        self, presented: str, request: TokenRequest, caller: Caller
    ) -> bool:
        if not caller.is_authenticated:  # else one that is spent would end a login by itself
            return False
        read = await self._refresh_tokens.read(presented)
        if read is None or read.organization_id != caller.record.client.organization_id:
            return False
        now = self._clock.now_ms()
        await self._store.write(
            lambda transaction: _end_its_family(transaction, read, request, caller, now)
        )
        return True


def _deny(
    transaction: Transaction, token: AccessToken, request: TokenRequest, caller: Caller, now: int
) -> None:
    denied = DeniedToken(
        token_id=token.token_id,
        organization_id=token.organization_id,
        expires_at=token.expires_at,
    )
    if transaction.denied_tokens.add(denied):  # not so when asked twice at the same moment
        transaction.audit.add(
            AuditEvent(
                organization_id=token.organization_id,
                at=now,
                origin=caller.origin(request),
                action="Revoke",
                entity_type=ENTITY,
                entity_id=token.token_id.hex(),
                entity_name=REASON,
            )
        )


def _end_its_family(
    transaction: Transaction, read: Generation, request: TokenRequest, caller: Caller, now: int
) -> None:
    """Ends it also for a refresh token that was replaced: the client wants none of it to live."""
    family = transaction.families.get_for_change(read.family_id)
    if family is None or family.client_id != caller.record.client.id:
        return
    if family.is_live and now < family.expires_at:
        end_family(transaction, family, REASON, request, caller, now)
