"""Users in SQL."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import bindparam as p
from sqlalchemy import func, insert, select, update

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
    _u.modified_at,
    _u.title,
    _u.department,
    _u.division_id,
)
_alive = _u.deleted_at.is_(None)
_in_organization = _u.organization_id == p("organization_id")
_in_state = _u.state == p("state")
GET = Statement(select(*_COLUMNS).where(_u.id == p("id"), _alive))
GET_FOR_CHANGE = Statement(
    select(*_COLUMNS).where(_u.id == p("id"), _in_organization, _alive).with_for_update()
)
BY_EMAIL = Statement(
    select(*_COLUMNS).where(_in_organization, _u.email_key == p("email_key"), _alive)
)
CREDENTIALS = Statement(
    select(*_COLUMNS, _u.password_digest).where(
        _in_organization, _u.email_key == p("email_key"), _alive
    )
)
PASSWORD = Statement(select(_u.password_digest).where(_u.id == p("id"), _alive))
_count = select(func.count()).select_from(users).where(_in_organization, _alive)
COUNT = Statement(_count)
COUNT_IN_STATE = Statement(_count.where(_in_state))
_page = select(*_COLUMNS).where(_in_organization, _alive).limit(p("limit")).offset(p("offset"))
_oldest = _page.order_by(_u.created_at, _u.id)
_newest = _page.order_by(_u.created_at.desc(), _u.id.desc())
PAGES: Final = {
    (False, False): Statement(_oldest),
    (True, False): Statement(_oldest.where(_in_state)),
    (False, True): Statement(_newest),
    (True, True): Statement(_newest.where(_in_state)),
}
"""By whether a state is given, and whether the newest come first."""
_VALUES: Final[dict[str, Any]] = {c.name: p(c.name) for c in (*_COLUMNS, _u.email_key)}
ADD = Statement(insert(users).values({**_VALUES, "password_digest": p("password_digest")}))
REPLACE = Statement(
    update(users)
    .where(_u.id == p("id_"), _alive)
    .values(
        {
            name: value
            for name, value in _VALUES.items()
            if name not in ("id", "organization_id", "created_at")
        }
    )
)
DELETE = Statement(
    update(users)
    .where(_u.id == p("id_"), _alive)
    .values(deleted_at=p("deleted"), token_epoch=_u.token_epoch + 1, version=_u.version + 1)
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

    def credentials(  # noqa: D102
        self, organization_id: str, email: str
    ) -> tuple[User, str | None] | None:
        key = normal_email(email)
        row = self._sql.one(CREDENTIALS, organization_id=organization_id, email_key=key)
        return None if row is None else (_user(row), row[-1])

    def password_digest(self, user_id: str) -> str | None:  # noqa: D102
        row = self._sql.one(PASSWORD, id=user_id)
        return None if row is None else row[0]

    def count(self, organization_id: str, state: UserState | None) -> int:  # noqa: D102
        if state is None:
            return int(self._sql.all(COUNT, organization_id=organization_id)[0][0])
        named = {"organization_id": organization_id, "state": state.value}
        return int(self._sql.all(COUNT_IN_STATE, **named)[0][0])

    def page(  # noqa: D102
        self,
        organization_id: str,
        state: UserState | None,
        offset: int,
        limit: int,
        *,
        newest_first: bool = False,
    ) -> list[User]:
        statement = PAGES[state is not None, newest_first]
        named: dict[str, Any] = {"organization_id": organization_id}
        if state is not None:
            named["state"] = state.value
        return [_user(row) for row in self._sql.all(statement, offset=offset, limit=limit, **named)]

    def of_ids(self, organization_id: str, user_ids: Sequence[str]) -> list[User]:  # noqa: D102
        found = (self.get(user_id) for user_id in user_ids)
        return [user for user in found if user and user.organization_id == organization_id]

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
            created_at=user.created_at,
            password_digest=password_digest,
            **_values(user),
        )
        self._log.made(user.id)

    def replace(self, user: User) -> None:  # noqa: D102
        self._sql.run(REPLACE, id_=user.id, **_values(user))
        self._log.touched("user", user.id)

    def delete(self, user: User, deleted_at: int) -> None:  # noqa: D102
        self._sql.run(DELETE, id_=user.id, deleted=deleted_at)
        self._log.touched("user", user.id)

    def set_password(self, user_id: str, password_digest: str) -> None:  # noqa: D102
        self._sql.run(SET_PASSWORD, id_=user_id, digest=password_digest)
        self._log.touched("user", user_id)

    def end_tokens(self, user_id: str) -> None:  # noqa: D102
        self._sql.run(END_TOKENS, id_=user_id)
        self._log.touched("user", user_id)


def _values(user: User) -> dict[str, Any]:
    return {
        "name": user.name,
        "email": user.email,
        "email_key": normal_email(user.email),
        "state": user.state.value,
        "token_epoch": user.token_epoch,
        "version": user.version,
        "modified_at": user.modified_at,
        "title": user.title,
        "department": user.department,
        "division_id": user.division_id,
    }


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
        modified_at=row[8],
        title=row[9],
        department=row[10],
        division_id=row[11],
    )
