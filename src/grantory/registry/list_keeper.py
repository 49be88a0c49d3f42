"""Keeping the lists of clients up to date: what was made or changed is put into them.

Organisations have their turns one after another, and each turn is short. One whose list fails is
passed over for a while, and longer each time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, NamedTuple, TypeVar

from grantory.errors import ApiError
from grantory.ports.client_lists import Folded, Marked, Rest
from grantory.ports.name_index import IndexWork
from grantory.ports.runtime import Clock
from grantory.ports.storage import Snapshot, Store, Transaction
from grantory.ports.turns import Turn

T = TypeVar("T")
EVERY_SECONDS: Final = 1.0
OTHERS_TURN_SECONDS: Final = 5.0
"""After so long a process asks again whether it may keep the lists."""
STUCK_SECONDS: Final = 60.0
"""When the oldest mark stays so long, another process goes on, whoever has the turn."""
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 300.0
TOLD_AFTER: Final = 3
"""So many failures in a row are told of, once."""
MOST_TRIES: Final = 8
"""Of a command, before it gives up."""
HURRY_FROM: Final = 2_000
SWEEP_EVERY_SECONDS: Final = 600.0
"""So often it is looked for what a command has left that was broken off."""
LOOK_EVERY: Final = 20
"""So many steps are made before it is looked again whether there is any hurry."""
MOST_COUNTED: Final = 100_000
TOLD_FROM: Final = 50_000
"""Where so many wait, lists may answer 503: it is told of, once for each time."""
MANY_AT_ONCE: Final = 5_000
"""Clients of one transaction, for whoever makes very many."""


class Pace(NamedTuple):
    """How much of the time keeping lists may take."""

    seconds: float
    """So long a transaction should be: others want to write, too."""
    rest: float
    """So many times as long it rests after each."""


STEADY: Final = Pace(0.02, 2.0)
HURRIED: Final = Pace(0.05, 0.5)
"""Where so many wait that whoever reads notices it."""
UNRESTING: Final = Pace(0.1, 0.0)
"""For a command, while servers go on."""
ALONE: Final = Pace(5.0, 0.0)
"""For filling a store that nobody else uses: a large transaction writes less."""
_FOLD: Final = "list of organization"
_INDEX: Final = "index of organization"


class _Size:
    """How much to do in one transaction, learnt from how long the last one took."""

    def __init__(self, first: int, least: int, most: int) -> None:
        self.now = first
        self._least, self._most = least, most

    def took(self, seconds: float, wanted: float) -> None:
        """Learns from a transaction's own work; waiting for the disk is nobody's fault."""
        if seconds > wanted:
            self.now = max(self._least, int(self.now * max(0.25, wanted / seconds)))
        elif seconds < wanted / 2:
            self.now = min(self._most, self.now * 2)

    def failed(self) -> None:
        """Learns that it was perhaps too much."""
        self.now = max(self._least, self.now // 4)


class _Failures(NamedTuple):
    """Failures in a row."""

    times: int = 0
    until: float = 0.0
    """Till then nothing is tried, on the monotonic clock."""

    def one_more(self, now: float) -> "_Failures":
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0**self.times)
        return _Failures(self.times + 1, now + pause)


def _unheard(error: Exception) -> None:
    raise error


def _untold(_value: object) -> None:
    pass


class AlwaysMine:
    """The turn of a process that need not ask: a command's."""

    async def is_mine(self) -> bool:
        """Tells that it is."""
        return True

    async def close(self) -> None:
        """Does nothing."""


