"""A caller of a store that is told to come again, and does."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from grantory.errors import StorageUnavailable
from grantory.ports.storage import Store, Transaction
from grantory.storage.change_feed import ChangeFeed

T = TypeVar("T")
MOST_TIMES = 1000
PAUSE = 0.01
MOST_QUESTIONS = 20


async def patiently(store: Store, work: Callable[[Transaction], T]) -> T:
    """Makes a change, again and again while a slow store refuses what would have to wait."""
    for _ in range(MOST_TIMES):
        try:
            return await store.write(work)
        except StorageUnavailable:
            await asyncio.sleep(PAUSE)
    raise AssertionError(f"refused {MOST_TIMES} times")


async def heard_patiently(feed: ChangeFeed) -> None:
    """Asks again where a busy machine's database took half a second to answer."""
    for _ in range(MOST_QUESTIONS):
        try:
            return await feed.catch_up()
        except StorageUnavailable:
            continue
    raise AssertionError("the database tells nothing")
