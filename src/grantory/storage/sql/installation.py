"""The set-up row in SQL."""

from sqlalchemy import bindparam as p
from sqlalchemy import insert, select, update

from grantory.storage.change_feed import forget_everything
from grantory.storage.sql.statement import SqlExecutor, Statement
from grantory.storage.sql.tables import installation

_i = installation.c
CHECK = Statement(select(_i.master_key_check).where(_i.id == 1))
LOCK = Statement(select(_i.master_key_check).where(_i.id == 1).with_for_update())
SET_UP = Statement(insert(installation).values({c.name: p(c.name) for c in _i}))
REPLACE = Statement(update(installation).where(_i.id == 1).values(master_key_check=p("check")))


class SqlInstallation:
    """Implements ``InstallationWriter`` (and so ``InstallationReader``)."""

    def __init__(self, sql: SqlExecutor) -> None:
        self._sql = sql

    def master_key_check(self) -> bytes | None:  # noqa: D102 - see the port
        row = self._sql.one(CHECK)
        return None if row is None else bytes(row[0])

    def set_up(self, master_key_check: bytes, created_at: int) -> None:  # noqa: D102
        self._sql.run(SET_UP, id=1, master_key_check=master_key_check, created_at=created_at)

    def lock(self) -> bytes | None:  # noqa: D102
        row = self._sql.one(LOCK)
        return None if row is None else bytes(row[0])

    def replace_master_key_check(self, master_key_check: bytes) -> None:  # noqa: D102
        self._sql.run(REPLACE, check=master_key_check)

    def outdate_memories(self) -> None:  # noqa: D102
        forget_everything(self._sql)
