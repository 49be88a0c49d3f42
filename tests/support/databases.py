"""Databases for servers of the tests: the same tests run on each kind."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from grantory.storage.database import find_database
from tests.support.postgres import fresh_database


@contextmanager
def fresh_postgres() -> Iterator[str]:
    """The address of a PostgreSQL database with the newest tables and no row in them."""
    with fresh_database("tables", _make_tables) as url:
        yield url


def _make_tables(url: str) -> None:
    async def work() -> None:
        await find_database(url, Path("unused")).upgrade()

    # On a thread of its own, since the test that asks first may run on an event loop.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work()).result()
