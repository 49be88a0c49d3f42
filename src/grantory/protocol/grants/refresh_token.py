"""Refreshing an access token (RFC 6749 section 6, RFC 9700 section 4.14.2)."""

from typing import ClassVar

import msgspec

from grantory.domain.client import GrantType
from grantory.domain.code import REFRESH_GRACE_MS, TokenFamily
from grantory.domain.organization import User
from grantory.errors import OAuthError, RefusalReason
from grantory.ports.runtime import Clock
from grantory.ports.storage import Store, Transaction
from grantory.protocol.client_auth.caller import Caller
from grantory.protocol.families import Redeemed, end_family
from grantory.protocol.grants.decision import Decision
from grantory.protocol.refresh_tokens import Generation, RefreshTokens
from grantory.protocol.scopes import remaining_scopes
from grantory.protocol.standing import user_as_then
from grantory.protocol.token_request import TokenRequest


class RefreshTokenGrant:
    """Replaces a refresh token at each use.

    The one before the good one, within ten seconds and from the same client, gets the good one
    again: an answer may be lost on its way, and one client may ask twice at once. Anything else
    that is old is in two hands, and ends the family.

    Args:
        store: holds the families.
        refresh_tokens: reads and writes refresh tokens.
        clock: the time.
        refresh_seconds: how long a refresh token may lie unused.
    """

    name: ClassVar = "refresh_token"
    grant_type: ClassVar = GrantType.AUTHORIZATION_CODE
    admits_public: ClassVar = False
    uses_up: ClassVar = True

    def __init__(
        self, store: Store, refresh_tokens: RefreshTokens, clock: Clock, refresh_seconds: int
    ) -> None:
        self._store = store
        self._refresh_tokens = refresh_tokens
        self._clock = clock
        self._refresh_seconds = refresh_seconds

    async def decide(self, request: TokenRequest, caller: Caller) -> Decision:
        """Allows what the family was begun with, or less of it.

        Raises:
            OAuthError: ``invalid_grant`` for a refresh token that is not good, whatever the
                reason; ``invalid_scope`` for more than was allowed.
        """
        presented = await self._refresh_tokens.read(request.required("refresh_token"))
        client = caller.record.client
        if presented is None or presented.organization_id != client.organization_id:
            raise _refusal("no refresh token of this organisation")
        now = self._clock.now_ms()
        outcome = await self._store.write(
            lambda transaction: self._rotate(transaction, presented, request, caller, now)
        )
        if isinstance(outcome, OAuthError):
            raise outcome
        family = outcome.family
        scopes = _scopes(request, family, caller)
        refresh = await self._refresh_tokens.write(family)
        return Decision(scopes, outcome.user, family, refresh)

    def _rotate(
        self,
        transaction: Transaction,
        presented: Generation,
        request: TokenRequest,
        caller: Caller,
        now: int,
    ) -> Redeemed | OAuthError:
        """Returns a refusal where other functions raise one: what was noted of it must stay."""
        family = transaction.families.get_for_change(presented.family_id)
        client = caller.record.client
        if family is None or family.client_id != client.id:
            return _refusal("unknown family, or another client's")
        if not family.is_live or now >= family.expires_at:
            return _refusal("ended or expired")
        again = (
            presented.number == family.generation - 1
            and now - family.rotated_at <= REFRESH_GRACE_MS
        )
        if presented.number != family.generation and not again:
            reason = "a refresh token was used after it had been replaced"
            end_family(transaction, family, reason, request, caller, now)
            return _refusal("used before", RefusalReason.REFRESH_TOKEN_REUSED)
        user = self._user(transaction, family)
        if user is None:
            return _refusal("user or client ended meanwhile")
        try:
            _scopes(request, family, caller)
        except OAuthError as error:  # asks for too much: the token stays as it is
            return error
        if not again:
            family = self._next(family, client.access_token_lifetime, now)
            transaction.families.rotate(
                family.id, family.generation, family.rotated_at, family.expires_at
            )
        return Redeemed(user, family)

    def _user(self, transaction: Transaction, family: TokenFamily) -> User | None:
        return user_as_then(
            transaction, family.organization_id, family.client_id, family.user_id, family.epochs
        )

    def _next(self, family: TokenFamily, lifetime: int, now: int) -> TokenFamily:
        until = now + max(lifetime, self._refresh_seconds) * 1000
        return msgspec.structs.replace(
            family,
            generation=family.generation + 1,
            rotated_at=now,
            expires_at=max(until, family.expires_at),
        )


def _scopes(request: TokenRequest, family: TokenFamily, caller: Caller) -> tuple[str, ...]:
    allowed = remaining_scopes(family.scopes, caller.record.client)
    if allowed is None:
        raise _refusal("the client is registered for none of these scopes any more")
    asked = tuple(dict.fromkeys(request.form.get("scope", "").split()))
    if any(scope not in allowed for scope in asked):
        raise OAuthError(
            "invalid_scope", "the scope goes beyond what was allowed", reason=RefusalReason.SCOPE
        )
    return asked or allowed


def _refusal(detail: str, reason: RefusalReason = RefusalReason.REFRESH_TOKEN) -> OAuthError:
    return OAuthError(
        "invalid_grant",
        "the refresh token is not valid, has expired, or was used already",
        detail=detail,
        reason=reason,
    )
