"""The one thread that writes: waiting writes are committed together, each on its own terms.

Every write of a batch has a savepoint, so that one failure neither fails nor undoes its
neighbours; the caller is answered after the one COMMIT that put all of them on disk.
"""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, Final

import apsw

from grantory.errors import StorageUnavailable
from grantory.ports.runtime import Clock
from grantory.storage.sql.transaction import SqlTransaction
from grantory.storage.sqlite.connection import ApswExecutor, told

LARGEST_BATCH: Final = 64
LONGEST_QUEUE: Final = 2_000


class _Job:
    """A write that waits for its turn."""

    __slots__ = ("error", "future", "loop", "result", "work")

    def __init__(self, work: Callable[[SqlTransaction], Any]) -> None:
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.result: Any = None
        self.error: Exception | None = None


class _TransactionLost(Exception):
    """SQLite ended the transaction by itself, savepoints and all."""


class Writer:
    """Runs writes one after another on a connection that nobody else uses."""

    def __init__(self, connection: apsw.Connection, clock: Clock) -> None:
        self._connection = connection
        self._executor = ApswExecutor(connection)
        self._clock = clock
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
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
        if self._queue.qsize() >= LONGEST_QUEUE:
            raise StorageUnavailable("too many writes are waiting")
        job = _Job(work)
        self._queue.put(job)
        return await job.future

    def close(self) -> None:
        """Finishes the writes that wait, and ends the thread."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()
        self._connection.close()

    def _work(self) -> None:
        closing = False
        while not closing:
            jobs: list[_Job] = []
            job = self._queue.get()
            while job is not None:
                jobs.append(job)
                if len(jobs) >= LARGEST_BATCH or self._queue.empty():
                    break
                job = self._queue.get()
            closing = job is None
            if jobs:
                try:
                    self._run(jobs)
                except Exception as error:
                    for waiting in jobs:
                        waiting.error = waiting.error or _unavailable(error)
                _deliver(jobs)

    def _run(self, jobs: list[_Job]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except apsw.Error as error:  # none of them could begin: another process holds the lock
            for job in jobs:
                job.error = _unavailable(error)
            return
        try:
            for job in jobs:
                self._run_one(job)
            self._connection.execute("COMMIT")
        except (_TransactionLost, apsw.Error) as error:
            self._abandon()
            if len(jobs) > 1:
                for job in jobs:
                    job.result = job.error = None
                    self._run([job])
            else:
                jobs[0].error = _unavailable(error)

    def _run_one(self, job: _Job) -> None:
        self._connection.execute("SAVEPOINT job")
        try:
            transaction = SqlTransaction(self._executor)
            job.result = job.work(transaction)
            transaction.finish(self._clock.now_ms())
        except Exception as error:
            if not self._connection.in_transaction:
                raise _TransactionLost(str(error)) from error
            self._connection.execute("ROLLBACK TO job")
            job.error = told(error)
        self._connection.execute("RELEASE job")

    def _abandon(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _unavailable(error: Exception) -> Exception:
    translated = told(error)
    if isinstance(translated, StorageUnavailable):
        return translated
    return StorageUnavailable(f"{type(error).__name__}: {error}")


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
