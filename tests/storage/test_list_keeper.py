"""Keeping lists up to date: every organisation has its turn, whatever becomes of the others."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import pytest
from sqlalchemy import bindparam, select, update

from grantory.errors import StorageUnavailable
from grantory.ports.client_lists import ClientOrder
from grantory.ports.clients import ClientFilter
from grantory.ports.storage import Snapshot, Transaction
from grantory.registry import list_keeper
from grantory.registry.list_keeper import (
    EVERY_SECONDS,
    FIRST_PAUSE,
    HURRIED,
    OTHERS_TURN_SECONDS,
    STEADY,
    STUCK_SECONDS,
    TOLD_AFTER,
    ListKeeper,
)
from grantory.storage.database import OpenStore
from grantory.storage.sql import list_upkeep
from grantory.storage.sql.statement import Statement
from grantory.storage.sql.tables import client_lists, list_entries, list_spans
from grantory.storage.sql.transaction import SqlTransaction
from tests.support.entities import ORG, OTHER_ORG, a_client, an_id, put
from tests.support.runtime import FakeClock

T = TypeVar("T")
THIRD: Final = an_id(900_003)
ORDER: Final = ClientOrder()


class Sleeper:
    """Moves the clock instead of sleeping, and ends a keeper after so many pauses."""

    def __init__(self, clock: FakeClock, times: int = 1_000_000) -> None:
        self._clock = clock
        self._times = times
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self._clock.advance(seconds)
        if seconds:
            self.slept.append(seconds)
        if len(self.slept) == self._times:
            raise asyncio.CancelledError
        await asyncio.sleep(0)


class Away:
    """A store that is away for as long as it is told to be. Implements ``Store``."""

    def __init__(self, store: OpenStore) -> None:
        self._store = store
        self.is_away = True
        self.writes = 0

    async def read(self, work: Callable[[Snapshot], T]) -> T:
        if self.is_away:
            raise StorageUnavailable("it is away")
        return await self._store.read(work)

    async def scan(self, work: Callable[[Snapshot], T]) -> T:
        return await self.read(work)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        self.writes += 1
        return await self._store.write(work)

    async def require_answer(self) -> None:
        await self._store.require_answer()


async def behind(store: OpenStore) -> int:
    return await store.read(lambda s: s.client_lists.behind(1_000))


async def total(store: OpenStore, organization_id: str) -> int:
    every = ClientFilter()
    page = await store.scan(lambda s: s.client_lists.page(organization_id, every, ORDER, 0, 1))
    return page[1]


def of_three() -> list[Any]:
    """Clients of three organisations, of one of them many, in the order of making."""
    whose = [*(12 * [ORG]), OTHER_ORG, *(12 * [ORG]), THIRD, OTHER_ORG]
    return [a_client(n, organization_id=org) for n, org in enumerate(whose, 1)]


async def damage(store: OpenStore, organization_id: str) -> None:
    """Make the list of an organisation one that nobody can read, not even who has read it."""
    named = Statement(
        select(client_lists.c.id).where(client_lists.c.organization_id == bindparam("whose"))
    )
    spans = Statement(
        update(list_spans).where(list_spans.c.list_id == bindparam("id_")).values(counts="?")
    )
    fresh = Statement(
        update(client_lists).where(client_lists.c.id == bindparam("id_")).values(generation=7)
    )

    def work(t: Transaction) -> None:
        sql = cast(SqlTransaction, t)._sql
        row = sql.one(named, whose=organization_id)
        assert row is not None
        sql.run(spans, id_=row[0])
        sql.run(fresh, id_=row[0])

    await store.write(work)


async def test_a_round_takes_all_that_was_there(store: OpenStore, clock: FakeClock) -> None:
    await store.write(put(*of_three()))
    keeper = ListKeeper(store, clock, sleep=Sleeper(clock))
    assert await keeper.round() == 27
    assert await behind(store) == 0
    assert [await total(store, whose) for whose in (ORG, OTHER_ORG, THIRD)] == [24, 2, 1]
    assert await keeper.round() == 0


async def test_one_that_fails_is_passed_over_and_tried_again_later(
    store: OpenStore, clock: FakeClock
) -> None:
    failures: list[Exception] = []
    keeper = ListKeeper(store, clock, failures.append, sleep=Sleeper(clock))
    await store.write(put(a_client(100)))
    await keeper.round()
    await damage(store, ORG)
    await store.write(put(*of_three()))
    assert await keeper.round() == 3  # those of the others
    assert len(failures) == 1
    assert await behind(store) == 24
    assert await keeper.round() == 0  # it rests
    assert len(failures) == 1
    for times in range(1, 4):
        clock.advance(FIRST_PAUSE * 2.0**times)
        await keeper.round()
        assert len(failures) == times + 1
    clock.advance(FIRST_PAUSE)  # not yet: each pause is longer
    await keeper.round()
    assert len(failures) == 4
    await store.write(lambda t: t.client_lists.begin_anew(ORG))
    clock.advance(FIRST_PAUSE * 2.0**4)
    await keeper.round()
    assert await behind(store) == 0
    assert await total(store, ORG) == 25


async def begun_anew(store: OpenStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of three organisations, of which one is begun anew by a command that breaks off."""
    monkeypatch.setattr(list_upkeep, "MARKED_AT_ONCE", 6)
    await store.write(put(*of_three()))
    assert await ListKeeper(store, clock, sleep=Sleeper(clock)).round() == 27
    assert await store.write(lambda t: t.client_lists.begin_anew(ORG))
    assert await behind(store) == 6 + 1


