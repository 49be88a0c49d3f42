"""The one thread that writes: waiting writes are committed together, each on its own terms.

Every write of a batch has a savepoint, so that one failure neither fails nor undoes its
neighbours; the caller is answered after the one COMMIT that put all of them on disk.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import apsw

from grantory.errors import OutcomeUnknown, StorageUnavailable
from grantory.ports.runtime import Clock
from grantory.storage.room import Room
from grantory.storage.sql.access_memory import AccessMemory, RememberingAccess
from grantory.storage.sql.transaction import SqlTransaction
from grantory.storage.sqlite.connection import ApswExecutor, told
from grantory.storage.sqlite.turnstile import Turnstile

LARGEST_BATCH: Final = 64
BATCH_SECONDS: Final = 0.025
MOST_AT_ONCE: Final = 80
"""As many as are done within a fraction of a second; one more is refused, early."""
LEAST_AT_ONCE: Final = 12
"""As many may wait even when each has been taking too long."""
LONGEST_WAIT: Final = 0.1
"""Seconds that a change may take where nothing but this thread keeps it waiting."""


class _Job:
    """A write that waits for its turn."""

    __slots__ = ("error", "future", "in_doubt", "kept", "loop", "result", "work")

    def __init__(self, work: Callable[[SqlTransaction], Any]) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.result: Any = None
        self.error: Exception | None = None
        self.kept = False
        self.in_doubt = False
        """Whether it may be on disk although its COMMIT failed."""


class _TransactionLost(Exception):
    """SQLite ended the transaction by itself, savepoints and all."""


class Writer:
    """Runs writes one after another on a connection that nobody else uses.

    Args:
        connection: the connection.
        clock: the time of day.
        turnstile: where other processes write to the file too.
        room: counts and bounds the writes that wait.
        batch_seconds: after so long no further write is added to a transaction.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        clock: Clock,
        turnstile: Turnstile | None = None,
        room: Room | None = None,
        batch_seconds: float = BATCH_SECONDS,
    ) -> None:
        self._connection = connection
        self._turnstile = turnstile
        self._batch_seconds = batch_seconds
        self.room = room or Room(LEAST_AT_ONCE, MOST_AT_ONCE, longest=LONGEST_WAIT)
        self._executor = ApswExecutor(connection)
        self._memory = AccessMemory()
        self._access = partial(RememberingAccess, memory=self._memory)
        self._clock = clock
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._is_last = False
        self._thread = threading.Thread(target=self._work, name="grantory-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[SqlTransaction], Any]) -> Any:
        """Runs a write and returns its result when it is on disk.

        Raises:
            StorageUnavailable: when too many writes wait, or SQLite cannot take this one.
            Exception: whatever ``work`` raised; then nothing of it was kept.
        """
        if self._closed:
            raise StorageUnavailable("the store is closed")
        if self.room.left <= 0:
            raise StorageUnavailable("too many writes are waiting")
        job = _Job(work)
        entered = self.room.enter()
        try:
            self._queue.put(job)
            return await job.future
        finally:
            self.room.leave(entered)

    def close(self) -> None:
        """Finishes the writes that wait, and ends the thread."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()
        self._connection.close()
        if self._turnstile is not None:
            self._turnstile.close()

    def _work(self) -> None:
        while True:
            job = self._queue.get()
            if job is None:
                return
            batch = [job]
            try:
                self._run_batch(batch)
            except Exception as error:
                self._memory.clear()
                for waiting in batch:
                    if not waiting.kept:
                        waiting.error = waiting.error or _failed(error, in_doubt=waiting.in_doubt)
            _deliver(batch)
            if self._is_last:
                return

    def _run_batch(self, batch: list[_Job]) -> None:
        """Runs a write, and those that wait behind it while there is time, in one transaction.

        Args:
            batch: the first write; the others are added to it.
        """
        try:
            self._begin()
        except apsw.Error as error:  # another process holds the lock: nobody's turn will come
            self._take_all(batch)
            for job in batch:
                job.error = _unavailable(error)
            return
        committing = False
        try:
            self._run_those_waiting(batch)
            committing = True
            self._connection.execute("COMMIT")
        except (_TransactionLost, apsw.Error) as error:
            for job in batch:
                job.in_doubt = committing and isinstance(error, apsw.IOError)
                job.result = job.error = None
            self._abandon()
            if len(batch) == 1:
                batch[0].error = _failed(error, in_doubt=batch[0].in_doubt)
                return
            for job in batch:
                self._run_alone(job)

    def _run_those_waiting(self, batch: list[_Job]) -> None:
        until = time.monotonic() + self._batch_seconds
        self._run_one(batch[0])
        while len(batch) < LARGEST_BATCH and time.monotonic() < until:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return
            if job is None:
                self._is_last = True
                return
            batch.append(job)
            self._run_one(job)

    def _take_all(self, batch: list[_Job]) -> None:
        while not self._queue.empty():
            job = self._queue.get()
            if job is None:
                self._is_last = True
                return
            batch.append(job)

    def _run_alone(self, job: _Job) -> None:
        """Runs a write of a batch that failed."""
        committing = False
        try:
            self._begin()
            self._run_one(job)
            committing = True
            self._connection.execute("COMMIT")
            job.kept = True
        except (_TransactionLost, apsw.Error) as error:
            job.in_doubt = job.in_doubt or (committing and isinstance(error, apsw.IOError))
            job.error = _failed(error, in_doubt=job.in_doubt)
            self._abandon()

    def _begin(self) -> None:
        if self._connection.in_transaction:  # left open by a failure of the disk
            self._abandon()
        if self._turnstile is not None:
            self._turnstile.enter()
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        finally:
            if self._turnstile is not None:
                self._turnstile.leave()
        # Within the transaction, so that nobody writes between the look and what rests on it. It
        # changes with what other connections commit, of whatever process, and not with ours.
        try:
            (version,) = self._connection.execute("PRAGMA data_version").fetchall()
            self._memory.begin(version)
        except apsw.Error:
            self._abandon()  # lest the lock is kept until the next write
            raise

    def _run_one(self, job: _Job) -> None:
        self._connection.execute("SAVEPOINT job")
        try:
            transaction = SqlTransaction(self._executor, self._access)
            job.result = job.work(transaction)
            transaction.finish(self._clock.now_ms())
        except Exception as error:
            if not self._connection.in_transaction:
                raise _TransactionLost(str(error)) from error
            self._connection.execute("ROLLBACK TO job")
            job.error = told(error)
        self._connection.execute("RELEASE job")

    def _abandon(self) -> None:
        self._memory.clear()  # it may hold what is undone
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _unavailable(error: Exception) -> Exception:
    translated = told(error)
    if isinstance(translated, StorageUnavailable):
        return translated
    return StorageUnavailable(f"{type(error).__name__}: {error}")


def _failed(error: Exception, *, in_doubt: bool) -> Exception:
    """Tells why a write was not kept; an error of the disk at COMMIT leaves that open.

    The change may then be in the log, whole, and be found there after a crash.
    """
    if in_doubt:
        return OutcomeUnknown(f"{type(error).__name__} at COMMIT: {error}")
    return _unavailable(error)


def _deliver(jobs: list[_Job]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in jobs:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, waiting in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, waiting)


def _resolve(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if job.error is None:
            job.future.set_result(job.result)
        else:
            job.future.set_exception(job.error)
