"""What is different where calls are awaited; ``_sync`` has a file of its own like this one."""

import asyncio
import random as randomness
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2

T = TypeVar("T")
Lock = asyncio.Lock
HttpClient = httpx2.AsyncClient
Transport = httpx2.AsyncBaseTransport
DirectTransport = httpx2.AsyncHTTPTransport
"""Asks no proxy."""


@dataclass(frozen=True)
class Runtime:
    """Time and chance, for tests that have them in hand.

    Attributes:
        clock: seconds since 1970 (UTC).
        sleep: waits for some seconds.
        random: a number from 0 up to 1.
    """

    clock: Callable[[], float] = time.time
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep
    random: Callable[[], float] = randomness.random


async def apart(work: Callable[[], T], give_up: Callable[[], object]) -> T:
    """Does what waits for people, while other tasks go on.

    Args:
        work: what to do, on a thread of its own.
        give_up: ends it, when whoever waits for it is cancelled.
    """
    try:
        return await asyncio.to_thread(work)
    except asyncio.CancelledError:
        give_up()
        raise


async def to_the_end(work: Callable[[], Coroutine[Any, Any, T]], keep: Callable[[T], None]) -> None:
    """Does what must not be left half done: whoever is cancelled meanwhile ends after it.

    Args:
        work: what to do.
        keep: is given what comes of it.
    """

    async def both() -> None:
        keep(await work())

    task = asyncio.ensure_future(both())
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # nobody is there to be told
        raise
