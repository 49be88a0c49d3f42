"""Restoring a backup into a database, whatever revision it has, in one transaction."""

from collections.abc import Callable
from typing import IO, Final

from sqlalchemy import literal_column, select

from grantory.errors import SetupError
from grantory.ports.storage import Transaction
from grantory.storage.change_feed import FORGET_ALL, reached_number
from grantory.storage.sql.dump import after_restore_sql, restore
from grantory.storage.sql.dump_format import Backup
from grantory.storage.sql.list_filling import fill_lists
from grantory.storage.sql.migrations import HEAD, known_revisions, upgrade_sql
from grantory.storage.sql.statement import SqlExecutor, Statement
from grantory.storage.sql.tables import change_counter, metadata
from grantory.storage.sql.transaction import SqlTransaction

TABLES: Final = (*sorted(metadata.tables), "alembic_version")
_DROP: Final = "".join(f'DROP TABLE IF EXISTS "{name}";' for name in TABLES)


class Restoration:
    """What a restore is to do, once the backup is known to be whole.

    Args:
        file: the backup.
        revision: its schema revision.
        replace: whether a store that is set up is given up for it.
        then: what belongs into the same transaction; if it raises, nothing is changed.
        now_ms: the time in milliseconds since 1970.
    """

    def __init__(
        self,
        file: IO[bytes],
        revision: str,
        replace: bool,
        then: Callable[[Transaction], object],
        now_ms: int,
    ) -> None:
        self._file = file
        self._revision = revision
        self._replace = replace
        self._then = then
        self._now_ms = now_ms

    def run(
        self, sql: SqlExecutor, script: Callable[[str], None], dialect: str, found: str | None
    ) -> Backup:
        """Makes the tables anew at the backup's revision, fills them, and upgrades them.

        Args:
            sql: one transaction, in which nobody else can change or read the tables.
            script: runs statements in it, as they are.
            dialect: SQLAlchemy's name of the database.
            found: the revision of the tables that are there; None where there are none.

        Returns:
            What was restored.

        Raises:
            SetupError: when the database is not empty, or the backup does not fit.
        """
        heard = 0
        if found is not None:
            if found not in known_revisions():
                raise SetupError(
                    f"the store has schema {found}, which is newer than this program: "
                    "use the newer program"
                )
            if found != HEAD:  # only of the newest revision every table's name is known
                script(upgrade_sql(dialect, found))
            self._require_room(sql)
            heard = reached_number(sql)
            script(_DROP)
        script(upgrade_sql(dialect, None, self._revision))
        sql.run(FORGET_ALL, reached=heard)  # so that a restored number will be beyond it
        self._file.seek(0)
        backup = restore(sql, self._file)
        if self._revision != HEAD:
            script(upgrade_sql(dialect, self._revision))
        for statement in after_restore_sql(dialect):
            script(statement)
        fill_lists(sql)
        transaction = SqlTransaction(sql)
        self._then(transaction)
        transaction.finish(self._now_ms)
        return backup

    def _require_room(self, sql: SqlExecutor) -> None:
        if not self._replace and _holds_rows(sql):
            raise SetupError(
                "the store is not empty; nothing was changed: restore into another one, "
                "or give this one up with --replace"
            )


def _holds_rows(sql: SqlExecutor) -> bool:
    tables = [t for t in metadata.sorted_tables if t is not change_counter]
    one = [Statement(select(literal_column("1")).select_from(t).limit(1)) for t in tables]
    return any(sql.one(statement) for statement in one)
