"""Keeping the store small: rows that can change no decision any more leave it in small steps."""

import asyncio
from collections.abc import Callable
from typing import Final

from grantory.domain.token import CLOCK_SLACK_SECONDS
from grantory.errors import ApiError
from grantory.ports.runtime import Clock
from grantory.ports.storage import Store, Transaction

ROWS_AT_ONCE: Final = 500
EVERY_SECONDS: Final = 60.0
BETWEEN_STEPS_SECONDS: Final = 0.05
ENDED_SECRETS_KEPT_MS: Final = 30 * 86_400_000


def _unheard(error: Exception) -> None:
    raise error


class Upkeep:
    """Removes change records, ended tokens, ended secrets and spent keys.

    Any number of processes may do so on one store: what one has removed the next finds gone.

    Args:
        store: the store.
        clock: the time of day.
        failed: takes an error that nobody expected, after which it goes on.
    """

    def __init__(
        self, store: Store, clock: Clock, failed: Callable[[Exception], None] = _unheard
    ) -> None:
        self._failed = failed
        self._store = store
        self._clock = clock

    async def step(self) -> int:
        """Removes some rows of each kind, a short transaction each; returns how many."""
        now = self._clock.now_ms()
        slack = CLOCK_SLACK_SECONDS
        kinds: tuple[Callable[[Transaction], int], ...] = (
            lambda t: t.upkeep.forget_changes(now, ROWS_AT_ONCE),
            lambda t: t.upkeep.forget_denied_tokens(now // 1000 - slack, ROWS_AT_ONCE),
            lambda t: t.upkeep.forget_secrets(now - ENDED_SECRETS_KEPT_MS, ROWS_AT_ONCE),
            lambda t: t.upkeep.forget_keys(now - slack * 1000, ROWS_AT_ONCE),
        )
        return sum([await self._store.write(work) for work in kinds])

    async def finish(self) -> int:
        """Removes all that is due, with pauses for others; returns how many rows."""
        removed = 0
        while some := await self.step():
            removed += some
            await asyncio.sleep(BETWEEN_STEPS_SECONDS)
        return removed

    async def run(self) -> None:
        """Does so every minute until it is cancelled; what fails is made up for later."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.finish()
            except ApiError:
                continue  # the store is away; whoever needs it says so
            except Exception as error:
                self._failed(error)
