"""Authorization codes in SQL."""

from collections.abc import Mapping, Sequence

from sqlalchemy import bindparam as p
from sqlalchemy import delete, insert, select, update

from grantory.domain.code import AuthorizationCode, Epochs, StandingNow
from grantory.storage.sql.for_many import ForMany
from grantory.storage.sql.json_list import as_list, listed
from grantory.storage.sql.standing import COLUMNS as STANDING
from grantory.storage.sql.standing import standing, with_standing
from grantory.storage.sql.statement import Row, SqlExecutor, Statement
from grantory.storage.sql.tables import authorization_codes

_c = authorization_codes.c
_COLUMNS = (
    _c.digest,
    _c.organization_id,
    _c.client_id,
    _c.user_id,
    _c.session_id,
    _c.redirect_uri,
    _c.scopes,
    _c.challenge,
    _c.organization_epoch,
    _c.client_epoch,
    _c.user_epoch,
    _c.created_at,
    _c.expires_at,
    _c.used_at,
    _c.family_id,
)


_STANDING = select(*_COLUMNS, *STANDING).select_from(with_standing(authorization_codes))
HOLD = ForMany(
    lambda keys: _STANDING.where(_c.digest.in_(keys)).with_for_update(
        of=authorization_codes, skip_locked=True
    )
)
LOCK = ForMany(lambda keys: select(_c.digest).where(_c.digest.in_(keys)).with_for_update())
LOCKED = ForMany(lambda keys: _STANDING.where(_c.digest.in_(keys)))
"""A statement of its own: what is joined is of its beginning, and waiting may be long."""
ADD = Statement(insert(authorization_codes).values({c.name: p(c.name) for c in _COLUMNS}))
USE = Statement(
    update(authorization_codes)
    .where(_c.digest == p("digest_"))
    .values(used_at=p("used_at"), family_id=p("family_id"))
)

REMOVE_ALL = Statement(delete(authorization_codes))


class SqlCodes:
    """Implements ``CodeWriter``. No memory holds codes."""

    def __init__(self, sql: SqlExecutor) -> None:
        self._sql = sql

    def add(self, code: AuthorizationCode) -> None:  # noqa: D102 - see the port
        self._sql.run(
            ADD,
            digest=code.digest,
            organization_id=code.organization_id,
            client_id=code.client_id,
            user_id=code.user_id,
            session_id=code.session_id,
            redirect_uri=code.redirect_uri,
            scopes=as_list(code.scopes),
            challenge=code.challenge,
            organization_epoch=code.epochs.organization,
            client_epoch=code.epochs.client,
            user_epoch=code.epochs.user,
            created_at=code.created_at,
            expires_at=code.expires_at,
            used_at=code.used_at,
            family_id=code.family_id,
        )

    def hold(  # noqa: D102
        self, digests: Sequence[bytes], *, wait: bool
    ) -> dict[bytes, tuple[AuthorizationCode, StandingNow | None]]:
        held = {}
        if wait:
            for statement, keys in LOCK.of(digests):
                self._sql.all(statement, **keys)
        for statement, keys in (LOCKED if wait else HOLD).of(digests):
            for row in self._sql.all(statement, **keys):
                code = _code(row)
                held[code.digest] = code, standing(row, len(_COLUMNS))
        return held

    def remove_all(self) -> int:  # noqa: D102
        return self._sql.run(REMOVE_ALL)

    def use(self, families: Mapping[bytes, str | None], used_at: int) -> None:  # noqa: D102
        uses = [
            {"digest_": digest, "used_at": used_at, "family_id": family_id}
            for digest, family_id in families.items()
        ]
        self._sql.each(USE, uses)


def _code(row: Row) -> AuthorizationCode:
    return AuthorizationCode(
        digest=bytes(row[0]),
        organization_id=row[1],
        client_id=row[2],
        user_id=row[3],
        session_id=row[4],
        redirect_uri=row[5],
        scopes=listed(row[6]),
        challenge=row[7],
        epochs=Epochs(row[8], row[9], row[10]),
        created_at=row[11],
        expires_at=row[12],
        used_at=row[13],
        family_id=row[14],
    )
