"""The embedded store behind the ``Store`` port."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar, cast

import apsw

from grantory.errors import SetupError, StorageUnavailable
from grantory.ports.runtime import Clock
from grantory.ports.storage import Snapshot, Transaction
from grantory.ports.store_state import StoreState
from grantory.storage.change_feed import reached_number
from grantory.storage.room import Room
from grantory.storage.sql.transaction import SqlTransaction
from grantory.storage.sqlite.connection import (
    READER_WAIT_MS,
    WRITER_WAIT_MS,
    connect,
    in_snapshot,
    keep_undo_in_memory,
    use_much_memory,
)
from grantory.storage.sqlite.feed import SqliteFeed
from grantory.storage.sqlite.keeper_turn import FileTurn
from grantory.storage.sqlite.turnstile import Turnstile, Wait
from grantory.storage.sqlite.writer import Writer

T = TypeVar("T")
SCAN_THREADS: Final = 2
MOST_OF_SEVERAL: Final = 32
"""So many writes may wait where several processes take turns at the file: all theirs together."""
LEAST_OF_SEVERAL: Final = 2
"""... and so many of each one, however slow the file is."""
LONGEST_OF_SEVERAL: Final = 0.06
"""Seconds that a change may take where writers of several processes wait for each other."""
SHORT_BATCH_SECONDS: Final = 0.005
"""So long one writes before the next has its turn."""


class SqliteStore:
    """Implements ``Store`` on one SQLite file; ``feed`` tells of its changes.

    Short reads run where they are asked for, on the event loop's thread: they take some
    microseconds, less than handing them to another thread. Long reads have threads of their
    own, and all writes go through one (see ``Writer``).

    Args:
        path: the file.
        clock: the time of day.
        processes: how many share the file, for the bounds of what each lets wait.
        large_changes: whether to take much memory for them.

    Raises:
        SetupError: when the file cannot be opened, or not for writing.
    """

    def __init__(
        self, path: Path, clock: Clock, processes: int = 1, *, large_changes: bool = False
    ) -> None:
        self._path = path
        self._reader = connect(path, READER_WAIT_MS)
        self._watch = connect(path, READER_WAIT_MS)
        self.feed = SqliteFeed(self._watch, self._reader)
        writing = connect(path, WRITER_WAIT_MS)
        if writing.readonly("main"):  # and would stay so, whatever becomes of the file
            raise SetupError(f"cannot write {path}: see to the owner and mode of the file")
        if large_changes:
            use_much_memory(writing)
        else:
            keep_undo_in_memory(writing)
        writing.setbusyhandler(Wait(WRITER_WAIT_MS / 1000))
        if processes == 1:
            self._writer = Writer(writing, clock, Turnstile(path))
        else:
            room = Room(
                LEAST_OF_SEVERAL, max(8, MOST_OF_SEVERAL // processes), longest=LONGEST_OF_SEVERAL
            )
            self._writer = Writer(writing, clock, Turnstile(path), room, SHORT_BATCH_SECONDS)
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
            try:
                connection = self._local.connection = connect(self._path, READER_WAIT_MS)
            except SetupError as error:  # out of descriptors, perhaps; the next one tries again
                raise StorageUnavailable(str(error)) from None
            self._scanners.append(connection)
        return in_snapshot(connection, lambda sql: work(cast(Snapshot, SqlTransaction(sql))))

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs a change; returns when it is on disk."""
        return cast(T, await self._writer.write(cast(Callable[[SqlTransaction], T], work)))

    async def require_answer(self) -> None:
        """Reads from the file; nothing stands in a queue before it."""
        in_snapshot(self._reader, reached_number)

    def turn(self) -> FileTurn:
        """Makes what says whether this process is to keep the lists."""
        return FileTurn(self._path)

    def room(self) -> int:
        """Tells how many more changes would be made in time."""
        return self._writer.room.left

    def state(self) -> StoreState:
        """Tells how it is; there is no lease here."""
        return StoreState(self._writer.room.unfinished, self._writer.room.left)

    async def size(self) -> Mapping[str, int]:
        """Looks at the files."""
        return _sizes(self._path)

    async def close(self) -> None:
        """Finishes waiting writes and closes the file."""
        self._writer.close()
        self._scans.shutdown()
        for connection in (*self._scanners, self._watch, self._reader):
            connection.close()


def _sizes(path: Path) -> dict[str, int]:
    parts = (("database", path), ("log", path.with_name(f"{path.name}-wal")))
    return {part: file.stat().st_size for part, file in parts if file.exists()}
