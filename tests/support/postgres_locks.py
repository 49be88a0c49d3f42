"""Waiting until sessions of PostgreSQL wait."""

import asyncio
from typing import Any

import asyncpg

PATIENCE = 4.0
"""Seconds by which a slow machine may be late."""


async def until_waiting(connection: "asyncpg.Connection[Any]", count: int) -> None:
    """Return once so many sessions wait for a lock."""
    async with asyncio.timeout(PATIENCE):
        sql = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while await connection.fetchval(sql) < count:  # noqa: ASYNC110 - the server tells no event
            await asyncio.sleep(0.005)
