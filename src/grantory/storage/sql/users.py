"""Users in SQL."""

from sqlalchemy import bindparam as p
from sqlalchemy import insert, select, update

from grantory.domain.organization import User, UserState, normal_email
from grantory.storage.sql.statement import ChangeLog, Row, SqlExecutor, Statement
from grantory.storage.sql.tables import users

_u = users.c
_COLUMNS = (
    _u.id,
    _u.organization_id,
    _u.name,
    _u.email,
    _u.created_at,
    _u.state,
    _u.token_epoch,
    _u.version,
)
_alive = _u.deleted_at.is_(None)
GET = Statement(select(*_COLUMNS).where(_u.id == p("id"), _alive))
GET_FOR_CHANGE = Statement(
    select(*_COLUMNS)
    .where(_u.id == p("id"), _u.organization_id == p("organization_id"), _alive)
    .with_for_update()
)
BY_EMAIL = Statement(
    select(*_COLUMNS).where(
        _u.organization_id == p("organization_id"), _u.email_key == p("email_key"), _alive
    )
)
ADD = Statement(
    insert(users).values({c.name: p(c.name) for c in (*_COLUMNS, _u.email_key, _u.password_digest)})
)
SET_PASSWORD = Statement(
    update(users)
    .where(_u.id == p("id_"), _alive)
    .values(password_digest=p("digest"), token_epoch=_u.token_epoch + 1, version=_u.version + 1)
)
END_TOKENS = Statement(
    update(users)
    .where(_u.id == p("id_"), _alive)
    .values(token_epoch=_u.token_epoch + 1, version=_u.version + 1)
)


class SqlUsers:
    """Implements ``UserWriter`` (and so ``UserReader``)."""

    def __init__(self, sql: SqlExecutor, log: ChangeLog) -> None:
        self._sql = sql
        self._log = log

    def get(self, user_id: str) -> User | None:  # noqa: D102 - see the port
        row = self._sql.one(GET, id=user_id)
        return None if row is None else _user(row)

    def get_for_change(self, organization_id: str, user_id: str) -> User | None:  # noqa: D102
        row = self._sql.one(GET_FOR_CHANGE, id=user_id, organization_id=organization_id)
        return None if row is None else _user(row)

    def find_by_email(self, organization_id: str, email: str) -> User | None:  # noqa: D102
        row = self._sql.one(
            BY_EMAIL, organization_id=organization_id, email_key=normal_email(email)
        )
        return None if row is None else _user(row)

    def add(self, user: User, password_digest: str | None) -> None:  # noqa: D102
        self._sql.run(
            ADD,
            id=user.id,
            organization_id=user.organization_id,
            name=user.name,
            email=user.email,
            email_key=normal_email(user.email),
            created_at=user.created_at,
            state=user.state.value,
            token_epoch=user.token_epoch,
            version=user.version,
            password_digest=password_digest,
        )
        self._log.made(user.id)

    def set_password(self, user_id: str, password_digest: str) -> None:  # noqa: D102
        self._sql.run(SET_PASSWORD, id_=user_id, digest=password_digest)
        self._log.touched("user", user_id)

    def end_tokens(self, user_id: str) -> None:  # noqa: D102
        self._sql.run(END_TOKENS, id_=user_id)
        self._log.touched("user", user_id)


def _user(row: Row) -> User:
    return User(
        id=row[0],
        organization_id=row[1],
        name=row[2],
        email=row[3],
        created_at=row[4],
        state=UserState(row[5]),
        token_epoch=row[6],
        version=row[7],
    )
