"""Health: is the process alive, and can it serve?

Both are always answered, however much there is to do: whoever asks may take a process for dead
that refuses, or is late. So neither may cost much, whoever asks how often.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from grantory.errors import ApiError, StorageUnavailable
from grantory.http.request import Request
from grantory.http.response import Response, json_response
from grantory.ports.runtime import Clock
from grantory.ports.storage import Store

LIVE: Final = "/health/live"
READY: Final = "/health/ready"
REMEMBERED_SECONDS: Final = 0.25
LOOK_SECONDS: Final = 0.5
"""A store that answers may keep a look into its tables waiting for seconds, behind a lock or a
crowd: longer than whoever probes would wait."""


class HealthResource:
    """Answers the probes of a balancer or a supervisor.

    Args:
        store: must have been set up; its good answer is believed for 250 ms.
        fits: tells whether the master key here opens what the store holds, by its check value.
        clock: the time.
    """

    def __init__(self, store: Store, fits: Callable[[bytes], bool], clock: Clock) -> None:
        self._store = store
        self._fits = fits
        self._was_good = False
        self._clock = clock
        self._good_until = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None

    async def live(self, request: Request) -> Response:  # noqa: ARG002 - every handler takes it
        """Answers 200 while the process answers at all."""
        return json_response({"status": "up"})

    async def ready(self, request: Request) -> Response:  # noqa: ARG002
        """Answers 200 when the store answers and is set up.

        Raises:
            ApiError: 503 otherwise.
        """
        if self._clock.monotonic() >= self._good_until:
            if self._asking is None or self._asking.done():
                self._asking = asyncio.get_running_loop().create_task(self._ask())
                self._asking.add_done_callback(_look_at_its_failure)
            await asyncio.shield(self._asking)
        return json_response({"status": "up", "store": "up"})

    async def _ask(self) -> None:
        await self._store.require_answer()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.get_running_loop().create_task(self._look())
            self._looking.add_done_callback(_look_at_its_failure)
        done, _ = await asyncio.wait((self._looking,), timeout=LOOK_SECONDS)
        try:
            for looking in done:
                looking.result()
        except StorageUnavailable:  # it answers, but has too much to do for one more question
            if not self._was_good:
                raise
        if not self._was_good:
            raise ApiError(
                503,
                "service.unavailable",
                "The store is not set up yet, or under another master key."
                if done
                else "The store was not looked into yet: it keeps whoever asks waiting.",
                retry_after=1,
            )
        self._good_until = self._clock.monotonic() + REMEMBERED_SECONDS

    async def _look(self) -> None:
        try:
            check = await self._store.read(lambda s: s.installation.master_key_check())
            self._was_good = check is not None and self._fits(check)
        except StorageUnavailable:  # it may be as good as it was
            raise
        except BaseException:
            self._was_good = False
            raise


def _look_at_its_failure(asking: "asyncio.Task[None]") -> None:
    """Keeps asyncio from reporting a failure when whoever asked has hung up."""
    if not asking.cancelled():
        asking.exception()
