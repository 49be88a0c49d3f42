"""Clients, their redirect URIs and their secrets in SQL."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import bindparam as p
from sqlalchemy import delete, insert, select, tuple_, update

from grantory.domain.client import Client, ClientState, GrantType, Reference, SubjectKind
from grantory.domain.redirect_uri import origin_of
from grantory.domain.secret import ClientSecret
from grantory.domain.signing import SigningAlgorithm
from grantory.ports.clients import ClientPosition
from grantory.storage.sql.json_list import as_list, listed
from grantory.storage.sql.many_rows import add_rows
from grantory.storage.sql.statement import ChangeLog, Row, SqlExecutor, Statement
from grantory.storage.sql.tables import client_redirect_uris as uris
from grantory.storage.sql.tables import client_secrets as secret_rows
from grantory.storage.sql.tables import clients as client_rows

_c, _secret = client_rows.c, secret_rows.c
_COLUMNS = (
    _c.id,
    _c.organization_id,
    _c.name,
    _c.description,
    _c.grant_type,
    _c.state,
    _c.access_token_lifetime_s,
    _c.scopes,
    _c.created_at,
    _c.created_by_kind,
    _c.created_by_id,
    _c.modified_at,
    _c.modified_by_kind,
    _c.modified_by_id,
    _c.delete_at,
    _c.token_epoch,
    _c.version,
    _c.jwt_algorithm,
)
_alive = _c.deleted_at.is_(None)
_in_organization = _c.organization_id == p("organization_id")
_listing = select(*_COLUMNS).where(_in_organization, _alive).order_by(_c.created_at, _c.id)

GET = Statement(select(*_COLUMNS).where(_c.id == p("id"), _alive))
GET_FOR_CHANGE = Statement(
    select(*_COLUMNS).where(_c.id == p("id"), _in_organization, _alive).with_for_update()
)
_after = tuple_(_c.created_at, _c.id) > tuple_(p("after_at"), p("after_id"))
AFTER = Statement(_listing.where(_after).limit(p("limit")))
IDS_AT_ONCE: Final = 100
_ids = [f"id_{number}" for number in range(IDS_AT_ONCE)]
# By id alone: told the organisation, or that it is alive, databases may walk through all clients.
OF_IDS = Statement(select(*_COLUMNS, _c.deleted_at).where(_c.id.in_([p(name) for name in _ids])))
ADD = Statement(insert(client_rows).values({c.name: p(c.name) for c in _COLUMNS}))
REPLACE = Statement(
    update(client_rows)
    .where(_c.id == p("id_"), _alive)
    .values({c.name: p(c.name) for c in _COLUMNS if c.name not in ("id", "organization_id")})
)
DELETE = Statement(
    update(client_rows)
    .where(_c.id == p("id_"), _alive)
    .values(deleted_at=p("deleted"), token_epoch=_c.token_epoch + 1, version=_c.version + 1)
)
URIS = Statement(
    select(uris.c.uri).where(uris.c.client_id == p("client_id")).order_by(uris.c.position)
)
URIS_BETWEEN = Statement(
    select(uris.c.client_id, uris.c.uri)
    .join(client_rows, _c.id == uris.c.client_id)
    .where(
        _in_organization,
        _alive,
        tuple_(_c.created_at, _c.id) >= tuple_(p("from_at"), p("from_id")),
        tuple_(_c.created_at, _c.id) <= tuple_(p("to_at"), p("to_id")),
    )
    .order_by(_c.created_at, _c.id, uris.c.position)
)
URIS_OF_IDS = Statement(
    select(uris.c.client_id, uris.c.uri)
    .where(uris.c.client_id.in_([p(name) for name in _ids]))
    .order_by(uris.c.client_id, uris.c.position)
)
WITH_ORIGIN = Statement(
    select(uris.c.client_id)
    .join(client_rows, _c.id == uris.c.client_id)
    .where(uris.c.origin == p("origin"), _alive)
    .limit(1)
)
ADD_URI = Statement(insert(uris).values({c.name: p(c.name) for c in uris.c}))
DELETE_URIS = Statement(delete(uris).where(uris.c.client_id == p("client_id")))
_SECRET_COLUMNS = (
    _secret.key_id,
    _secret.client_id,
    _secret.organization_id,
    _secret.digest,
    _secret.created_at,
    _secret.expires_at,
)
_not_ended = _secret.ended_at.is_(None)
SECRETS = Statement(select(*_SECRET_COLUMNS).where(_secret.client_id == p("client_id"), _not_ended))
ADD_SECRET = Statement(insert(secret_rows).values({c.name: p(c.name) for c in _SECRET_COLUMNS}))
END_SECRETS = Statement(
    update(secret_rows).where(_secret.client_id == p("id_"), _not_ended).values(ended_at=p("ended"))
)


_URI: Final = ("client_id", "position", "organization_id", "uri", "origin")


class SqlClients:
    """Implements ``ClientWriter`` (and so ``ClientReader``)."""

    def __init__(self, sql: SqlExecutor, log: ChangeLog) -> None:
        self._sql = sql
        self._log = log

    def get(self, client_id: str) -> Client | None:  # noqa: D102 - see the port
        row = self._sql.one(GET, id=client_id)
        # Read for every id, known or not, of whatever grant type: a failed authentication must
        # cost the same for all.
        uris = self._sql.all(URIS, client_id=client_id)
        return None if row is None else _from_row(row, tuple(uri for (uri,) in uris))

    def get_for_change(self, organization_id: str, client_id: str) -> Client | None:  # noqa: D102
        row = self._sql.one(GET_FOR_CHANGE, id=client_id, organization_id=organization_id)
        if row is None:
            return None
        uris = self._sql.all(URIS, client_id=client_id)
        return _from_row(row, tuple(uri for (uri,) in uris))

    def secrets_of(self, client_id: str) -> list[ClientSecret]:  # noqa: D102
        return [
            ClientSecret(
                key_id=row[0],
                client_id=row[1],
                organization_id=row[2],
                digest=bytes(row[3]),
                created_at=row[4],
                expires_at=row[5],
            )
            for row in self._sql.all(SECRETS, client_id=client_id)
        ]

    def after(  # noqa: D102
        self, organization_id: str, position: ClientPosition, limit: int
    ) -> list[Client]:
        rows = self._sql.all(
            AFTER,
            organization_id=organization_id,
            after_at=position.created_at,
            after_id=position.client_id,
            limit=limit,
        )
        return self._with_uris(organization_id, rows)

    def has_origin(self, origin: str) -> bool:  # noqa: D102
        return self._sql.one(WITH_ORIGIN, origin=origin) is not None

    def of_ids(  # noqa: D102
        self, organization_id: str, client_ids: Sequence[str]
    ) -> list[Client]:
        found: dict[str, Client] = {}
        for start in range(0, len(client_ids), IDS_AT_ONCE):
            some = client_ids[start : start + IDS_AT_ONCE]
            asked = dict.fromkeys(_ids, "") | dict(zip(_ids, some, strict=False))
            uris: dict[str, list[str]] = {}
            for client_id, uri in self._sql.all(URIS_OF_IDS, **asked):
                uris.setdefault(client_id, []).append(uri)
            for row in self._sql.all(OF_IDS, **asked):
                if row[1] == organization_id and row[-1] is None:
                    found[row[0]] = _from_row(row, tuple(uris.get(row[0], ())))
        return [found[client_id] for client_id in client_ids if client_id in found]

    def _with_uris(self, organization_id: str, rows: list[Row]) -> list[Client]:
        if not rows:
            return []
        found: dict[str, list[str]] = {}
        for client_id, uri in self._sql.all(
            URIS_BETWEEN,
            organization_id=organization_id,
            from_at=rows[0][8],
            from_id=rows[0][0],
            to_at=rows[-1][8],
            to_id=rows[-1][0],
        ):
            found.setdefault(client_id, []).append(uri)
        return [_from_row(row, tuple(found.get(row[0], ()))) for row in rows]

    def add(self, client: Client) -> None:  # noqa: D102
        self._sql.add(ADD, id=client.id, organization_id=client.organization_id, **_values(client))
        self._add_uris(client)
        self._log.made(client.id)

    def add_many(  # noqa: D102
        self, clients: Sequence[Client], secrets: Sequence[ClientSecret]
    ) -> None:
        rows = [{"id": c.id, "organization_id": c.organization_id, **_values(c)} for c in clients]
        names = tuple(c.name for c in _COLUMNS)
        add_rows(self._sql, client_rows, names, [[row[n] for n in names] for row in rows])
        addresses = [
            (c.id, position, c.organization_id, uri, origin_of(uri))
            for c in clients
            for position, uri in enumerate(c.redirect_uris)
        ]
        add_rows(self._sql, uris, _URI, addresses)
        digests = [msgspec.structs.astuple(secret) for secret in secrets]
        add_rows(self._sql, secret_rows, ClientSecret.__struct_fields__, digests)

    def replace(self, client: Client) -> None:  # noqa: D102
        self._sql.run(REPLACE, id_=client.id, **_values(client))
        self._sql.run(DELETE_URIS, client_id=client.id)
        self._add_uris(client)
        self._log.touched("client", client.id)

    def _add_uris(self, client: Client) -> None:
        for position, uri in enumerate(client.redirect_uris):
            self._sql.add(
                ADD_URI,
                client_id=client.id,
                position=position,
                organization_id=client.organization_id,
                uri=uri,
                origin=origin_of(uri),
            )

    def delete(self, client: Client, deleted_at: int) -> None:  # noqa: D102
        self._sql.run(DELETE, id_=client.id, deleted=deleted_at)
        self._sql.run(DELETE_URIS, client_id=client.id)
        self.end_secrets(client.id, deleted_at)

    def add_secret(self, secret: ClientSecret) -> None:  # noqa: D102
        self._sql.add(ADD_SECRET, **msgspec.structs.asdict(secret))
        self._log.touched("client", secret.client_id)

    def end_secrets(self, client_id: str, ended_at: int) -> int:  # noqa: D102
        self._log.touched("client", client_id)
        return self._sql.run(END_SECRETS, id_=client_id, ended=ended_at)


def _values(client: Client) -> dict[str, Any]:
    created, modified = client.created_by, client.modified_by
    return {
        "name": client.name,
        "description": client.description,
        "grant_type": client.grant_type.value,
        "state": client.state.value,
        "access_token_lifetime_s": client.access_token_lifetime,
        "scopes": as_list(client.scopes),
        "created_at": client.created_at,
        "created_by_kind": created.kind.value if created else None,
        "created_by_id": created.id if created else None,
        "modified_at": client.modified_at,
        "modified_by_kind": modified.kind.value if modified else None,
        "modified_by_id": modified.id if modified else None,
        "delete_at": client.delete_at,
        "token_epoch": client.token_epoch,
        "version": client.version,
        "jwt_algorithm": client.jwt_algorithm.value if client.jwt_algorithm else None,
    }


def _reference(kind: str | None, entity_id: str | None) -> Reference | None:
    return None if kind is None or entity_id is None else Reference(SubjectKind(kind), entity_id)


def _from_row(row: Row, redirect_uris: tuple[str, ...]) -> Client:
    return Client(
        id=row[0],
        organization_id=row[1],
        name=row[2],
        description=row[3],
        grant_type=GrantType(row[4]),
        state=ClientState(row[5]),
        access_token_lifetime=row[6],
        scopes=listed(row[7]),
        created_at=row[8],
        created_by=_reference(row[9], row[10]),
        modified_at=row[11],
        modified_by=_reference(row[12], row[13]),
        delete_at=row[14],
        token_epoch=row[15],
        version=row[16],
        jwt_algorithm=SigningAlgorithm(row[17]) if row[17] else None,
        redirect_uris=redirect_uris,
    )
