"""Ending a single token."""

from grantory.domain.token import AccessToken, DeniedToken
from grantory.ports.runtime import Clock
from grantory.ports.storage import Store, Transaction
from grantory.registry.actor import Actor


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
            if transaction.denied_tokens.add(denied):  # not so when asked twice at the same moment
                event = actor.event(now, "Revoke", "AccessToken", token.token_id.hex(), "")
                transaction.audit.add(event)

        await self._store.write(work)
