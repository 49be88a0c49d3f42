"""Writing a SQLite file's content to a backup, and a backup's content to a SQLite file."""

from contextlib import closing
from pathlib import Path
from typing import IO, Final

import apsw

from grantory.errors import SetupError
from grantory.storage.sql.dump import dump
from grantory.storage.sql.dump_format import Backup
from grantory.storage.sql.replacing import Restoration
from grantory.storage.sqlite.connection import (
    ApswExecutor,
    connect,
    create_file,
    in_snapshot,
    use_much_memory,
)
from grantory.storage.sqlite.schema import revision_of

PATIENCE_MS: Final = 30_000
"""How long a restore waits until running processes let it write."""


def write_backup(path: Path, file: IO[bytes], now_ms: int, version: str) -> Backup:
    """Writes what the database holds at one moment, while others go on writing.

    Args:
        path: the database.
        file: where to.
        now_ms: the time in milliseconds since 1970.
        version: that of this program.

    Raises:
        SetupError: when it cannot be written.
        StorageUnavailable: when SQLite cannot answer.
    """
    with closing(connect(path, PATIENCE_MS)) as connection:
        return in_snapshot(connection, lambda sql: dump(sql, file, now_ms, version))


def restore_backup(path: Path, restoration: Restoration) -> Backup:
    """Puts a backup into a database, in one transaction; makes the file where missing.

    Raises:
        SetupError: when that cannot be done; then nothing was changed.
    """
    create_file(path)
    with closing(connect(path, PATIENCE_MS)) as connection:
        use_much_memory(connection)

        def script(sql: str) -> None:
            connection.execute(sql).fetchall()

        try:
            connection.execute("BEGIN IMMEDIATE")
            backup = restoration.run(
                ApswExecutor(connection), script, "sqlite", revision_of(connection)
            )
            connection.execute("COMMIT")
        except apsw.Error as error:
            raise SetupError(f"cannot restore into {path}: {error}; nothing was changed") from None
    return backup
