"""PostgreSQL behind the ``Store`` port."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar, cast

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from asyncpg.transaction import Transaction as RunningTransaction
from sqlalchemy.util import greenlet_spawn

from grantory.errors import OutcomeUnknown, StorageUnavailable
from grantory.ports.runtime import Clock
from grantory.ports.storage import Snapshot, Transaction
from grantory.storage.postgres.connection import (
    STATEMENT_SECONDS,
    Connection,
    Connector,
    is_lost,
    may_be_repeated,
    told,
)
from grantory.storage.postgres.executor import AnyConnection, AsyncpgExecutor
from grantory.storage.postgres.feed import LeasedFeed
from grantory.storage.sql.transaction import SqlTransaction

T = TypeVar("T")
MOST_CONNECTIONS: Final = 10
ACQUIRE_SECONDS: Final = 5.0
MOST_TRIES: Final = 5
NOT_REPLICATED: Final = frozenset({"01000", "57P01"})
"""What the server says, as a warning, of a commit that did not reach its standby."""

_PAUSE: Final = 0.02
_CERTAINLY_ROLLED_BACK: Final = ("40", "23", "25")


class PostgresStore:
    """Implements ``Store`` on a pool of connections; ``feed`` tells of changes.

    Work runs in a greenlet on the event loop's thread. A transaction that fails before its
    COMMIT was sent, because a row was contended or the connection was lost, is run again from
    the start; after that, never.
    """

    def __init__(self, pool: "asyncpg.Pool[Any]", feed: LeasedFeed, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self.feed = feed

    @classmethod
    async def open(cls, connector: Connector, clock: Clock) -> "PostgresStore":
        """Makes the pool; connections are opened when they are needed."""
        pool: asyncpg.Pool[Any] = await asyncpg.create_pool(
            min_size=0,
            max_size=MOST_CONNECTIONS,
            connection_class=Connection,
            connect=connector.connect,
        )
        return cls(pool, LeasedFeed(connector, clock), clock)

    async def read(self, work: Callable[[Snapshot], T]) -> T:
        """Runs a short look-up on one consistent view."""
        return await self._tried(lambda: self._read_once(work))

    async def scan(self, work: Callable[[Snapshot], T]) -> T:
        """Runs a long read on one consistent view."""
        return await self.read(work)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs a change; returns when it is on disk, and on the standby where there is one."""
        return await self._tried(lambda: self._write_once(work))

    async def _tried(self, attempt: Callable[[], Awaitable[T]]) -> T:
        for tried in range(1, MOST_TRIES + 1):
            try:
                return await attempt()
            except Exception as error:
                if tried == MOST_TRIES or not may_be_repeated(error):
                    raise told(error) from error
                await asyncio.sleep(_PAUSE * tried)
        raise StorageUnavailable("no attempt was left")

    async def _read_once(self, work: Callable[[Snapshot], T]) -> T:
        async with self._transaction(isolation="repeatable_read", readonly=True) as (sql, running):
            result = await greenlet_spawn(work, cast(Snapshot, SqlTransaction(sql)))
            await running.rollback()
        return result

    async def _write_once(self, work: Callable[[Transaction], T]) -> T:
        async with self._transaction() as (sql, running):
            changed = SqlTransaction(sql)
            result = await greenlet_spawn(self._work, work, changed)
            await _commit(sql.connection, running)
        self.feed.committed_here(changed.touches)
        return cast(T, result)

    def _work(self, work: Callable[[Transaction], T], changed: SqlTransaction) -> T:
        result = work(cast(Transaction, changed))
        changed.finish(self._clock.now_ms())
        return result

    @asynccontextmanager
    async def _transaction(
        self, **kind: Any
    ) -> AsyncIterator[tuple[AsyncpgExecutor, RunningTransaction]]:
        try:
            connection = await self._pool.acquire(timeout=ACQUIRE_SECONDS)
        except TimeoutError:
            raise StorageUnavailable("no connection to PostgreSQL was free in time") from None
        running = connection.transaction(**kind)
        try:
            await running.start()
            yield AsyncpgExecutor(connection), running
        except BaseException as error:
            # Of a server that answers no more nothing is asked, not even an orderly end.
            if is_lost(error) or isinstance(error, (OutcomeUnknown, asyncio.CancelledError)):
                _terminate(connection)
            elif not connection.is_closed() and connection.is_in_transaction():
                await running.rollback()
            raise
        finally:
            await self._pool.release(connection, timeout=STATEMENT_SECONDS)

    async def close(self) -> None:
        """Finishes what runs and disconnects."""
        await self.feed.close()
        try:
            async with asyncio.timeout(STATEMENT_SECONDS):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


def _terminate(connection: "PoolConnectionProxy[Any]") -> None:
    if not connection.is_closed():
        connection.terminate()


async def _commit(connection: AnyConnection, running: RunningTransaction) -> None:
    """Sends COMMIT; from here on nothing may be run again.

    Raises:
        StorageUnavailable: when the server says that it rolled back.
        OutcomeUnknown: when it did not answer, or did not replicate.
    """
    notices: list[Any] = []

    def note(_connection: Any, message: Any) -> None:
        notices.append(message)

    connection.add_log_listener(note)
    try:
        await running.commit()
    except asyncpg.PostgresError as error:
        if str(error.sqlstate or "").startswith(_CERTAINLY_ROLLED_BACK):
            raise StorageUnavailable(f"COMMIT was refused: {error.sqlstate}") from error
        raise OutcomeUnknown(f"{type(error).__name__} at COMMIT") from error
    except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise OutcomeUnknown(f"{type(error).__name__} at COMMIT") from error
    finally:
        if not connection.is_closed():
            connection.remove_log_listener(note)
    for notice in notices:
        if getattr(notice, "sqlstate", "") in NOT_REPLICATED:
            raise OutcomeUnknown("kept here, not known to be on the standby")
