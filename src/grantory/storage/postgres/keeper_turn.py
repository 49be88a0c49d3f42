"""One process of all at a PostgreSQL database: whoever's connection holds an advisory lock."""

import asyncio
import contextlib
from typing import Any, Final

import asyncpg

from grantory.storage.postgres.connection import STATEMENT_SECONDS, Connector, told

_TAKE: Final = f"SELECT pg_try_advisory_lock({0x6772616E6C697374})"  # "granlist"
_LEAVE: Final = "SELECT pg_advisory_unlock_all()"
_FAILURES: Final = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


class ConnectionTurn:
    """Implements ``Turn``. The lock ends with the connection, however that ends.

    Args:
        connector: opens the connection, which is held for as long as the turn is.
    """

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self._connection: asyncpg.Connection[Any] | None = None
        self._is_mine = False

    async def is_mine(self) -> bool:
        """Tries to take the lock where another has it.

        Raises:
            StorageUnavailable: when the server cannot be asked.
        """
        if self._is_mine and self._connection is not None and not self._connection.is_closed():
            return True
        self._is_mine = False
        try:
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._connector.connect()
            self._is_mine = bool(await self._connection.fetchval(_TAKE))
        except _FAILURES as error:
            self._let_go()
            raise told(error) from error
        return self._is_mine

    def _let_go(self) -> None:
        if self._connection is not None:
            self._connection.terminate()
        self._connection, self._is_mine = None, False

    async def close(self) -> None:
        """Ends the connection, and so the lock."""
        if self._connection is not None:
            with contextlib.suppress(*_FAILURES):
                async with asyncio.timeout(STATEMENT_SECONDS):
                    await self._connection.execute(_LEAVE)
                    await self._connection.close()
        self._let_go()
