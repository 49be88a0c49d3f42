"""The embedded store behind the ``Store`` port."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar, cast

import apsw
from sqlalchemy import bindparam as p
from sqlalchemy import select

from grantory.ports.runtime import Clock
from grantory.ports.storage import Snapshot, Transaction
from grantory.storage.change_feed import Changes
from grantory.storage.sql.statement import Statement
from grantory.storage.sql.tables import change_counter, changes
from grantory.storage.sql.transaction import SqlTransaction
from grantory.storage.sqlite.connection import (
    READER_WAIT_MS,
    WRITER_WAIT_MS,
    ApswExecutor,
    connect,
    in_snapshot,
    told,
)
from grantory.storage.sqlite.writer import Writer

T = TypeVar("T")
SCAN_THREADS: Final = 2
NUMBER = Statement(select(change_counter.c.number, change_counter.c.forgotten))
SINCE = Statement(
    select(changes.c.kind, changes.c.entity_id)
    .where(changes.c.number > p("after"))
    .order_by(changes.c.number)
)


class SqliteStore:
    """Implements ``Store`` and ``ChangeFeed`` on one SQLite file.

    Short reads run where they are asked for, on the event loop's thread: they take some
    microseconds, less than handing them to another thread. Long reads have threads of their
    own, and all writes go through one (see ``Writer``).
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._reader = connect(path, READER_WAIT_MS)
        self._watch = connect(path, READER_WAIT_MS)
        self._seen_version: object = None
        self._writer = Writer(connect(path, WRITER_WAIT_MS), clock)
        self._scans = ThreadPoolExecutor(SCAN_THREADS, thread_name_prefix="grantory-scan")
        self._local = threading.local()
        self._scanners: list[apsw.Connection] = []

    async def read(self, work: Callable[[Snapshot], T]) -> T:
        """Runs a short look-up on one consistent view."""
        return in_snapshot(self._reader, lambda sql: work(cast(Snapshot, SqlTransaction(sql))))

    async def scan(self, work: Callable[[Snapshot], T]) -> T:
        """Runs a long read on a thread of its own."""
        return await asyncio.get_running_loop().run_in_executor(self._scans, self._scan, work)

    def _scan(self, work: Callable[[Snapshot], T]) -> T:
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = connect(self._path, READER_WAIT_MS)
            self._scanners.append(connection)
        return in_snapshot(connection, lambda sql: work(cast(Snapshot, SqlTransaction(sql))))

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs a change; returns when it is on disk."""
        return cast(T, await self._writer.write(cast(Callable[[SqlTransaction], T], work)))

    def may_have_changed(self) -> bool:
        """Tells whether anything was committed since the last time, by whatever process.

        The watching connection never writes and never holds a transaction: ``data_version``
        does not see its own connection's writes, and stands still inside a transaction.
        """
        try:
            version = self._watch.execute("PRAGMA data_version").fetchall()[0][0]
        except apsw.Error as error:
            raise told(error) from error
        if version == self._seen_version:
            return False
        self._seen_version = version
        return True

    def changes_since(self, number: int) -> Changes:
        """Lists what was changed after a change number."""

        def read(sql: ApswExecutor) -> Changes:
            row = sql.one(NUMBER)
            newest, forgotten = (0, 0) if row is None else (row[0], row[1])
            if newest == number:
                return Changes(number, [])
            if number < forgotten:
                return Changes(newest, None)
            return Changes(newest, sql.all(SINCE, after=number))

        return in_snapshot(self._reader, read)

    def close(self) -> None:
        """Finishes waiting writes and closes the file."""
        self._writer.close()
        self._scans.shutdown()
        for connection in (*self._scanners, self._watch, self._reader):
            connection.close()
