"""Keeping the lists of clients up to date: what was made or changed is put into them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from grantory.errors import ApiError
from grantory.ports.storage import Store

AT_ONCE: Final = 250
"""So many clients in one transaction: others want to write, too."""
MANY_AT_ONCE: Final = 2_000
EVERY_SECONDS: Final = 1.0
BETWEEN_STEPS_SECONDS: Final = 0.01


def _unheard(error: Exception) -> None:
    raise error


class ListKeeper:
    """Puts clients into lists. Any number of processes may do so on one store.

    Args:
        store: the store, opened for work that no caller asks for.
        failed: takes an error that nobody expected, after which it goes on.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        store: Store,
        failed: Callable[[Exception], None] = _unheard,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._failed = failed
        self._sleep = sleep

    async def step(self, limit: int = AT_ONCE) -> int:
        """Puts some clients into one list; returns how many marks it dealt with."""
        if not await self._store.read(lambda snapshot: snapshot.client_lists.is_behind()):
            return 0
        return await self._store.write(lambda transaction: transaction.client_lists.catch_up(limit))

    async def finish(self) -> int:
        """Brings every list up to date; returns how many marks it dealt with."""
        done = 0
        while some := await self.step(MANY_AT_ONCE):
            done += some
        return done

    async def run(self) -> None:
        """Does so every second, until it is cancelled."""
        while True:
            try:
                while await self.step():
                    await self._sleep(BETWEEN_STEPS_SECONDS)
            except ApiError:  # the store is away, or too busy; whoever needs it says so
                pass
            except Exception as error:
                self._failed(error)
            await self._sleep(EVERY_SECONDS)
