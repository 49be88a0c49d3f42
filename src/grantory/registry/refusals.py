"""Bringing refused token requests from memory into the store, about once a second.

No answer waits for it, and none fails by it: while the store is away, full or slow, what was
refused stays in memory, under the bounds there.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from grantory.errors import ApiError, OutcomeUnknown
from grantory.ports.runtime import Clock
from grantory.ports.storage import Snapshot, Store
from grantory.registry.gathered_refusals import Batch, GatheredRefusals
from grantory.registry.refusal_bounds import record

AT_ONCE: Final = 50
"""So many are sorted out in one turn of the event loop, which takes less than a millisecond."""
EVERY_SECONDS: Final = 1.0
TOLD_EVERY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 3.0


class RefusalKeeper:
    """Writes what a process gathers, for as long as it runs.

    Args:
        gathered: what was refused.
        store: opened for work that callers do not ask for.
        clock: for telling no more often than once a minute.
        failed: takes an error that nobody expected, with which a batch was lost.
        told: takes how many refusals were lost, how many wait, and what keeps them waiting.
        every: seconds between two looks.
    """

    def __init__(
        self,
        gathered: GatheredRefusals,
        store: Store,
        clock: Clock,
        *,
        failed: Callable[[Exception], None],
        told: Callable[[int, int, str], None],
        every: float = EVERY_SECONDS,
    ) -> None:
        self._gathered = gathered
        self._store = store
        self._clock = clock
        self._failed = failed
        self._told = told
        self._every = every
        self._ending = asyncio.Event()
        self._told_at = float("-inf")
        self._failed_at = float("-inf")

    async def flush(self) -> None:
        """Writes all that is there when it begins; what comes meanwhile waits for the next time.

        So it ends, however many are refused while it writes.

        Raises:
            ApiError: when the store cannot take it; it stays in memory, but for what may have
                been written, which is given up.
        """
        if self._gathered.is_empty:
            return
        number, unknown = self._gathered.unsorted, self._gathered.unknown()
        found: dict[str, str] = {}
        if unknown:
            found = await self._store.read(partial(_organizations, unknown))
        for begin in range(0, number, AT_ONCE):
            self._gathered.sort(min(AT_ONCE, number - begin), found)
            await asyncio.sleep(0)
        for _ in range(self._gathered.batches):
            batch = self._gathered.batch()
            if batch is not None:
                await self._write(batch)

    async def _write(self, batch: Batch) -> None:
        try:
            await self._store.write(lambda transaction: record(transaction, batch))
        except BaseException as error:
            # What may have been written could be there twice; what fails for no known reason
            # would fail again, and hold up what comes after it.
            if isinstance(error, ApiError) and not isinstance(error, OutcomeUnknown):
                self._gathered.put_back(batch)
            else:
                self._gathered.lost += batch.size
            raise

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Writes every second as long as the context lasts, and once more at its end.

        What cannot be written within three seconds then is lost, and told.
        """
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            self._ending.set()
            await asyncio.wait([task], timeout=STOP_SECONDS)
            task.cancel()
            await asyncio.wait([task])
            if lost := self._gathered.lost + self._gathered.size:
                self._told(lost, 0, "")

    async def _run(self) -> None:
        while not self._ending.is_set():
            try:
                await asyncio.wait_for(self._ending.wait(), self._every)
            except TimeoutError:
                await self._try()
        await self._try()

    async def _try(self) -> None:
        reason = ""
        try:
            await self.flush()
        except ApiError as error:
            reason = error.detail or error.code
        except Exception as error:
            reason = type(error).__name__
            if self._is_time(self._failed_at):
                self._failed_at = self._clock.monotonic()
                self._failed(error)
        lost = self._gathered.lost
        if (lost or reason) and self._is_time(self._told_at):
            self._told_at = self._clock.monotonic()
            self._gathered.lost = 0
            self._told(lost, self._gathered.size, reason)

    def _is_time(self, last: float) -> bool:
        return self._clock.monotonic() - last >= TOLD_EVERY_SECONDS


def _organizations(client_ids: list[str], snapshot: Snapshot) -> dict[str, str]:
    found = {client_id: snapshot.clients.get(client_id) for client_id in client_ids}
    return {
        client_id: "" if client is None else client.organization_id
        for client_id, client in found.items()
    }
