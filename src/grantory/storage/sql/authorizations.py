"""Authorizations of clients in SQL."""

from typing import Final

from sqlalchemy import bindparam as p
from sqlalchemy import delete, insert, select, update

from grantory.domain.authorization import Authorization, AuthorizationState
from grantory.domain.client import Reference, SubjectKind
from grantory.storage.sql.json_list import as_list, listed
from grantory.storage.sql.statement import Row, SqlExecutor, Statement
from grantory.storage.sql.tables import authorizations

EVERYBODY: Final = ""
_a = authorizations.c
_COLUMNS = (
    _a.organization_id,
    _a.client_id,
    _a.user_id,
    _a.scopes,
    _a.state,
    _a.created_at,
    _a.modified_at,
    _a.created_by_kind,
    _a.created_by_id,
    _a.modified_by_kind,
    _a.modified_by_id,
)
_of_client = (_a.organization_id == p("organization_id"), _a.client_id == p("client_id"))
GET = Statement(select(*_COLUMNS).where(*_of_client, _a.user_id == p("user_id")))
OF_CLIENT = Statement(
    select(*_COLUMNS)
    .where(*_of_client)
    .order_by(
        _a.state != AuthorizationState.AUTHORIZED.value,
        _a.user_id != EVERYBODY,
        _a.modified_at.desc(),
        _a.user_id,
    )
    .limit(p("limit"))
)
CLIENTS = Statement(
    select(_a.client_id)
    .where(_a.organization_id == p("organization_id"))
    .distinct()
    .order_by(_a.client_id)
    .limit(p("limit"))
)
REMOVE_OF_CLIENT = Statement(
    delete(authorizations).where(
        _a.organization_id == p("organization_id_"), _a.client_id == p("client_id_")
    )
)
REMOVE_OF_USER = Statement(
    delete(authorizations).where(
        _a.organization_id == p("organization_id_"), _a.user_id == p("user_id_")
    )
)
ADD = Statement(
    insert(authorizations).values({c.name: p(c.name) for c in _COLUMNS}),
    ending=" ON CONFLICT DO NOTHING",
)
REPLACE = Statement(
    update(authorizations)
    .where(
        _a.organization_id == p("organization_id_"),
        _a.client_id == p("client_id_"),
        _a.user_id == p("user_id_"),
    )
    .values(
        scopes=p("scopes"),
        state=p("state"),
        modified_at=p("modified_at"),
        modified_by_kind=p("modified_by_kind"),
        modified_by_id=p("modified_by_id"),
    )
)
REVOKE_ALL = Statement(
    update(authorizations)
    .where(
        _a.organization_id == p("organization_id_"),
        _a.client_id == p("client_id_"),
        _a.state == AuthorizationState.AUTHORIZED.value,
    )
    .values(
        state=AuthorizationState.REVOKED.value,
        modified_at=p("modified_at"),
        modified_by_kind=p("modified_by_kind"),
        modified_by_id=p("modified_by_id"),
    )
)


class SqlAuthorizations:
    """Implements ``AuthorizationWriter`` (and so ``AuthorizationReader``)."""

    def __init__(self, sql: SqlExecutor) -> None:
        self._sql = sql

    def get(  # noqa: D102 - see the port
        self, organization_id: str, client_id: str, user_id: str | None
    ) -> Authorization | None:
        row = self._sql.one(
            GET,
            organization_id=organization_id,
            client_id=client_id,
            user_id=user_id or EVERYBODY,
        )
        return None if row is None else _authorization(row)

    def of_client(  # noqa: D102
        self, organization_id: str, client_id: str, limit: int
    ) -> list[Authorization]:
        rows = self._sql.all(
            OF_CLIENT, organization_id=organization_id, client_id=client_id, limit=limit
        )
        return [_authorization(row) for row in rows]

    def clients(self, organization_id: str, limit: int) -> list[str]:  # noqa: D102
        rows = self._sql.all(CLIENTS, organization_id=organization_id, limit=limit)
        return [row[0] for row in rows]

    def put(self, authorization: Authorization) -> None:  # noqa: D102
        key = {
            "organization_id": authorization.organization_id,
            "client_id": authorization.client_id,
            "user_id": authorization.user_id or EVERYBODY,
        }
        values = {
            "scopes": as_list(authorization.scopes),
            "state": authorization.state.value,
            "modified_at": authorization.modified_at,
            "modified_by_kind": authorization.modified_by.kind.value,
            "modified_by_id": authorization.modified_by.id,
        }
        first = {
            "created_at": authorization.created_at,
            "created_by_kind": authorization.created_by.kind.value,
            "created_by_id": authorization.created_by.id,
        }
        if not self._sql.run(ADD, **key, **values, **first):
            named = {f"{name}_": value for name, value in key.items()}
            self._sql.run(REPLACE, **named, **values)

    def revoke_all(self, authorization: Authorization) -> int:  # noqa: D102
        return self._sql.run(
            REVOKE_ALL,
            organization_id_=authorization.organization_id,
            client_id_=authorization.client_id,
            modified_at=authorization.modified_at,
            modified_by_kind=authorization.modified_by.kind.value,
            modified_by_id=authorization.modified_by.id,
        )

    def remove_of_client(self, organization_id: str, client_id: str) -> None:  # noqa: D102
        self._sql.run(REMOVE_OF_CLIENT, organization_id_=organization_id, client_id_=client_id)

    def remove_of_user(self, organization_id: str, user_id: str) -> None:  # noqa: D102
        self._sql.run(REMOVE_OF_USER, organization_id_=organization_id, user_id_=user_id)


def _authorization(row: Row) -> Authorization:
    return Authorization(
        organization_id=row[0],
        client_id=row[1],
        user_id=row[2] or None,
        scopes=listed(row[3]),
        state=AuthorizationState(row[4]),
        created_at=row[5],
        modified_at=row[6],
        created_by=Reference(SubjectKind(row[7]), row[8]),
        modified_by=Reference(SubjectKind(row[9]), row[10]),
    )