async def test_a_command_does_not_end_before_all_are_marked(
    store: OpenStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun_anew(store, clock, monkeypatch)
    assert await ListKeeper(store, clock, sleep=Sleeper(clock)).finish() == 24
    assert await behind(store) == 0
    assert await total(store, ORG) == 24


async def test_what_a_command_left_that_was_broken_off_is_done_and_swept(
    store: OpenStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await begun_anew(store, clock, monkeypatch)
    entries = Statement(select(list_entries.c.client_id))
    with pytest.raises(asyncio.CancelledError):
        await ListKeeper(store, clock, sleep=Sleeper(clock, 6)).run()
    assert await behind(store) == 0
    assert await total(store, ORG) == 24
    rows = await store.read(lambda s: cast(SqlTransaction, s)._sql.all(entries))
    assert len(rows) == 27
    assert not await store.scan(lambda s: s.client_lists.has_given_up())


async def test_while_the_store_is_away_pauses_grow_and_it_is_told_once(
    store: OpenStore, clock: FakeClock
) -> None:
    await store.write(put(*of_three()))
    away = Away(store)
    told: list[str] = []
    waiting: list[int] = []
    sleep = Sleeper(clock, TOLD_AFTER + 3)
    keeper = ListKeeper(away, clock, held_up=told.append, waiting=waiting.append, sleep=sleep)
    with pytest.raises(asyncio.CancelledError):
        await keeper.run()
    assert sleep.slept == [FIRST_PAUSE * 2.0**n for n in range(TOLD_AFTER + 3)]
    assert told == ["all lists: it is away"]
    assert away.writes == 0
    away.is_away = False
    keeper = ListKeeper(
        away, clock, held_up=told.append, waiting=waiting.append, sleep=Sleeper(clock, 2)
    )
    with pytest.raises(asyncio.CancelledError):
        await keeper.run()
    assert len(told) == 1
    assert waiting == [27, 0, 0]
    assert await behind(store) == 0


async def test_a_command_gives_up_when_it_has_tried_often(
    store: OpenStore, clock: FakeClock
) -> None:
    await store.write(put(a_client(1)))
    away = Away(store)
    with pytest.raises(StorageUnavailable):
        await ListKeeper(away, clock, sleep=Sleeper(clock)).finish()
    away.is_away = False
    seen: list[int] = []
    assert await ListKeeper(away, clock, sleep=Sleeper(clock)).finish(seen.append) == 1
    assert seen == [1]


async def test_one_process_at_a_time_keeps_lists(
    store: OpenStore, second_store: OpenStore, clock: FakeClock
) -> None:
    first, second = store.turn(), second_store.turn()
    await store.write(put(*of_three()))
    try:
        assert await first.is_mine()
        assert not await second.is_mine()
        assert await first.is_mine()
        waiting: list[int] = []
        sleep = Sleeper(clock, 2)
        other = ListKeeper(second_store, clock, waiting=waiting.append, turn=second, sleep=sleep)
        with pytest.raises(asyncio.CancelledError):
            await other.run()
        assert (waiting, sleep.slept) == ([0, 0], [OTHERS_TURN_SECONDS] * 2)
        assert await behind(store) == 27
        await first.close()
        assert await second.is_mine()
        sleep = Sleeper(clock, 1)
        with pytest.raises(asyncio.CancelledError):
            await ListKeeper(second_store, clock, turn=second, sleep=sleep).run()
        assert sleep.slept == [EVERY_SECONDS]
        assert await behind(store) == 0
    finally:
        await first.close()
        await second.close()


async def test_who_has_the_turn_and_does_nothing_is_not_waited_for(
    store: OpenStore, second_store: OpenStore, clock: FakeClock
) -> None:
    first, second = store.turn(), second_store.turn()
    await store.write(put(*of_three()))
    try:
        assert await first.is_mine()
        times = int(STUCK_SECONDS / OTHERS_TURN_SECONDS)
        waiting: list[int] = []
        other = ListKeeper(
            *(second_store, clock),
            waiting=waiting.append,
            turn=second,
            sleep=Sleeper(clock, times),
        )
        with pytest.raises(asyncio.CancelledError):
            await other.run()
        assert (await behind(store), waiting) == (27, [0] * times)
        # A mark that goes is a sign of life, and the minute begins again.
        await store.write(lambda t: t.client_lists.catch_up(ORG, 1))
        sleep = Sleeper(clock, times + 2)
        other = ListKeeper(second_store, clock, turn=second, sleep=sleep)
        with pytest.raises(asyncio.CancelledError):
            await other.run()
        assert sleep.slept == [OTHERS_TURN_SECONDS] * times + [EVERY_SECONDS, OTHERS_TURN_SECONDS]
        assert await behind(store) == 0
        assert await first.is_mine()
    finally:
        await first.close()
        await second.close()


class Ticking(FakeClock):
    """Every look at it takes ten milliseconds."""

    def monotonic(self) -> float:
        self.advance(0.01)
        return super().monotonic()


async def test_it_hurries_while_many_wait_and_tells_of_very_many_once(
    store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("HURRY_FROM", 20), ("LOOK_EVERY", 1), ("TOLD_FROM", 25)):
        monkeypatch.setattr(list_keeper, name, value)
    await store.write(put(*of_three()))
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    told: list[str] = []
    waiting: list[int] = []
    keeper = ListKeeper(
        *(store, Ticking()), held_up=told.append, waiting=waiting.append, sleep=sleep
    )
    assert await keeper.round() == 27
    # Each transaction takes thirty milliseconds of such a clock.
    assert slept == pytest.approx([0.03 * HURRIED.rest] + 2 * [0.03 * STEADY.rest])
    assert waiting == [27, 3, 1, 0]
    assert len(told) == 1
    await store.write(put(*(a_client(n) for n in range(100, 130))))
    assert await keeper.round() == 30
    assert len(told) == 2


async def test_a_command_ends_while_others_make_ever_more(
    store: OpenStore, clock: FakeClock
) -> None:
    await store.write(put(*of_three()))
    made = 100

    class Busy(Away):
        """Whenever something is written, another client is made besides."""

        async def write(self, work: Callable[[Transaction], T]) -> T:
            nonlocal made
            made += 1
            await store.write(put(a_client(made)))
            return await super().write(work)

    busy = Busy(store)
    busy.is_away = False
    done = await ListKeeper(busy, clock, sleep=Sleeper(clock)).finish()
    assert done >= 27
    assert await behind(store) == made - 100 - (done - 27)
    assert await total(store, ORG) == 24 + made - 100
