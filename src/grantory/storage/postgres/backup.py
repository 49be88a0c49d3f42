"""Writing a PostgreSQL database's content to a backup, and the other way round."""

from typing import IO, Any, Final

import asyncpg
from sqlalchemy.util import await_only, greenlet_spawn

from grantory.storage.postgres.executor import AsyncpgExecutor
from grantory.storage.sql.dump import dump
from grantory.storage.sql.dump_format import Backup
from grantory.storage.sql.replacing import TABLES, Restoration

LONGEST_SECONDS: Final = 86_400.0
"""For one statement; on a large store some take long."""

LOCK_SECONDS: Final = 60
"""How long a restore waits until running processes let go of the tables."""

PATIENCE: Final = (
    "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;"
    f"SET lock_timeout = '{LOCK_SECONDS}s'"
)
_THERE: Final = (
    "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename = ANY ($1)"
    " ORDER BY tablename"
)


async def write_backup(
    connection: "asyncpg.Connection[Any]", file: IO[bytes], now_ms: int, version: str
) -> Backup:
    """Writes what the database holds at one moment, while others go on writing.

    Args:
        connection: which nobody else uses.
        file: where to.
        now_ms: the time in milliseconds since 1970.
        version: that of this program.

    Raises:
        SetupError: when it cannot be written.
    """
    await connection.execute(PATIENCE)
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        sql = AsyncpgExecutor(connection, LONGEST_SECONDS)
        return await greenlet_spawn(dump, sql, file, now_ms, version)


async def restore_backup(
    connection: "asyncpg.Connection[Any]", restoration: Restoration, found: str | None
) -> Backup:
    """Puts a backup into a database. While that lasts, nobody else can look at it.

    Args:
        connection: patient, and in a transaction, to be kept when this returns.
        restoration: what to do.
        found: the revision of the tables that are there.

    Raises:
        SetupError: when that cannot be done; the transaction is to be undone.
    """

    def script(sql: str) -> None:
        await_only(connection.execute(sql, timeout=LONGEST_SECONDS))

    there = [f'"{row[0]}"' for row in await connection.fetch(_THERE, TABLES)]
    if found is not None:
        lock = f"LOCK TABLE {', '.join(there)} IN ACCESS EXCLUSIVE MODE"
        await connection.execute(lock, timeout=LONGEST_SECONDS)
    sql = AsyncpgExecutor(connection, LONGEST_SECONDS)
    return await greenlet_spawn(restoration.run, sql, script, "postgresql", found)
