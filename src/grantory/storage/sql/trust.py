"""Trusted identity providers in SQL, and the assertions that were used."""

from typing import Any

from sqlalchemy import bindparam as p
from sqlalchemy import delete, insert, select, update

from grantory.domain.trust import IdentityProvider, UsedAssertion
from grantory.storage.sql.json_list import as_list, listed
from grantory.storage.sql.statement import Row, SqlExecutor, Statement
from grantory.storage.sql.tables import identity_providers, used_assertions

_i = identity_providers.c
_u = used_assertions.c
_COLUMNS = (
    _i.id,
    _i.organization_id,
    _i.name,
    _i.issuer,
    _i.certificates,
    _i.audiences,
    _i.recipients,
    _i.email_attribute,
    _i.enabled,
    _i.created_at,
    _i.modified_at,
    _i.version,
)
_of_organization = _i.organization_id == p("organization_id")
GET = Statement(select(*_COLUMNS).where(_i.id == p("id"), _of_organization))
GET_FOR_CHANGE = Statement(
    select(*_COLUMNS).where(_i.id == p("id"), _of_organization).with_for_update()
)
HOLD = Statement(
    select(*_COLUMNS).where(_i.id == p("id"), _of_organization).with_for_update(read=True)
)
BY_ISSUER = Statement(select(*_COLUMNS).where(_of_organization, _i.issuer == p("issuer")))
ALL = Statement(select(*_COLUMNS).where(_of_organization).order_by(_i.name_key))
_VALUES: dict[str, Any] = {c.name: p(c.name) for c in (*_COLUMNS, _i.name_key)}
ADD = Statement(insert(identity_providers).values(_VALUES))
REPLACE = Statement(
    update(identity_providers)
    .where(_i.id == p("id_"))
    .values(
        {
            name: value
            for name, value in _VALUES.items()
            if name not in ("id", "organization_id", "created_at")
        }
    )
)
DELETE = Statement(delete(identity_providers).where(_i.id == p("id_")))
USE = Statement(
    insert(used_assertions).values({c.name: p(c.name) for c in _u}),
    ending=" ON CONFLICT DO NOTHING",
)


class SqlTrust:
    """Implements ``TrustWriter`` (and so ``TrustReader``). No memory holds providers."""

    def __init__(self, sql: SqlExecutor) -> None:
        self._sql = sql

    def get(  # noqa: D102 - see the port
        self, organization_id: str, provider_id: str
    ) -> IdentityProvider | None:
        row = self._sql.one(GET, id=provider_id, organization_id=organization_id)
        return None if row is None else _provider(row)

    def get_for_change(  # noqa: D102
        self, organization_id: str, provider_id: str
    ) -> IdentityProvider | None:
        row = self._sql.one(GET_FOR_CHANGE, id=provider_id, organization_id=organization_id)
        return None if row is None else _provider(row)

    def hold(  # noqa: D102
        self, organization_id: str, provider_id: str
    ) -> IdentityProvider | None:
        row = self._sql.one(HOLD, id=provider_id, organization_id=organization_id)
        return None if row is None else _provider(row)

    def by_issuer(self, organization_id: str, issuer: str) -> IdentityProvider | None:  # noqa: D102
        row = self._sql.one(BY_ISSUER, organization_id=organization_id, issuer=issuer)
        return None if row is None else _provider(row)

    def all(self, organization_id: str) -> list[IdentityProvider]:  # noqa: D102
        return [_provider(row) for row in self._sql.all(ALL, organization_id=organization_id)]

    def add(self, provider: IdentityProvider) -> None:  # noqa: D102
        self._sql.run(
            ADD,
            id=provider.id,
            organization_id=provider.organization_id,
            created_at=provider.created_at,
            **_values(provider),
        )

    def replace(self, provider: IdentityProvider) -> None:  # noqa: D102
        self._sql.run(REPLACE, id_=provider.id, **_values(provider))

    def delete(self, provider: IdentityProvider) -> None:  # noqa: D102
        self._sql.run(DELETE, id_=provider.id)

    def use(self, assertion: UsedAssertion) -> bool:  # noqa: D102
        return bool(
            self._sql.run(
                USE,
                organization_id=assertion.organization_id,
                digest=assertion.digest,
                expires_at=assertion.expires_at,
            )
        )


def _values(provider: IdentityProvider) -> dict[str, Any]:
    return {
        "name": provider.name,
        "name_key": provider.name.casefold(),
        "issuer": provider.issuer,
        "certificates": as_list(provider.certificates),
        "audiences": as_list(provider.audiences),
        "recipients": as_list(provider.recipients),
        "email_attribute": provider.email_attribute,
        "enabled": int(provider.enabled),
        "modified_at": provider.modified_at,
        "version": provider.version,
    }


def _provider(row: Row) -> IdentityProvider:
    return IdentityProvider(
        id=row[0],
        organization_id=row[1],
        name=row[2],
        issuer=row[3],
        certificates=listed(row[4]),
        audiences=listed(row[5]),
        recipients=listed(row[6]),
        email_attribute=row[7],
        enabled=bool(row[8]),
        created_at=row[9],
        modified_at=row[10],
        version=row[11],
    )
