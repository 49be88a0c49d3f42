"""Making and upgrading the tables of a SQLite file."""

from contextlib import closing
from pathlib import Path

import apsw

from grantory.errors import SetupError
from grantory.storage.sql.migrations import CURRENT, HEAD, upgrade_sql
from grantory.storage.sqlite.connection import WRITER_WAIT_MS, StoreBusy, connect, create_file


def revision(path: Path) -> str | None:
    """Tells the schema revision of a file; None where there is no file or no table in it."""
    if not path.exists():
        return None
    with closing(connect(path, WRITER_WAIT_MS)) as connection:
        return revision_of(connection)


def upgrade(path: Path, target: str = "head") -> tuple[str | None, str]:
    """Brings a file to a revision, in one transaction; makes it where missing.

    Returns:
        The revision before and after.

    Raises:
        SetupError: when the file is newer than this program, or cannot be changed.
    """
    create_file(path)
    with closing(connect(path, WRITER_WAIT_MS)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
            before = revision_of(connection)
            if before != (HEAD if target == "head" else target):
                # All of it: execute alone stops at the first statement that answers a row.
                connection.execute(upgrade_sql("sqlite", before, target)).fetchall()
            after = revision_of(connection)
            connection.execute("COMMIT")
        except apsw.Error as error:
            raise SetupError(f"cannot upgrade {path}: {error}") from None
    return before, str(after)


def revision_of(connection: apsw.Connection) -> str | None:
    """Tells the schema revision of an open file; None where there is no table in it."""
    try:
        rows = connection.execute(CURRENT).fetchall()
    except apsw.SQLError:
        return None
    return str(rows[0][0]) if rows else None


def is_set_up(path: Path) -> bool:
    """Tells whether a file with tables holds an installation."""
    with closing(connect(path, WRITER_WAIT_MS)) as connection:
        rows = connection.execute("SELECT 1 FROM installation").fetchall()
    return bool(rows)


def is_in_use(path: Path) -> bool:
    """Tells whether another connection has a file open: then nobody can have it alone."""
    try:
        # Who closes the file as the last one has it alone for a moment: that is waited for.
        opened = connect(path, WRITER_WAIT_MS)
    except StoreBusy:
        return True
    with closing(opened) as connection:
        connection.setbusytimeout(0)
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except apsw.BusyError:
            return True
        connection.execute("ROLLBACK")
    return False


def integrity_problems(path: Path) -> list[str]:
    """Lets SQLite look through the whole file; returns what it finds wrong."""
    with closing(connect(path, WRITER_WAIT_MS)) as connection:
        rows = connection.execute("PRAGMA integrity_check").fetchall()
    found = [line for row in rows for line in str(row[0]).splitlines()]
    return [] if found == ["ok"] else found
