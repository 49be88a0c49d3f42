"""Signing keys in SQL, encrypted by the master key."""

from typing import Any, Final

import msgspec
from sqlalchemy import bindparam as p
from sqlalchemy import delete, func, insert, or_, select, update

from grantory.domain.signing import SigningAlgorithm
from grantory.domain.token import SealedKey
from grantory.storage.sql.statement import ChangeLog, Row, SqlExecutor, Statement
from grantory.storage.sql.tables import keys

TOKEN_KEY: Final = "access-token"
JWT_KEYS: Final = {f"jwt-{each.lower()}": each for each in SigningAlgorithm}
"""The algorithm by the purpose that stands in the row."""
_PURPOSES: Final = {algorithm: purpose for purpose, algorithm in JWT_KEYS.items()}
_k = keys.c
_COLUMNS = (
    _k.key_id,
    _k.organization_id,
    _k.sealed,
    _k.created_at,
    _k.retired_at,
    _k.expires_at,
    _k.purpose,
    _k.signs_from,
)
_OF_ORGANIZATION = (_k.organization_id == p("organization"), _k.purpose == TOKEN_KEY)
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
_IS_PRIVATE: Final = or_(*(_k.purpose == purpose for purpose in JWT_KEYS))
_IS_KNOWN: Final = or_(_k.purpose == TOKEN_KEY, _IS_PRIVATE)
_others = keys.alias("others")
_OLDEST: Final = (
    select(func.min(_others.c.created_at))
    .where(_others.c.organization_id == _k.organization_id, _others.c.purpose == TOKEN_KEY)
    .scalar_subquery()
)
PRIVATE = Statement(
    select(*_COLUMNS)
    .where(_IS_PRIVATE, _k.created_at >= func.coalesce(_OLDEST, 0))
    .order_by(_k.signs_from, _k.key_id)
)
ALL = Statement(select(*_COLUMNS).where(_IS_KNOWN).order_by(_k.created_at, _k.key_id))
UNKNOWN = Statement(select(_k.purpose).where(~_IS_KNOWN).group_by(_k.purpose).order_by(_k.purpose))
ADD = Statement(insert(keys).values({c.name: p(c.name) for c in _COLUMNS}))
RETIRE = Statement(
    update(keys)
    .where(*_OF_ORGANIZATION, _k.retired_at.is_(None))
    .values(retired_at=p("retired"), expires_at=p("expires"))
)
RETIRE_PRIVATE = Statement(
    update(keys)
    .where(_k.key_id == p("key"))
    .values(retired_at=p("retired"), expires_at=p("expires"))
)
REMOVE = Statement(delete(keys).where(_k.organization_id == p("organization")))
REMOVE_OUTLIVED = Statement(delete(keys).where(_IS_PRIVATE, _k.created_at < _OLDEST))
REPLACE_SEALED = Statement(update(keys).where(_k.key_id == p("key")).values(sealed=p("again")))


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

    def private(self) -> list[SealedKey]:  # noqa: D102
        return [_key(row) for row in self._sql.all(PRIVATE)]

    def unknown_purposes(self) -> list[str]:  # noqa: D102
        return [row[0] for row in self._sql.all(UNKNOWN)]

    def all(self) -> list[SealedKey]:  # noqa: D102
        return [_key(row) for row in self._sql.all(ALL)]

    def add(self, key: SealedKey) -> None:  # noqa: D102
        values: dict[str, Any] = msgspec.structs.asdict(key)
        algorithm = values.pop("algorithm")
        purpose = TOKEN_KEY if algorithm is None else _PURPOSES[algorithm]
        self._sql.run(ADD, **values, purpose=purpose)
        self._log.touched("key", key.organization_id if algorithm is None else key.key_id.hex())

    def retire(self, organization_id: str, retired_at: int, expires_at: int) -> None:  # noqa: D102
        self._sql.run(RETIRE, organization=organization_id, retired=retired_at, expires=expires_at)
        self._log.touched("key", organization_id)

    def retire_private(  # noqa: D102
        self, key_id: bytes, retired_at: int, expires_at: int
    ) -> None:
        self._sql.run(RETIRE_PRIVATE, key=key_id, retired=retired_at, expires=expires_at)
        self._log.touched("key", key_id.hex())

    def remove(self, organization_id: str) -> None:  # noqa: D102
        self._sql.run(REMOVE, organization=organization_id)
        self._log.touched("key", organization_id)

    def replace_sealed(self, key: SealedKey) -> None:  # noqa: D102
        self._sql.run(REPLACE_SEALED, key=key.key_id, again=key.sealed)
        self._log.touched("key", key.organization_id)


def _key(row: Row) -> SealedKey:
    return SealedKey(
        key_id=bytes(row[0]),
        organization_id=row[1],
        sealed=bytes(row[2]),
        created_at=row[3],
        retired_at=row[4],
        expires_at=row[5],
        algorithm=JWT_KEYS.get(row[6]),
        signs_from=row[7],
    )
