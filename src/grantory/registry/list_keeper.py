"""Keeping the lists of clients up to date: what was made or changed is put into them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from grantory.errors import ApiError
from grantory.ports.runtime import Clock
from grantory.ports.storage import Store

AT_ONCE: Final = 100
"""So many clients in one transaction: others want to write, too."""
MANY_AT_ONCE: Final = 5_000
HURRY_FROM: Final = 2_000
EVERY_SECONDS: Final = 1.0


def _unheard(error: Exception) -> None:
    raise error


class ListKeeper:
    """Puts clients into lists. Any number of processes may do so on one store.

    Args:
        store: the store, opened for work that no caller asks for.
        clock: measures how long a step takes.
        failed: takes an error that nobody expected, after which it goes on.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        failed: Callable[[Exception], None] = _unheard,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._clock = clock
        self._failed = failed
        self._sleep = sleep

    async def step(self, limit: int = AT_ONCE) -> int:
        """Puts some clients into one list; returns how many marks it dealt with."""
        if not await self._behind(1):
            return 0
        return await self._store.write(lambda transaction: transaction.client_lists.catch_up(limit))

    async def finish(self) -> int:
        """Brings every list up to date; returns how many marks it dealt with."""
        done = 0
        while some := await self.step(MANY_AT_ONCE):
            done += some
        return done

    async def _catch_up(self) -> None:
        """Takes a third of the time, lest callers wait; more where readers would have to."""
        begun = self._clock.monotonic()
        while await self.step() == AT_ONCE:
            taken = self._clock.monotonic() - begun
            if await self._behind(HURRY_FROM) < HURRY_FROM:
                await self._sleep(2 * taken)
            begun = self._clock.monotonic()

    async def _behind(self, most: int) -> int:
        return await self._store.read(lambda snapshot: snapshot.client_lists.behind(most))

    async def run(self) -> None:
        """Does so every second, until it is cancelled."""
        while True:
            try:
                await self._catch_up()
            except ApiError:  # the store is away, or too busy; whoever needs it says so
                pass
            except Exception as error:
                self._failed(error)
            await self._sleep(EVERY_SECONDS)
