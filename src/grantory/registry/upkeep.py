"""Keeping the store small: rows that can change no decision any more leave it in small steps.

No clock decides whether a token is revoked. One that is wrong must not do so by forgetting that
it was: nothing is removed by a time of day that something speaks against.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from grantory.domain.code import CODE_KEPT_MS
from grantory.domain.token import CLOCK_SLACK_SECONDS
from grantory.errors import ApiError, SetupError
from grantory.ports.runtime import Clock
from grantory.ports.storage import Store, Transaction

T = TypeVar("T")
Rotate = Callable[[], Awaitable[int]]
"""Makes the keys that are to follow those that are old enough, and tells how many."""
ROWS_AT_ONCE: Final = 500
EVERY_SECONDS: Final = 60.0
BETWEEN_STEPS_SECONDS: Final = 0.05
AGAIN_SECONDS: Final = 1.0
ENDED_SECRETS_KEPT_MS: Final = 30 * 86_400_000
REFUSALS_KEPT_DAYS: Final = 30
REFRESH_DAYS: Final = 30
APART_MS: Final = 3_600_000
"""Further apart, one of two clocks is wrong; far less than the day for which rows stay longer."""


def _unheard(error: Exception) -> None:
    raise error


def _untold(_reason: str) -> None:
    pass


async def no_keys() -> int:
    """Lets no key be followed by a new one."""
    return 0


class TimeOfDay:
    """This machine's time of day, and what speaks against it.

    Another machine's clock shows that this one is wrong. Where the store is a file, there is no
    other, but the monotonic clock shows when the time of day was set. Whether it is right now, or
    was before, cannot be known: it is believed again when it has stood for a day.

    Args:
        clock: tells both times.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_ms = self._began()
        self._set_at = float("-inf")

    def _began(self) -> int:
        """Tells when, by the time of day, the monotonic clock stood at nought."""
        return self._clock.now_ms() - int(self._clock.monotonic() * 1000)

    def doubt(self, store_ms: int) -> str:
        """Says what speaks against the time of day; nothing where it may be believed.

        Args:
            store_ms: the time by the store's clock, in milliseconds since 1970.
        """
        began = self._began()
        if abs(began - self._began_ms) > APART_MS:
            self._began_ms, self._set_at = began, self._clock.monotonic()
        ahead_ms = self._clock.now_ms() - store_ms
        if abs(ahead_ms) > APART_MS:
            word = "ahead of" if ahead_ms > 0 else "behind"
            return f"this machine's clock is {abs(ahead_ms) // 1000} s {word} the store's"
        if self._clock.monotonic() - self._set_at < CLOCK_SLACK_SECONDS:
            return "this machine's clock was set by more than an hour within the last day"
        return ""


class Upkeep:
    """Removes change records, spent keys, and whatever was ended or has expired long ago.

    And it lets signing keys be followed by new ones when they are old enough.

    Any number of processes may do so on one store: what one has removed the next finds gone.

    Args:
        store: the store, opened for nothing else: where requests fill its queue, there is never
            room for this.
        clock: the time of day.
        failed: takes an error that nobody expected, after which it goes on.
        held_back: takes the reason why nothing is removed, once until that has passed.
        refusals_kept_days: how long refused token requests and their counters stay.
        refresh_days: how long a refresh token may lie unused; a session is good for so much longer
            to log out with.
        rotate: lets keys be followed.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        failed: Callable[[Exception], None] = _unheard,
        *,
        held_back: Callable[[str], None] = _untold,
        refusals_kept_days: int = REFUSALS_KEPT_DAYS,
        refresh_days: int = REFRESH_DAYS,
        rotate: Rotate = no_keys,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._clock = clock
        self._time = TimeOfDay(clock)
        self._failed = failed
        self._held_back = held_back
        self._is_held_back = False
        self._refusals_kept_ms = refusals_kept_days * 86_400_000
        self._sessions_kept_ms = (refresh_days + 1) * 86_400_000
        self._rotate = rotate
        self._sleep = sleep

    async def step(self) -> int:
        """Removes some rows of each kind, a short transaction each; returns how many."""
        now = self._clock.now_ms()
        slack = CLOCK_SLACK_SECONDS
        refusals = now - self._refusals_kept_ms
        kinds: tuple[Callable[[Transaction], int], ...] = (
            lambda t: t.upkeep.forget_changes(now, ROWS_AT_ONCE),
            lambda t: t.upkeep.forget_denied_tokens(now // 1000 - slack, ROWS_AT_ONCE),
            lambda t: t.upkeep.forget_secrets(now - ENDED_SECRETS_KEPT_MS, ROWS_AT_ONCE),
            lambda t: t.upkeep.forget_sessions(now - self._sessions_kept_ms, ROWS_AT_ONCE),
            lambda t: t.upkeep.forget_codes(now - max(slack * 1000, CODE_KEPT_MS), ROWS_AT_ONCE),
            lambda t: t.upkeep.forget_families(now - slack * 1000, ROWS_AT_ONCE),
            lambda t: t.upkeep.forget_assertions(now - slack * 1000, ROWS_AT_ONCE),
            lambda t: t.upkeep.forget_keys(now - slack * 1000, ROWS_AT_ONCE),
            lambda t: t.upkeep.forget_refusals(refusals, ROWS_AT_ONCE),
            lambda t: t.upkeep.forget_refusal_counters(refusals, ROWS_AT_ONCE),
        )
        return sum([await self._write(work) for work in kinds])

    async def finish(self) -> int:
        """Removes all that is due by the given clock, right or wrong; returns how many rows."""
        removed = 0
        while some := await self.step():
            removed += some
            await self._sleep(BETWEEN_STEPS_SECONDS)
        return removed

    async def clean(self) -> int:
        """Removes all that is due while the clock may be believed; returns how many rows.

        Keys that are due are followed first, by the same clock.
        """
        removed = 0
        if await self._may_believe_the_clock():
            await self._follow_keys()
        while await self._may_believe_the_clock() and (some := await self.step()):
            removed += some
            await self._sleep(BETWEEN_STEPS_SECONDS)
        return removed

    async def _follow_keys(self) -> None:
        """Cleaning goes on when no key can be made, as under another master key."""
        try:
            await self._patiently(self._rotate)
        except (SetupError, LookupError) as error:
            self._failed(error)

    async def run(self) -> None:
        """Does so at once and every minute, until it is cancelled."""
        while True:
            try:
                await self.clean()
            except Exception as error:
                self._failed(error)
            await self._sleep(EVERY_SECONDS)

    async def _may_believe_the_clock(self) -> bool:
        doubt = self._time.doubt(await self._write(lambda t: t.upkeep.time()))
        if doubt and not self._is_held_back:
            self._held_back(doubt)
        self._is_held_back = bool(doubt)
        return not doubt

    async def _write(self, work: Callable[[Transaction], T]) -> T:
        """Runs a small change.

        What was done although the answer says otherwise is found done the next time.
        """
        return await self._patiently(lambda: self._store.write(work))

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Asks the store, however often that takes; gives up at what nobody expected only."""
        while True:
            try:
                return await ask()
            except ApiError:  # the store is away, or too busy; whoever needs it says so
                await self._sleep(AGAIN_SECONDS)