class ListKeeper:
    """Puts clients into lists. Several may do so on one store, though it is of no use.

    Args:
        store: the store, opened for work that no caller asks for.
        clock: measures how long a step takes.
        failed: takes an error that nobody expected, after which it goes on.
        held_up: is told, once, why lists have not been kept up to date for some time.
        waiting: is told about every second how many marks there are; nought by all but one
            process.
        turn: says whether it is this process that is to keep the lists.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        failed: Callable[[Exception], None] = _unheard,
        *,
        held_up: Callable[[str], None] = _untold,
        waiting: Callable[[int], None] = _untold,
        turn: Turn | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._clock = clock
        self._failed = failed
        self._held_up = held_up
        self._waiting = waiting
        self._turn = turn or AlwaysMine()
        self._sleep = sleep
        self._marks = _Size(50, 10, MANY_AT_ONCE)
        self._rows = _Size(500, 50, MANY_AT_ONCE)
        self._pace = STEADY
        self._steps = 0
        self._resting: dict[tuple[str, str], _Failures] = {}
        self._oldest: tuple[tuple[int, str], float] | None = None
        """The oldest mark while another has the turn, and since when, on the monotonic clock."""
        self._is_far_behind = False
        self._swept = -SWEEP_EVERY_SECONDS
        self._unfinished: set[str] | None = None
        """Organisations whose index of names has work; None where that is not known."""

    async def round(self) -> int:
        """Brings lists up to what there was at the beginning; returns how many marks it took.

        Organisations that fail are left out.
        """
        return await self._round(retried=True)

    async def finish(self, told: Callable[[int], None] = _untold, pace: Pace = UNRESTING) -> int:
        """Brings every list up to what there was at the beginning, without a rest.

        What a list that is made anew still lacks marks for is marked before.

        Returns how many marks it took. Others may go on, and make ever more.

        Args:
            told: takes how many there were so far.
            pace: how long a transaction may be.

        Raises:
            Exception: as it failed the last of several times.
        """
        done = tries = 0
        self._pace = pace
        newest: int | None = None
        while True:
            try:
                if newest is None:
                    await self._mark_rest()
                    newest = await self._read(lambda s: s.client_lists.newest_mark())
                oldest = await self._read(lambda s: s.client_lists.oldest_mark())
                if (oldest is None or oldest[0] > newest) and not await self._has_unfinished():
                    return done
                some = await self._round(retried=False)
            except ApiError:
                tries += 1
                if tries == MOST_TRIES:
                    raise
                await self._sleep(FIRST_PAUSE * tries)
                continue
            if some:
                tries = 0
                done += some
                told(done)
            else:  # another process was faster, and has not come to the end yet
                await self._sleep(STEADY.seconds)

    async def run(self) -> None:
        """Does so every second while it is this process's turn, until it is cancelled.

        It does so too where whoever has the turn does nothing: a process may be stopped.
        """
        failures = _Failures()
        while True:
            pause = EVERY_SECONDS
            try:
                if await self._turn.is_mine():
                    await self._round(retried=True)
                    await self._sweep()
                    await self._look()
                elif await self._is_stuck():
                    await self._round(retried=True)
                else:
                    self._unfinished = None
                    self._waiting(0)
                    pause = OTHERS_TURN_SECONDS
                failures = _Failures()
            except Exception as error:
                now = self._clock.monotonic()
                failures = failures.one_more(now)
                self._tell(error, failures.times, "all lists")
                pause = failures.until - now
            await self._sleep(pause)

    async def _mark_rest(self) -> None:
        while (rest := await self._store.scan(lambda s: s.client_lists.rest())) is not None:
            await self._store.write(_mark_more(rest))

    async def _sweep(self) -> None:
        """Removes rows of lists that were given up, for about a second, where there are any."""
        begun = self._clock.monotonic()
        if begun < self._swept + SWEEP_EVERY_SECONDS:
            return
        while await self._store.scan(lambda s: s.client_lists.has_given_up()):
            _, seconds = await self._write(_sweep_some(self._rows.now))
            self._rows.took(seconds, self._pace.seconds)
            if self._clock.monotonic() >= begun + EVERY_SECONDS:
                return
        self._swept = begun
        self._unfinished = None  # a command that was killed may have left something since

    async def _round(self, *, retried: bool) -> int:
        newest = await self._read(lambda s: s.client_lists.newest_mark())
        if await self._has_unfinished() or newest:
            await self._choose_pace()
        last: dict[str, int] = {}
        done = 0
        while True:
            some = await self._pass(newest, last, retried=retried)
            more = await self._index_pass(retried=retried)
            done += some
            if not some and not more:
                return done

    async def _pass(self, newest: int, last: dict[str, int], *, retried: bool) -> int:
        """Gives every organisation with marks of that time a turn; returns how many it took."""
        done, after = 0, ""
        while (found := await self._read(_next_marked(after))) is not None:
            after = found.organization_id
            if found.oldest > newest or self._rests(_FOLD, after):
                continue
            folded = await self._turn_of(
                (_FOLD, after),
                partial(self._fold, after, last.get(after, 0), newest),
                retried=retried,
            )
            if folded is not None and folded.marks:
                last[after] = folded.last
                done += folded.marks
                if folded.has_work and self._unfinished is not None:
                    self._unfinished.add(after)
        return done

    async def _index_pass(self, *, retried: bool) -> int:
        """Does a piece of work for each organisation whose index has some; returns how many."""
        done = 0
        for organization_id in sorted(self._unfinished or ()):
            if self._rests(_INDEX, organization_id):
                continue
            work = await self._turn_of(
                (_INDEX, organization_id), partial(self._index, organization_id), retried=retried
            )
            if work:
                done += 1
            elif work is False and self._unfinished is not None:
                self._unfinished.discard(organization_id)
        return done

    async def _turn_of(
        self, whose: tuple[str, str], work: Callable[[], Awaitable[T]], *, retried: bool
    ) -> T | None:
        """Does an organisation's work; after a failure others have their turns."""
        try:
            result = await work()
        except Exception as error:
            self._marks.failed()
            self._rows.failed()
            if not retried:
                raise
            failures = self._resting.get(whose, _Failures()).one_more(self._clock.monotonic())
            self._resting[whose] = failures
            self._tell(error, failures.times, " ".join(whose))
            return None
        self._resting.pop(whose, None)
        return result

    async def _fold(self, organization_id: str, after: int, upto: int) -> Folded:
        limit = self._marks.now
        # What a transaction needs is read before it, while others write.
        await self._store.scan(lambda s: s.client_lists.prepare(organization_id))
        folded, seconds = await self._write(
            lambda t: t.client_lists.catch_up(organization_id, limit, after, upto)
        )
        if folded.marks == limit or seconds > self._pace.seconds:
            self._marks.took(seconds, self._pace.seconds)
        return folded

    async def _index(self, organization_id: str) -> bool:
        """Does one chunk's work; tells whether there was any."""
        work = await self._store.scan(lambda s: s.name_index.next_work(organization_id))
        if work is None:
            return False
        place: int | None = 0
        while place is not None:
            place, seconds = await self._write(_advance(work, place, self._rows.now))
            self._rows.took(seconds, self._pace.seconds)
        return True

    async def _write(self, work: Callable[[Transaction], T]) -> tuple[T, float]:
        """Runs a change and rests after it; returns how long its own work took, besides."""

        def timed(transaction: Transaction) -> tuple[T, float]:
            begun = self._clock.monotonic()
            return work(transaction), self._clock.monotonic() - begun

        begun = self._clock.monotonic()
        result = await self._store.write(timed)
        if self._pace.rest:
            await self._sleep(self._pace.rest * (self._clock.monotonic() - begun))
            self._steps += 1
            if self._steps % LOOK_EVERY == 0:
                await self._choose_pace()
        return result

    async def _choose_pace(self) -> None:
        if self._pace.rest:
            self._pace = HURRIED if await self._look() >= HURRY_FROM else STEADY

    async def _look(self) -> int:
        """Counts the marks, and tells how many there are."""
        count = await self._behind(MOST_COUNTED)
        self._waiting(count)
        if count >= TOLD_FROM and not self._is_far_behind:
            self._held_up(
                f"{TOLD_FROM} changes and more wait, and lists with so many answer 503: they are"
                " being made, which grantory db upgrade does faster"
            )
        self._is_far_behind = count >= TOLD_FROM
        return count

    async def _is_stuck(self) -> bool:
        """Tells whether another process has left marks where they are for long."""
        oldest = await self._read(lambda s: s.client_lists.oldest_mark())
        now = self._clock.monotonic()
        if oldest is None:
            self._oldest = None
            return False
        if self._oldest is None or self._oldest[0] != oldest:
            self._oldest = oldest, now
            return False
        return now - self._oldest[1] >= STUCK_SECONDS

    async def _has_unfinished(self) -> bool:
        """Looks for what an earlier process has left undone, once; tells whether any is left."""
        if self._unfinished is None:
            found: set[str] = set()
            after: str | None = ""
            while after is not None:
                after = await self._store.scan(_next_unfinished(after))
                if after is not None:
                    found.add(after)
            self._unfinished = found
        return bool(self._unfinished)

    def _rests(self, kind: str, organization_id: str) -> bool:
        failures = self._resting.get((kind, organization_id))
        return failures is not None and self._clock.monotonic() < failures.until

    def _tell(self, error: Exception, count: int, what: str) -> None:
        if not isinstance(error, ApiError):
            self._failed(error)
        elif count == TOLD_AFTER:
            self._held_up(f"{what}: {error.detail or error.message}")

    async def _behind(self, most: int) -> int:
        return await self._store.scan(lambda snapshot: snapshot.client_lists.behind(most))

    async def _read(self, work: Callable[[Snapshot], T]) -> T:
        return await self._store.read(work)


def _next_marked(after: str) -> Callable[[Snapshot], Marked | None]:
    return lambda snapshot: snapshot.client_lists.next_marked(after)


def _next_unfinished(after: str) -> Callable[[Snapshot], str | None]:
    return lambda snapshot: snapshot.name_index.next_unfinished(after)


def _mark_more(rest: Rest) -> Callable[[Transaction], bool]:
    return lambda transaction: transaction.client_lists.mark_more(rest)


def _sweep_some(limit: int) -> Callable[[Transaction], int]:
    return lambda transaction: transaction.client_lists.sweep(limit)


def _advance(work: IndexWork, begin: int, limit: int) -> Callable[[Transaction], int | None]:
    return lambda transaction: transaction.name_index.advance(work, begin, limit)
