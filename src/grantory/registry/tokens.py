"""Ending tokens: a single one, or all those of a user."""

from grantory.domain.token import AccessToken, DeniedToken
from grantory.errors import not_found
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

    async def end_all_of_user(self, actor: Actor, user_id: str) -> None:
        """Ends every token of a user; they are refused when this returns.

        It gives nobody a right, so that whoever may do it needs none of the user's rights.

        Raises:
            ApiError: 404 where there is no such user in the actor's organisation.
        """
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> None:
            user = transaction.users.get_for_change(actor.organization_id, user_id)
            if user is None:
                raise not_found("user", user_id)
            transaction.users.end_tokens(user_id)
            transaction.audit.add(actor.event(now, "Revoke", "User", user_id, user.name))

        await self._store.write(work)
