"""PostgreSQL behind the ``Store`` port."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar, cast

import asyncpg
from asyncpg.pool import PoolConnectionProxy
from asyncpg.transaction import Transaction as RunningTransaction
from sqlalchemy.util import greenlet_spawn

from grantory.errors import OutcomeUnknown, StorageUnavailable
from grantory.ports.runtime import Clock
from grantory.ports.storage import Snapshot, Transaction
from grantory.ports.store_state import StoreState
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
from grantory.storage.postgres.foreseen import foresee
from grantory.storage.postgres.keeper_turn import ConnectionTurn
from grantory.storage.room import Room
from grantory.storage.sql.foreseen import KnownAccess, NotingAccess
from grantory.storage.sql.transaction import SqlTransaction

T = TypeVar("T")
MOST_CONNECTIONS: Final = 10
LEAST_CONNECTIONS: Final = 4
MOST_READS: Final = 64
"""So many may run or wait for a connection; one more is refused, early."""
LEAST_READS: Final = 16
"""So many where each takes too long: a read holds its connection for a moment only."""
MOST_CHANGES: Final = 32
"""The same of changes ..."""
LEAST_CHANGES: Final = 3
"""... and so many where each takes too long."""
ACQUIRE_SECONDS: Final = 4.0
WORK_SECONDS: Final = 4.5
"""A transaction that has taken so long begins no further statement, but its COMMIT."""
PATIENT_SECONDS: Final = 3600.0
"""The same for a command, which may have every organisation's keys to replace."""
GRACE_SECONDS: Final = 1.0
"""What is still under way then has so much time; after that the connection is given up."""
MOST_TRIES: Final = 5
NOT_REPLICATED: Final = frozenset({"01000", "57P01"})
"""What the server says, as a warning, of a commit that did not reach its standby."""

COMPLETION_UNKNOWN: Final = "40003"
_SIZE: Final = "SELECT pg_database_size(current_database())"
_PAUSE: Final = 0.02
_CERTAINLY_ROLLED_BACK: Final = ("40", "23", "25")


