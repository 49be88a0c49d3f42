"""Setting passwords: an administrator that of somebody, and everybody their own."""

from typing import Final

from grantory.domain.audit import PropertyChange
from grantory.domain.organization import Organization, User, UserState
from grantory.domain.secret import Secret
from grantory.errors import ApiError, FieldProblem, invalid, not_found
from grantory.ports.attempts import AttemptThrottle
from grantory.ports.runtime import Clock
from grantory.ports.storage import Snapshot, Store, Transaction
from grantory.registry.actor import Actor
from grantory.registry.coverage import require_coverage, rights_at_stake
from grantory.registry.new_passwords import NewPasswords, known_of
from grantory.registry.users import ENTITY, locked_user, own_id

_CHANGED: Final = (PropertyChange("password", [], ["set"]),)
_ANYWHERE: Final = ""
"""Attempts count for a user wherever they come from."""


class UserPasswords:
    """Sets passwords; each ends every token and session of its user."""

    def __init__(
        self, store: Store, clock: Clock, passwords: NewPasswords, attempts: AttemptThrottle
    ) -> None:
        self._store = store
        self._clock = clock
        self._passwords = passwords
        self._attempts = attempts

    async def set(self, actor: Actor, user_id: str, new: Secret) -> None:
        """Sets the password of a user.

        Raises:
            ApiError: 404; 400 for a bad password; 403 when the user holds what the actor lacks;
                503 when too many wait.
        """
        user, organization, _ = await self._read(actor, user_id)
        digest = await self._digest(new, user, organization)
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> None:
            locked = locked_user(transaction, actor, user_id)
            held = [grant.assignment for grant in transaction.access.grants_of(user_id)]
            needed = rights_at_stake(transaction, actor.organization_id, held)
            require_coverage(transaction, actor, needed)
            _set(transaction, actor, locked, digest, now)

        await self._store.write(work)

    async def change_own(self, actor: Actor, old: Secret, new: Secret) -> None:
        """Changes the password of the user who asks, who must know the old one.

        Raises:
            ApiError: 400 ``not.a.user`` for a client; 400 naming the old password that is not
                right, or the new one that is bad; 409 when tokens of the user were ended
                meanwhile; 429 after too many attempts; 503 when too many wait.
        """
        user_id = own_id(actor)
        user, organization, before = await self._read(actor, user_id)
        # Counted before it is compared: those who ask at the same time are not to get past.
        wait = self._attempts.wait_seconds(user_id, _ANYWHERE)
        if wait is not None:
            raise ApiError(
                429,
                "too.many.requests",
                f"The password was to be changed too often. Retry the request in [{wait}] seconds",
                params={"seconds": str(wait)},
                retry_after=wait,
            )
        self._attempts.failed(user_id, _ANYWHERE)
        if not await self._passwords.fits(old, before):
            raise invalid(FieldProblem("old_password", "invalid.value", "is not the password"))
        digest = await self._digest(new, user, organization)
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> None:
            locked = locked_user(transaction, actor, user_id)
            ended = locked.token_epoch != user.token_epoch
            if ended or locked.state is not UserState.ACTIVE:
                raise ApiError(
                    409,
                    "general.conflict",
                    "Your password was set, or your tokens were ended, at the same moment. "
                    "Nothing was changed: log in again.",
                )
            _set(transaction, actor, locked, digest, now)

        await self._store.write(work)

    async def _digest(self, new: Secret, user: User, organization: Organization | None) -> str:
        known = known_of(user.name, user.email, organization)
        return await self._passwords.digest(new, "new_password", known)

    async def _read(
        self, actor: Actor, user_id: str
    ) -> tuple[User, Organization | None, str | None]:
        def read(snapshot: Snapshot) -> tuple[User | None, Organization | None, str | None]:
            return (
                snapshot.users.get(user_id),
                snapshot.organizations.get(actor.organization_id),
                snapshot.users.password_digest(user_id),
            )

        user, organization, digest = await self._store.read(read)
        if user is None or user.organization_id != actor.organization_id:
            raise not_found("user", user_id)
        return user, organization, digest


def _set(transaction: Transaction, actor: Actor, user: User, digest: str, now: int) -> None:
    transaction.users.set_password(user.id, digest)
    transaction.audit.add(actor.event(now, "Update", ENTITY, user.id, user.name, _CHANGED))
