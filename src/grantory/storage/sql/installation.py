"""The set-up row in SQL."""

from sqlalchemy import bindparam as p
from sqlalchemy import insert, select

from grantory.storage.sql.statement import SqlExecutor, Statement
from grantory.storage.sql.tables import installation

_i = installation.c
CHECK = Statement(select(_i.master_key_check).where(_i.id == 1))
SET_UP = Statement(insert(installation).values({c.name: p(c.name) for c in _i}))


class SqlInstallation:
    """Implements ``InstallationWriter`` (and so ``InstallationReader``)."""

    def __init__(self, sql: SqlExecutor) -> None:
        self._sql = sql

    def master_key_check(self) -> bytes | None:  # noqa: D102 - see the port
        row = self._sql.one(CHECK)
        return None if row is None else bytes(row[0])

    def set_up(self, master_key_check: bytes, created_at: int) -> None:  # noqa: D102
        self._sql.run(SET_UP, id=1, master_key_check=master_key_check, created_at=created_at)
