"""Token keys in SQL, encrypted by the master key."""

from typing import Final

from sqlalchemy import bindparam as p
from sqlalchemy import insert, select

from grantory.domain.token import SealedKey
from grantory.storage.sql.statement import ChangeLog, Row, SqlExecutor, Statement
from grantory.storage.sql.tables import keys

TOKEN_KEY: Final = "access-token"
_k = keys.c
_COLUMNS = (_k.key_id, _k.organization_id, _k.sealed, _k.created_at)
GET = Statement(select(*_COLUMNS).where(_k.key_id == p("key_id"), _k.purpose == TOKEN_KEY))
NEWEST = Statement(
    select(*_COLUMNS)
    .where(
        _k.organization_id == p("organization_id"),
        _k.purpose == TOKEN_KEY,
        _k.retired_at.is_(None),
    )
    .order_by(_k.created_at.desc(), _k.key_id)
    .limit(1)
)
ADD = Statement(insert(keys).values({c.name: p(c.name) for c in (*_COLUMNS, _k.purpose)}))


class SqlKeys:
    """Implements ``KeyWriter`` (and so ``KeyReader``)."""

    def __init__(self, sql: SqlExecutor, log: ChangeLog) -> None:
        self._sql = sql
        self._log = log

    def get(self, key_id: bytes) -> SealedKey | None:  # noqa: D102 - see the port
        row = self._sql.one(GET, key_id=key_id)
        return None if row is None else _key(row)

    def newest(self, organization_id: str) -> SealedKey | None:  # noqa: D102
        row = self._sql.one(NEWEST, organization_id=organization_id)
        return None if row is None else _key(row)

    def add(self, key: SealedKey) -> None:  # noqa: D102
        self._sql.run(
            ADD,
            key_id=key.key_id,
            organization_id=key.organization_id,
            sealed=key.sealed,
            created_at=key.created_at,
            purpose=TOKEN_KEY,
        )
        self._log.touched("key", key.organization_id)


def _key(row: Row) -> SealedKey:
    return SealedKey(
        key_id=bytes(row[0]), organization_id=row[1], sealed=bytes(row[2]), created_at=row[3]
    )
