"""Login sessions in SQL."""

from collections.abc import Sequence

from sqlalchemy import bindparam as p
from sqlalchemy import delete, insert, select, update

from grantory.domain.login import LoginSession
from grantory.storage.sql.for_many import ForMany
from grantory.storage.sql.statement import SqlExecutor, Statement
from grantory.storage.sql.tables import login_sessions

_s = login_sessions.c
_COLUMNS = (
    _s.id,
    _s.organization_id,
    _s.user_id,
    _s.user_epoch,
    _s.created_at,
    _s.expires_at,
)
FIND = Statement(select(*_COLUMNS).where(_s.digest == p("digest")))
HOLD = Statement(select(_s.id).where(_s.id == p("id")).with_for_update(read=True))
HOLD_ALL = ForMany(
    lambda ids: select(_s.id).where(_s.id.in_(ids)).with_for_update(read=True, skip_locked=True)
)
ADD = Statement(insert(login_sessions).values({c.name: p(c.name) for c in _s}))
RENEW = Statement(
    update(login_sessions)
    .where(_s.id == p("id_"))
    .values(
        digest=p("digest"),
        user_epoch=p("user_epoch"),
        created_at=p("created_at"),
        expires_at=p("expires_at"),
    )
)
END = Statement(delete(login_sessions).where(_s.id == p("id_")))

END_ALL = Statement(delete(login_sessions))


class SqlLogins:
    """Implements ``LoginWriter`` (and so ``LoginReader``). No memory holds sessions."""

    def __init__(self, sql: SqlExecutor) -> None:
        self._sql = sql

    def find(self, digest: bytes) -> LoginSession | None:  # noqa: D102 - see the port
        row = self._sql.one(FIND, digest=digest)
        if row is None:
            return None
        return LoginSession(
            id=row[0],
            organization_id=row[1],
            user_id=row[2],
            user_epoch=row[3],
            created_at=row[4],
            expires_at=row[5],
        )

    def hold(self, session_id: str) -> bool:  # noqa: D102
        return self._sql.one(HOLD, id=session_id) is not None

    def hold_all(self, session_ids: Sequence[str]) -> frozenset[str]:  # noqa: D102
        held: set[str] = set()
        for statement, keys in HOLD_ALL.of(session_ids):
            held.update(row[0] for row in self._sql.all(statement, **keys))
        return frozenset(held)

    def add(self, session: LoginSession, digest: bytes) -> None:  # noqa: D102
        self._sql.run(
            ADD,
            id=session.id,
            organization_id=session.organization_id,
            user_id=session.user_id,
            digest=digest,
            user_epoch=session.user_epoch,
            created_at=session.created_at,
            expires_at=session.expires_at,
        )

    def renew(self, session: LoginSession, digest: bytes) -> bool:  # noqa: D102
        renewed = self._sql.run(
            RENEW,
            id_=session.id,
            digest=digest,
            user_epoch=session.user_epoch,
            created_at=session.created_at,
            expires_at=session.expires_at,
        )
        return bool(renewed)

    def end(self, session_id: str) -> bool:  # noqa: D102
        return bool(self._sql.run(END, id_=session_id))

    def end_all(self) -> int:  # noqa: D102
        return self._sql.run(END_ALL)
