"""Refreshing an access token (RFC 6749 section 6, RFC 9700 section 4.14.2)."""

from collections.abc import Sequence
from typing import ClassVar, Final, NamedTuple

import msgspec

from grantory.domain.client import Client, GrantType
from grantory.domain.code import REFRESH_GRACE_MS, StandingNow, TokenFamily
from grantory.errors import OAuthError, RefusalReason
from grantory.ports.runtime import Clock
from grantory.ports.storage import Store, Transaction
from grantory.protocol.client_auth.caller import Caller
from grantory.protocol.families import Redeemed, end_family
from grantory.protocol.grants.decision import Decision
from grantory.protocol.refresh_tokens import Generation, RefreshTokens
from grantory.protocol.scopes import remaining_scopes
from grantory.protocol.together import Together
from grantory.protocol.token_request import TokenRequest
from grantory.protocol.vouch import Vouch

REUSED: Final = "a refresh token was used after it had been replaced"


class _Asked(NamedTuple):
    presented: Generation
    request: TokenRequest
    caller: Caller


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
        self._rotations: Together[_Asked, Redeemed | OAuthError] = Together(store, self._rotate)
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
        outcome = await self._rotations.make(_Asked(presented, request, caller))
        if isinstance(outcome, OAuthError):
            raise outcome
        vouch = Vouch(presented.key_id, _refusal)
        refresh = await self._refresh_tokens.write(outcome.family, vouch)
        return Decision(outcome.scopes, outcome.user, outcome.family, refresh, vouch)

    def _rotate(
        self, transaction: Transaction, asked: Sequence[_Asked], is_alone: bool
    ) -> list[Redeemed | OAuthError | None]:
        """Returns a refusal where other functions raise one: what was noted of it must stay."""
        now = self._clock.now_ms()
        ids = list({each.presented.family_id: None for each in asked})
        held = transaction.families.hold(ids, wait=is_alone)
        rotated: dict[str, TokenFamily] = {}
        outcomes: list[Redeemed | OAuthError | None] = []
        for each in asked:
            family_id = each.presented.family_id
            found = held.get(family_id)
            if found is None:  # there is none, or somebody else has locked it
                outcomes.append(_unknown() if is_alone else None)
                continue
            family, standing = found
            family = rotated.get(family_id, family)
            outcome = self._outcome(family, standing, each, now)
            if outcome is None:
                if is_alone:
                    end_family(transaction, family, REUSED, each.request, each.caller, now)
                    outcome = _refusal("used before", RefusalReason.REFRESH_TOKEN_REUSED)
            elif isinstance(outcome, Redeemed) and outcome.family is not family:
                if family_id in rotated:  # once more: in a transaction of its own
                    outcome = None
                else:
                    rotated[family_id] = outcome.family
            outcomes.append(outcome)
        for expires_at in {family.expires_at for family in rotated.values()}:
            together = [id for id, family in rotated.items() if family.expires_at == expires_at]
            transaction.families.rotate(together, now, expires_at)
        return outcomes

    def _outcome(
        self, family: TokenFamily, standing: StandingNow | None, asked: _Asked, now: int
    ) -> Redeemed | OAuthError | None:
        """Decides; None for a refresh token that was used after it had been replaced."""
        client = asked.caller.record.client
        if family.client_id != client.id:
            return _unknown()
        if not family.is_live or now >= family.expires_at:
            return _refusal("ended or expired")
        number = asked.presented.number
        if number != family.generation:
            again = number == family.generation - 1 and now - family.rotated_at <= REFRESH_GRACE_MS
            if not again:
                return None
        if standing is None or not standing.is_as_then(family.epochs):
            return _refusal("user or client ended meanwhile")
        try:
            scopes = _scopes(asked.request, family, client)
        except OAuthError as error:  # asks for too much: the token stays as it is
            return error
        if number == family.generation:
            family = self._next(family, client.access_token_lifetime, now)
        return Redeemed(family, scopes)

    def _next(self, family: TokenFamily, lifetime: int, now: int) -> TokenFamily:
        until = now + max(lifetime, self._refresh_seconds) * 1000
        return msgspec.structs.replace(
            family,
            generation=family.generation + 1,
            rotated_at=now,
            expires_at=max(until, family.expires_at),
        )


def _scopes(request: TokenRequest, family: TokenFamily, client: Client) -> tuple[str, ...]:
    allowed = remaining_scopes(family.scopes, client)
    if allowed is None:
        raise _refusal("the client is registered for none of these scopes any more")
    asked = tuple(dict.fromkeys(request.form.get("scope", "").split()))
    if any(scope not in allowed for scope in asked):
        raise OAuthError(
            "invalid_scope", "the scope goes beyond what was allowed", reason=RefusalReason.SCOPE
        )
    return asked or allowed


def _unknown() -> OAuthError:
    return _refusal("unknown family, or another client's")


def _refusal(detail: str, reason: RefusalReason = RefusalReason.REFRESH_TOKEN) -> OAuthError:
    return OAuthError(
        "invalid_grant",
        "the refresh token is not valid, has expired, or was used already",
        detail=detail,
        reason=reason,
    )
