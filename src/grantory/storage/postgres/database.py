"""A PostgreSQL database: its tables, and whether they are whole."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO, Any, Final

import asyncpg

from grantory.errors import OutcomeUnknown, SetupError, StorageUnavailable
from grantory.ports.runtime import Clock
from grantory.storage.postgres.address import read_address
from grantory.storage.postgres.backup import PATIENCE, restore_backup, write_backup
from grantory.storage.postgres.connection import (
    APPLICATION,
    Connector,
    close,
    connect_for_setup,
    reason,
)
from grantory.storage.postgres.store import PATIENT_SECONDS, WORK_SECONDS, PostgresStore, commit
from grantory.storage.sql.dump_format import Backup
from grantory.storage.sql.migrations import CURRENT, HEAD, upgrade_sql
from grantory.storage.sql.replacing import Restoration
from grantory.storage.sql.tables import metadata

UPGRADE_SECONDS: Final = 3600.0
MOST_TRIES: Final = 5
_LOCK: Final = f"SELECT pg_advisory_xact_lock({0x6772616E746F7279})"  # "grantory"
_OTHERS: Final = (
    "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
    "AND application_name = $1 AND pid <> pg_backend_pid() LIMIT 1"
)
_TABLES: Final = "SELECT tablename FROM pg_tables WHERE schemaname = ANY (current_schemas(false))"


class PostgresDatabase:
    """Implements ``Database``.

    Args:
        url: as libpq takes it.

    Raises:
        SetupError: when it cannot be read.
    """

    def __init__(self, url: str) -> None:
        address = read_address(url)
        self._connector = Connector(address)
        self._name = address.shown

    @property
    def name(self) -> str:
        """The address, without its password."""
        return self._name

    async def revision(self) -> str | None:
        """Tells the schema's revision; None where there are no tables."""
        async with self._connection() as connection:
            return await _revision(connection)

    async def upgrade(self, target: str = "head") -> tuple[str | None, str]:
        """Brings the tables to a revision, under a lock that one process at a time can hold."""
        async with self._connection() as connection:
            # Waiting for another process's upgrade, and changing large tables, may take long.
            for patience in ("statement_timeout", "lock_timeout"):
                await connection.execute(f"SET {patience} = 0")
            async with _transaction(connection):
                await connection.execute(_LOCK, timeout=UPGRADE_SECONDS)
                before = await _revision(connection)
                if before != (HEAD if target == "head" else target):
                    sql = upgrade_sql("postgresql", before, target)
                    await connection.execute(sql, timeout=UPGRADE_SECONDS)
                after = await _revision(connection)
        return before, str(after)

    async def is_set_up(self) -> bool:
        """Tells whether the tables hold an installation."""
        async with self._connection() as connection:
            return await connection.fetchval("SELECT 1 FROM installation") is not None

    async def problems(self) -> list[str]:
        """Looks whether every table is there and can be read to its end."""
        async with self._connection() as connection:
            there = {row[0] for row in await connection.fetch(_TABLES)}
            missing = sorted(metadata.tables.keys() - there)
            if missing:
                return [f"there is no table {name}" for name in missing]
            await connection.execute("SET statement_timeout = 0")
            for name in sorted(metadata.tables):
                sql = f'SELECT count(t.*) FROM "{name}" t'  # noqa: S608 - a name of our own
                await connection.execute(sql, timeout=UPGRADE_SECONDS)
        return []

    async def is_in_use(self) -> bool:
        """Tells whether a server or command of whatever machine is connected to it."""
        async with self._connection() as connection:
            return await connection.fetchval(_OTHERS, APPLICATION) is not None

    async def dump(self, file: IO[bytes], now_ms: int, version: str) -> Backup:
        """Writes all that it holds at one moment."""
        async with self._connection() as connection:
            return await write_backup(connection, file, now_ms, version)

    async def restore(self, restoration: Restoration) -> Backup:
        """Puts a backup into it, in one transaction; again where another's stood in its way."""
        async with self._connection() as connection:
            await connection.execute(PATIENCE)
            for tried in range(1, MOST_TRIES + 1):
                try:
                    async with _transaction(connection):
                        await connection.execute(_LOCK, timeout=UPGRADE_SECONDS)
                        found = await _revision(connection)
                        return await restore_backup(connection, restoration, found)
                except asyncpg.DeadlockDetectedError:
                    if tried == MOST_TRIES:
                        raise
        raise SetupError("no attempt was left")

    async def open(
        self, clock: Clock, processes: int = 1, *, patient: bool = False
    ) -> PostgresStore:
        """Opens the store."""
        seconds = PATIENT_SECONDS if patient else WORK_SECONDS
        return await PostgresStore.open(self._connector, clock, processes, seconds)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator["asyncpg.Connection[Any]"]:
        connection = await connect_for_setup(self._connector, self._name)
        try:
            yield connection
        except (
            OSError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        ) as error:
            raise SetupError(f"PostgreSQL failed: {reason(error)}") from None
        except StorageUnavailable as error:
            raise SetupError(f"PostgreSQL failed: {error.detail}; nothing was changed") from None
        except OutcomeUnknown as error:
            raise SetupError(
                f"PostgreSQL failed while the change was being kept ({error.detail}): it is not "
                "known whether it was made; look before you run the command again"
            ) from None
        finally:
            await close(connection)


@asynccontextmanager
async def _transaction(connection: "asyncpg.Connection[Any]") -> AsyncIterator[None]:
    """Keeps all of what is done within, as ``commit`` does, or nothing."""
    running = connection.transaction()
    await running.start()
    try:
        yield
    except BaseException:
        if not connection.is_closed():
            await running.rollback()
        raise
    await commit(connection, running, asyncio.get_running_loop().time() + UPGRADE_SECONDS)


async def _revision(connection: "asyncpg.Connection[Any]") -> str | None:
    if await connection.fetchval("SELECT to_regclass('alembic_version')::text") is None:
        return None
    found = await connection.fetchval(CURRENT)
    return None if found is None else str(found)
