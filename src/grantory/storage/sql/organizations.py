"""Organisations in SQL."""

from typing import Any

import msgspec
from sqlalchemy import bindparam as p
from sqlalchemy import insert, select, update

from grantory.domain.organization import Organization
from grantory.storage.sql.statement import ChangeLog, Row, SqlExecutor, Statement
from grantory.storage.sql.tables import organizations

_o = organizations.c
_COLUMNS = (
    _o.id,
    _o.name,
    _o.created_at,
    _o.default_language,
    _o.default_country_code,
    _o.domain,
    _o.token_epoch,
    _o.version,
    _o.enforces_scopes,
)
GET = Statement(select(*_COLUMNS).where(_o.id == p("id")))
GET_FOR_CHANGE = Statement(select(*_COLUMNS).where(_o.id == p("id")).with_for_update())
ALL = Statement(select(*_COLUMNS).order_by(_o.created_at, _o.id))
_VALUES: dict[str, Any] = {c.name: p(c.name) for c in (*_COLUMNS, _o.name_key)}
ADD = Statement(insert(organizations).values(_VALUES))
REPLACE = Statement(
    update(organizations)
    .where(_o.id == p("id_"))
    .values({name: value for name, value in _VALUES.items() if name not in ("id", "created_at")})
)


class SqlOrganizations:
    """Implements ``OrganizationWriter`` (and so ``OrganizationReader``)."""

    def __init__(self, sql: SqlExecutor, log: ChangeLog) -> None:
        self._sql = sql
        self._log = log

    def get(self, organization_id: str) -> Organization | None:  # noqa: D102 - see the port
        row = self._sql.one(GET, id=organization_id)
        return None if row is None else _organization(row)

    def get_for_change(self, organization_id: str) -> Organization | None:  # noqa: D102
        row = self._sql.one(GET_FOR_CHANGE, id=organization_id)
        return None if row is None else _organization(row)

    def all(self) -> list[Organization]:  # noqa: D102
        return [_organization(row) for row in self._sql.all(ALL)]

    def add(self, organization: Organization) -> None:  # noqa: D102
        self._sql.run(ADD, **_values(organization))

    def replace(self, organization: Organization) -> None:  # noqa: D102
        values = _values(organization)
        del values["id"], values["created_at"]
        self._sql.run(REPLACE, id_=organization.id, **values)
        self._log.touched("organization", organization.id)


def _values(organization: Organization) -> dict[str, Any]:
    values = msgspec.structs.asdict(organization)
    values["enforces_scopes"] = int(organization.enforces_scopes)
    return {**values, "name_key": organization.name.casefold()}


def _organization(row: Row) -> Organization:
    return Organization(
        id=row[0],
        name=row[1],
        created_at=row[2],
        default_language=row[3],
        default_country_code=row[4],
        domain=row[5],
        token_epoch=row[6],
        version=row[7],
        enforces_scopes=bool(row[8]),
    )
