"""Places for what may be done only a few times at once, counted for several holders each."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

Holders = tuple[str, ...]
"""Who holds a place: one id for each bound, no two of different bounds alike."""


class Places:
    """Gives places away, to whoever has waited longest among those who may have one.

    Who waits for want of room of its own holds up nobody else.

    Args:
        bounds: how many places each holder may have at once; one number for each of ``Holders``.
    """

    def __init__(self, *bounds: int) -> None:
        self._bounds = bounds
        self._taken: Counter[str] = Counter()
        self._waiting: deque[tuple[Holders, asyncio.Future[None]]] = deque()

    def take_now(self, *holders: str) -> bool:
        """Takes a place, which the caller releases, if there is one; tells whether."""
        is_free = all(
            self._taken[holder] < most for holder, most in zip(holders, self._bounds, strict=True)
        )
        if is_free:
            self._taken.update(holders)
        return is_free

    async def take(self, *holders: str, seconds: float) -> bool:
        """Takes a place, which the caller releases; waits for it if it must.

        Args:
            holders: for whom.
            seconds: the longest that it waits.

        Returns:
            Whether there was one in that time.
        """
        if self.take_now(*holders):
            return True
        place = asyncio.get_running_loop().create_future()
        self._waiting.append((holders, place))
        try:
            await asyncio.wait((place,), timeout=seconds)
        except BaseException:
            if place.done():
                self.release(*holders)
            raise
        finally:
            place.cancel()  # it is given to nobody who has gone
        return not place.cancelled()

    def release(self, *holders: str) -> None:
        """Gives a place back, to those who wait for one."""
        self._taken.subtract(holders)
        for holder in holders:
            if not self._taken[holder]:
                del self._taken[holder]
        waiting, self._waiting = self._waiting, deque()
        for wanting, place in waiting:
            if place.done():
                continue
            if self.take_now(*wanting):
                place.set_result(None)
            else:
                self._waiting.append((wanting, place))

    @asynccontextmanager
    async def held(self, *holders: str, seconds: float) -> AsyncIterator[bool]:
        """Holds a place meanwhile, if there is one in time; gives whether."""
        is_held = await self.take(*holders, seconds=seconds)
        try:
            yield is_held
        finally:
            if is_held:
                self.release(*holders)
