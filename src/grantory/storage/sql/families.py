"""Families of tokens in SQL."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam as p
from sqlalchemy import insert, select, update

from grantory.domain.code import Epochs, StandingNow, TokenFamily
from grantory.storage.sql.for_many import ForMany
from grantory.storage.sql.json_list import as_list, listed
from grantory.storage.sql.standing import COLUMNS as STANDING
from grantory.storage.sql.standing import standing, with_standing
from grantory.storage.sql.statement import ChangeLog, Row, SqlExecutor, Statement
from grantory.storage.sql.tables import token_families

_f = token_families.c
_COLUMNS = (
    _f.id,
    _f.organization_id,
    _f.client_id,
    _f.user_id,
    _f.session_id,
    _f.scopes,
    _f.organization_epoch,
    _f.client_epoch,
    _f.user_epoch,
    _f.created_at,
    _f.expires_at,
    _f.epoch,
    _f.generation,
    _f.rotated_at,
    _f.ended_at,
)
GET = Statement(select(*_COLUMNS).where(_f.id == p("id")))
GET_FOR_CHANGE = Statement(select(*_COLUMNS).where(_f.id == p("id")).with_for_update())


_STANDING = select(*_COLUMNS, *STANDING).select_from(with_standing(token_families))
HOLD = ForMany(
    lambda keys: _STANDING.where(_f.id.in_(keys)).with_for_update(
        of=token_families, skip_locked=True
    )
)
LOCK = ForMany(lambda keys: select(_f.id).where(_f.id.in_(keys)).with_for_update())
LOCKED = ForMany(lambda keys: _STANDING.where(_f.id.in_(keys)))
"""A statement of its own: what is joined is of its beginning, and waiting may be long."""
LAST_OF_USER = Statement(
    select(*_COLUMNS).where(_f.user_id == p("user_id")).order_by(_f.rotated_at.desc()).limit(1)
)
LIVE_OF_SESSION = Statement(
    select(_f.id)
    .where(_f.session_id == p("session_id"), _f.ended_at.is_(None))
    .order_by(_f.id)
    .with_for_update()
)
ADD = Statement(insert(token_families).values({c.name: p(c.name) for c in _COLUMNS}))
ROTATE = ForMany(
    lambda ids: (
        update(token_families)
        .where(_f.id.in_(ids))
        .values(
            generation=_f.generation + 1, rotated_at=p("rotated_at_"), expires_at=p("expires_at_")
        )
    )
)
END = Statement(
    update(token_families)
    .where(_f.id == p("id_"), _f.ended_at.is_(None))
    .values(epoch=_f.epoch + 1, ended_at=p("ended_at"))
)


class SqlFamilies:
    """Implements ``FamilyWriter`` (and so ``FamilyReader``).

    Rotating is no change that a memory must hear of: it asks for epoch and end alone.
    """

    def __init__(self, sql: SqlExecutor, log: ChangeLog) -> None:
        self._sql = sql
        self._log = log

    def get(self, family_id: str) -> TokenFamily | None:  # noqa: D102 - see the port
        row = self._sql.one(GET, id=family_id)
        return None if row is None else _family(row)

    def get_for_change(self, family_id: str) -> TokenFamily | None:  # noqa: D102
        row = self._sql.one(GET_FOR_CHANGE, id=family_id)
        return None if row is None else _family(row)

    def hold(  # noqa: D102
        self, family_ids: Sequence[str], *, wait: bool
    ) -> dict[str, tuple[TokenFamily, StandingNow | None]]:
        held = {}
        if wait:
            for statement, keys in LOCK.of(family_ids):
                self._sql.all(statement, **keys)
        for statement, keys in (LOCKED if wait else HOLD).of(family_ids):
            for row in self._sql.all(statement, **keys):
                held[row[0]] = _family(row), standing(row, len(_COLUMNS))
        return held

    def last_of_user(self, user_id: str) -> TokenFamily | None:  # noqa: D102
        row = self._sql.one(LAST_OF_USER, user_id=user_id)
        return None if row is None else _family(row)

    def add(self, family: TokenFamily) -> None:  # noqa: D102
        self._sql.add(ADD, **_values(family))

    def add_all(self, families: Sequence[TokenFamily]) -> None:  # noqa: D102
        self._sql.each(ADD, [_values(family) for family in families])

    def rotate(  # noqa: D102
        self, family_ids: Sequence[str], rotated_at: int, expires_at: int
    ) -> None:
        for statement, keys in ROTATE.of(family_ids):
            self._sql.run(statement, **keys, rotated_at_=rotated_at, expires_at_=expires_at)

    def end(self, family_id: str, ended_at: int) -> None:  # noqa: D102
        if self._sql.run(END, id_=family_id, ended_at=ended_at):
            self._log.touched("family", family_id)

    def end_of_session(self, session_id: str, ended_at: int) -> int:  # noqa: D102
        ids = [row[0] for row in self._sql.all(LIVE_OF_SESSION, session_id=session_id)]
        for family_id in ids:
            self.end(family_id, ended_at)
        return len(ids)


def _values(family: TokenFamily) -> dict[str, Any]:
    return {
        "id": family.id,
        "organization_id": family.organization_id,
        "client_id": family.client_id,
        "user_id": family.user_id,
        "session_id": family.session_id,
        "scopes": as_list(family.scopes),
        "organization_epoch": family.epochs.organization,
        "client_epoch": family.epochs.client,
        "user_epoch": family.epochs.user,
        "created_at": family.created_at,
        "expires_at": family.expires_at,
        "epoch": family.epoch,
        "generation": family.generation,
        "rotated_at": family.rotated_at,
        "ended_at": family.ended_at,
    }


def _family(row: Row) -> TokenFamily:
    return TokenFamily(
        id=row[0],
        organization_id=row[1],
        client_id=row[2],
        user_id=row[3],
        session_id=row[4],
        scopes=listed(row[5]),
        epochs=Epochs(row[6], row[7], row[8]),
        created_at=row[9],
        expires_at=row[10],
        epoch=row[11],
        generation=row[12],
        rotated_at=row[13],
        ended_at=row[14],
    )
