"""Ending a single token."""

from typing import Final

from grantory.domain.token import CLOCK_SLACK_SECONDS, AccessToken, DeniedToken
from grantory.ports.runtime import Clock
from grantory.ports.storage import Store, Transaction
from grantory.registry.actor import Actor

FORGOTTEN_AT_ONCE: Final = 100
"""More than one for each that is added, so that the list cannot grow for ever."""


class TokenRegistry:
    """Ends tokens before their time."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def end_own(self, actor: Actor, token: AccessToken) -> None:
        """Ends the token that the actor calls with; it is refused when this returns."""
        denied = DeniedToken(
            token_id=token.token_id,
            organization_id=token.organization_id,
            expires_at=token.expires_at,
        )
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> None:
            transaction.denied_tokens.add(denied)
            transaction.denied_tokens.forget_expired(
                now // 1000 - CLOCK_SLACK_SECONDS, FORGOTTEN_AT_ONCE
            )
            event = actor.event(now, "Revoke", "AccessToken", token.token_id.hex(), "")
            transaction.audit.add(event)

        await self._store.write(work)