class PostgresStore:
    """Implements ``Store`` on a pool of connections; ``feed`` tells of changes.

    Work runs in a greenlet on the event loop's thread. A transaction that fails before its
    COMMIT was sent, because a row was contended or the connection was lost, is run again from
    the start; after that, never.
    """

    def __init__(
        self,
        pool: "asyncpg.Pool[Any]",
        connector: Connector,
        feed: LeasedFeed,
        clock: Clock,
        seconds: float = WORK_SECONDS,
        changes: int = MOST_CHANGES,
    ) -> None:
        self._pool = pool
        self._connector = connector
        self._seconds = seconds
        self._now = clock.now_ms
        self._known = KnownAccess()
        self.feed = feed
        self._room = Room(LEAST_CHANGES, changes)
        self._reads = Room(LEAST_READS, MOST_READS)
        self._places = asyncio.Semaphore(pool.get_max_size())

    @classmethod
    async def open(
        cls, connector: Connector, clock: Clock, processes: int, seconds: float = WORK_SECONDS
    ) -> "PostgresStore":
        """Makes the pool; connections are opened when they are needed.

        Args:
            connector: opens them.
            clock: the time.
            processes: how many of this machine share the database.
            seconds: how long a transaction may take.
        """
        feed = LeasedFeed(connector, clock)

        async def connect(*_: Any, **__: Any) -> "asyncpg.Connection[Any]":
            era = feed.losses
            connection = await connector.connect()
            connection.era = era
            return connection

        pool: asyncpg.Pool[Any] = await asyncpg.create_pool(
            min_size=0,
            max_size=max(LEAST_CONNECTIONS, MOST_CONNECTIONS // processes),
            connection_class=Connection,
            connect=connect,
        )
        changes = max(pool.get_max_size(), MOST_CHANGES // processes)
        return cls(pool, connector, feed, clock, seconds, changes)

    async def read(self, work: Callable[[Snapshot], T]) -> T:
        """Runs a short look-up on one consistent view."""
        return await self._tried(self._reads, lambda until: self._read_once(work, until))

    async def scan(self, work: Callable[[Snapshot], T]) -> T:
        """Runs a long read on one consistent view."""
        return await self.read(work)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs a change; returns when it is on disk, and on the standby where there is one."""
        return await self._tried(self._room, lambda until: self._write_once(work, until))

    async def _tried(self, room: Room, attempt: Callable[[float], Awaitable[T]]) -> T:
        if room.left <= 0:
            raise StorageUnavailable("too many wait for a connection to PostgreSQL")
        entered = room.enter()
        try:
            return await self._tried_again(attempt)
        finally:
            room.leave(entered)

    async def _tried_again(self, attempt: Callable[[float], Awaitable[T]]) -> T:
        until = asyncio.get_running_loop().time() + self._seconds
        for tried in range(1, MOST_TRIES + 1):
            try:
                return await attempt(until)
            except Exception as error:
                if tried == MOST_TRIES or not may_be_repeated(error):
                    raise told(error) from error
                await asyncio.sleep(_PAUSE * tried)
        raise StorageUnavailable("no attempt was left")

    async def _read_once(self, work: Callable[[Snapshot], T], until: float) -> T:
        kind = {"isolation": "repeatable_read", "readonly": True}
        async with (
            asyncio.timeout_at(until + GRACE_SECONDS),
            self._transaction(until, **kind) as (sql, running),
        ):
            result = await greenlet_spawn(work, cast(Snapshot, SqlTransaction(sql)))
            await running.rollback()
        return result

    async def _write_once(self, work: Callable[[Transaction], T], until: float) -> T:
        async with (
            asyncio.timeout_at(until + GRACE_SECONDS) as limit,
            self._transaction(until) as (sql, running),
        ):
            times = sql.connection.era, self.feed.resets
            self._known.begin(times)
            foreseen = foresee(cast(Callable[[SqlTransaction], T], work), self._known, self._now())
            changed = None
            if foreseen is not None and await foreseen.make(sql.connection):
                result = foreseen.result
            else:
                changed = SqlTransaction(sql, NotingAccess)
                result = await greenlet_spawn(self._work, work, changed)
            limit.reschedule(None)  # whoever gives up on a COMMIT has to say so
            await commit(sql.connection, running, until + GRACE_SECONDS)
        if changed is not None:
            self.feed.committed_here(changed.touches)
            if self._known.is_of(times):
                cast(NotingAccess, changed.access).tell(self._known)
        return cast(T, result)

    def _work(self, work: Callable[[Transaction], T], changed: SqlTransaction) -> T:
        result = work(cast(Transaction, changed))
        changed.finish(self._now())
        return result

    @asynccontextmanager
    async def _transaction(
        self, until: float, **kind: Any
    ) -> AsyncIterator[tuple[AsyncpgExecutor, RunningTransaction]]:
        async with self._lent() as connection:
            running = connection.transaction(**kind)
            try:
                await running.start()
                yield AsyncpgExecutor(connection, until=until), running
            except BaseException as error:
                # Of a server that answers no more nothing is asked, not even an orderly end.
                if is_lost(error) or isinstance(error, (OutcomeUnknown, asyncio.CancelledError)):
                    _terminate(connection)
                elif _is_open(connection) and connection.is_in_transaction():
                    await running.rollback()
                raise

    @asynccontextmanager
    async def _lent(self) -> "AsyncIterator[PoolConnectionProxy[Any]]":
        """Lends a connection: first come, first served, where the pool lets newcomers pass."""
        connection = await self._acquire()
        try:
            yield connection
        finally:
            # Whatever became of it: what the transaction came to is known by now.
            with contextlib.suppress(
                OSError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
            ):
                try:
                    await self._pool.release(connection, timeout=STATEMENT_SECONDS)
                finally:
                    self._places.release()

    async def require_answer(self) -> None:
        """Asks over the feed's connection, unless it was answered within the last 800 ms."""
        if not self.feed.is_current():
            await self.feed.catch_up()

    def turn(self) -> ConnectionTurn:
        """Makes what says whether this process is to keep the lists."""
        return ConnectionTurn(self._connector)

    def room(self) -> int:
        """Tells how many more changes would be made in time."""
        return self._room.left

    def state(self) -> StoreState:
        """Tells how it is, and its lease."""
        lease, room = self.feed.lease, self._room
        return StoreState(room.unfinished, room.left, lease.begun, lease.lapses, self.feed.losses)

    async def size(self) -> Mapping[str, int]:
        """Asks the server how large the database is."""
        return {"database": await self._tried(self._reads, self._size_once)}

    async def _size_once(self, until: float) -> int:
        async with (
            asyncio.timeout_at(until + GRACE_SECONDS),
            self._transaction(until, readonly=True) as (sql, running),
        ):
            size = int(await sql.connection.fetchval(_SIZE))
            await running.rollback()
        return size

    async def _acquire(self) -> "PoolConnectionProxy[Any]":
        """Takes a connection that was opened since the feed last lost its own.

        An older one may hang, or lead to a server whose place another has taken.
        """
        try:
            async with asyncio.timeout(ACQUIRE_SECONDS):
                await self._places.acquire()
                try:
                    return await self._current_connection()
                except BaseException:
                    self._places.release()
                    raise
        except TimeoutError:
            raise StorageUnavailable("no connection to PostgreSQL was free in time") from None

    async def _current_connection(self) -> "PoolConnectionProxy[Any]":
        while True:
            connection = await self._pool.acquire()
            if connection.era == self.feed.losses:
                return connection
            _terminate(connection)
            await self._pool.release(connection)

    async def close(self) -> None:
        """Finishes what runs and disconnects."""
        await self.feed.close()
        try:
            async with asyncio.timeout(STATEMENT_SECONDS):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


def _is_open(connection: "PoolConnectionProxy[Any]") -> bool:
    try:
        return not connection.is_closed()
    except asyncpg.InterfaceError:  # it was lost, and so the pool has taken it back by itself
        return False


def _terminate(connection: "PoolConnectionProxy[Any]") -> None:
    if _is_open(connection):
        connection.terminate()


async def commit(connection: AnyConnection, running: RunningTransaction, until: float) -> None:
    """Sends COMMIT; from here on nothing may be run again.

    Args:
        connection: on which it runs.
        running: the transaction.
        until: the answer is waited for until this moment of the event loop's clock.

    Raises:
        StorageUnavailable: when the server says that it rolled back.
        OutcomeUnknown: when it did not answer, or did not replicate.
    """
    notices: list[Any] = []

    def note(_connection: Any, message: Any) -> None:
        notices.append(message)

    connection.add_log_listener(note)
    try:
        async with asyncio.timeout_at(until):
            await running.commit()
    except asyncpg.PostgresError as error:
        state = str(error.sqlstate or "")
        if state.startswith(_CERTAINLY_ROLLED_BACK) and state != COMPLETION_UNKNOWN:
            raise StorageUnavailable(f"COMMIT was refused: {error.sqlstate}") from error
        raise OutcomeUnknown(f"{type(error).__name__} at COMMIT") from error
    except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise OutcomeUnknown(f"{type(error).__name__} at COMMIT") from error
    finally:
        if _is_open(connection):
            connection.remove_log_listener(note)
    for notice in notices:
        if getattr(notice, "sqlstate", "") in NOT_REPLICATED:
            raise OutcomeUnknown("kept here, not known to be on the standby")
