"""Connections to one SQLite file, and how its errors are told.

The SQLite library comes with the driver (apsw), not from the operating system: versions before
3.51.3 can corrupt a database in WAL mode when two processes write and checkpoint at once.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

import apsw

from grantory.errors import Conflict, SetupError, StorageUnavailable
from grantory.storage.sql.statement import Row, Statement

T = TypeVar("T")
SAFE_VERSION: Final = (3, 51, 3)
_UNIQUE: Final = frozenset(
    {
        apsw.SQLITE_CONSTRAINT_UNIQUE,
        apsw.SQLITE_CONSTRAINT_PRIMARYKEY,
        apsw.SQLITE_CONSTRAINT_ROWID,
    }
)
WRITER_WAIT_MS: Final = 5_000
READER_WAIT_MS: Final = 500
MUCH_MEMORY_KIB: Final = 131_072
MOST_LOG_BYTES: Final = 8_388_608
"""To which the write-ahead log is cut again, after a long read has made it grow."""


def create_file(path: Path) -> None:
    """Creates the database file where it is missing, readable by its owner only.

    Raises:
        SetupError: when the folder or the file cannot be made.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise SetupError(f"cannot create {path}: {error.strerror}") from None


class StoreBusy(SetupError):
    """Another process has the file alone."""


def connect(path: Path, wait_ms: int) -> apsw.Connection:
    """Opens a connection in WAL mode whose commits are on disk when they return.

    Raises:
        StoreBusy: when another process had the file alone all that time.
        SetupError: when the file is not a database, or the SQLite library is too old.
    """
    version = apsw.sqlite_lib_version()
    if tuple(int(part) for part in version.split(".")) < SAFE_VERSION:
        raise SetupError(f"SQLite {version} is too old; 3.51.3 or newer is needed")
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        connection.setbusytimeout(wait_ms)
        _use_wal(connection, wait_ms)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA journal_size_limit = {MOST_LOG_BYTES}").fetchall()
    except apsw.BusyError:
        raise StoreBusy(f"cannot open {path}: another process has it alone") from None
    except apsw.Error as error:
        raise SetupError(f"cannot open {path}: {error}") from None
    return connection


def use_much_memory(connection: apsw.Connection) -> None:
    """Lets a connection hold all pages that a large change touches, lest it write them often."""
    connection.execute(f"PRAGMA cache_size = -{MUCH_MEMORY_KIB}")


def keep_undo_in_memory(connection: apsw.Connection) -> None:
    """Keeps in memory, not in a file, what a savepoint would need to be undone.

    That is a copy of each page that was changed in the transaction before and is changed again: of
    small changes some ten pages, let go of when their savepoint is. SQLite has them in memory up
    to 64 KiB, which two clients fill, and from then on writes each to a temporary file.
    """
    connection.execute("PRAGMA temp_store = MEMORY")


def _use_wal(connection: apsw.Connection, wait_ms: int) -> None:
    """Switches to WAL; where another process does so too, SQLite fails without waiting."""
    deadline = time.monotonic() + wait_ms / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except apsw.BusyError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.01)


class ApswExecutor:
    """Implements ``SqlExecutor`` on one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def all(self, statement: Statement, **params: Any) -> list[Row]:
        """Runs a query and returns its rows."""
        return self._connection.execute(*statement.for_sqlite(params)).fetchall()

    def one(self, statement: Statement, **params: Any) -> Row | None:
        """Runs a query and returns its first row."""
        rows = self.all(statement, **params)
        return rows[0] if rows else None

    def run(self, statement: Statement, **params: Any) -> int:
        """Runs a change and returns the number of rows it touched."""
        self._connection.execute(*statement.for_sqlite(params))
        return self._connection.changes()

    def each(self, statement: Statement, rows: Sequence[Mapping[str, Any]]) -> None:
        """Runs a change with each of several sets of parameters."""
        for params in rows:
            self._connection.execute(*statement.for_sqlite(params))

    def aside(self, work: Callable[[], T]) -> T:
        """Runs a computation here: whatever takes long has a thread of its own already."""
        return work()

    def add(self, statement: Statement, **params: Any) -> None:
        """Runs an insert."""
        self._connection.execute(*statement.for_sqlite(params))

    def settle(self) -> None:
        """Does nothing: here, nothing waits."""


def in_snapshot(connection: apsw.Connection, work: Callable[[ApswExecutor], T]) -> T:
    """Runs reads on one consistent view.

    Raises:
        StorageUnavailable: when SQLite cannot answer.
    """
    try:
        connection.execute("BEGIN")
        try:
            return work(ApswExecutor(connection))
        finally:
            if connection.in_transaction:  # some errors end it by themselves
                connection.execute("ROLLBACK")
    except apsw.Error as error:
        raise told(error) from error


def told(error: Exception) -> Exception:
    """Translates a driver's error into one of ours; others are given back as they are."""
    if not isinstance(error, apsw.Error):
        return error
    if isinstance(error, apsw.ConstraintError) and getattr(error, "extendedresult", 0) in _UNIQUE:
        return Conflict(str(error))
    if isinstance(error, _PASSING):
        return StorageUnavailable(f"{type(error).__name__}: {error}")
    return error


_PASSING: Final = (
    apsw.BusyError,
    apsw.LockedError,
    apsw.FullError,
    apsw.IOError,
    apsw.ReadOnlyError,
    apsw.CantOpenError,
    apsw.NoMemError,
    apsw.InterruptError,
    apsw.AbortError,
    apsw.ProtocolError,
    apsw.CorruptError,
    apsw.NotADBError,
)
