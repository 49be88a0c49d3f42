"""Login sessions: beginning one, finding it again, and ending it with what it led to."""

import msgspec

from grantory.domain.audit import AuditEvent, Origin
from grantory.domain.client import Reference, SubjectKind
from grantory.domain.login import SESSION_SECONDS, LoginSession
from grantory.domain.opaque import OpaqueKind, compose_opaque, digest_of_opaque
from grantory.domain.organization import User, UserState
from grantory.domain.secret import SECRET_ENTROPY_BYTES, Secret
from grantory.ports.runtime import Clock, Random
from grantory.ports.storage import Snapshot, Store, Transaction


class Login(msgspec.Struct, frozen=True):
    """Somebody who is logged in."""

    session: LoginSession
    user: User


class Logins:
    """Knows who is logged in, by a cookie that the store holds a digest of."""

    def __init__(self, store: Store, clock: Clock, random: Random) -> None:
        self._store = store
        self._clock = clock
        self._random = random

    async def begin(
        self, user: User, former: str | None, address: str, correlation_id: str
    ) -> Secret:
        """Begins a session, with a cookie that nobody has seen before.

        Whoever logs in once more goes on with what they had, so that a logout still ends all of
        it; when somebody else does, the one before is logged out.

        Args:
            user: who has just proved to be that.
            former: the cookie of a session in the same browser, which is good no more.
            address: the caller's network address.
            correlation_id: the request's.
        """
        now = self._clock.now_ms()
        secret = compose_opaque(OpaqueKind.SESSION, self._random.token_bytes(SECRET_ENTROPY_BYTES))
        digest = digest_of_opaque(OpaqueKind.SESSION, secret.reveal())
        if digest is None:
            raise LookupError("a new cookie is not of its own form")
        session = LoginSession(
            id=self._random.uuid(),
            organization_id=user.organization_id,
            user_id=user.id,
            user_epoch=user.token_epoch,
            created_at=now,
            expires_at=now + SESSION_SECONDS * 1000,
        )

        def work(transaction: Transaction) -> None:
            earlier = _find(transaction, former)
            if earlier is not None and earlier.user_id != user.id:
                _end(transaction, earlier, now, address, correlation_id)
                earlier = None
            same = earlier and msgspec.structs.replace(session, id=earlier.id)
            if same is None or not transaction.logins.renew(same, digest):
                transaction.logins.add(session, digest)
            transaction.audit.add(_event("Login", session, now, address, correlation_id))

        await self._store.write(work)
        return secret

    async def find(self, cookie: str | None) -> Login | None:
        """Returns who is logged in by a cookie; None where nobody is any more."""
        if not cookie:
            return None

        def read(snapshot: Snapshot) -> Login | None:
            session = _find(snapshot, cookie)
            if session is None:
                return None
            user = snapshot.users.get(session.user_id)
            return None if user is None else Login(session, user)

        login = await self._store.read(read)
        return login if login is not None and self.is_good(login) else None

    def is_good(self, login: Login) -> bool:
        """Tells whether a session counts: not expired, and nothing of the user's was ended."""
        return (
            self._clock.now_ms() < login.session.expires_at
            and login.user.state is UserState.ACTIVE
            and login.user.token_epoch == login.session.user_epoch
        )

    async def end(self, cookie: str | None, address: str, correlation_id: str) -> None:
        """Ends a session and every token that it led to; they are refused when this returns."""
        if not cookie:
            return
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> None:
            session = _find(transaction, cookie)
            if session is not None:
                _end(transaction, session, now, address, correlation_id)

        await self._store.write(work)


def _end(
    transaction: Transaction, session: LoginSession, now: int, address: str, correlation_id: str
) -> None:
    transaction.logins.end(session.id)
    transaction.families.end_of_session(session.id, now)
    transaction.audit.add(_event("Logout", session, now, address, correlation_id))


def _event(
    action: str, session: LoginSession, now: int, address: str, correlation_id: str
) -> AuditEvent:
    origin = Origin(
        actor=Reference(SubjectKind.USER, session.user_id),
        correlation_id=correlation_id,
        address=address,
    )
    return AuditEvent(
        organization_id=session.organization_id,
        at=now,
        origin=origin,
        action=action,
        entity_type="User",
        entity_id=session.user_id,
    )


def _find(reader: Snapshot | Transaction, cookie: str | None) -> LoginSession | None:
    digest = digest_of_opaque(OpaqueKind.SESSION, cookie or "")
    return None if digest is None else reader.logins.find(digest)
