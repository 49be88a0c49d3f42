"""Refused requests reach the store in the background, and a flood of them does not fill it."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest

from grantory.domain.refusal import Counter
from grantory.errors import OAuthError, OutcomeUnknown, RefusalReason, StorageUnavailable
from grantory.ports.storage import Snapshot, Transaction
from grantory.registry import refusal_bounds, refusals
from grantory.registry.gathered_refusals import (
    COUNTERS_AT_ONCE,
    KEPT_AT_ONCE,
    MOST_NEW,
    MOST_UNKNOWN,
    Batch,
    GatheredRefusals,
)
from grantory.registry.refusal_bounds import record
from grantory.registry.refusals import RefusalKeeper
from grantory.registry.upkeep import Upkeep
from grantory.storage.database import OpenStore
from tests.support.entities import (
    ORG,
    OTHER_ORG,
    a_client,
    a_counter,
    a_refusal,
    an_id,
    put,
)
from tests.support.patience import patiently
from tests.support.runtime import FakeClock

T = TypeVar("T")
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
SECONDS = 30
WRONG = RefusalReason.WRONG_SECRET


class MoodyStore:
    """A store that fails as often as it is told to. Stands before a real one."""

    def __init__(self, store: OpenStore) -> None:
        self._store = store
        self.failures: list[Exception] = []
        self.fails_after_commit = False
        self.written = 0
        self.before_write: Callable[[], None] = lambda: None
        self.scan, self.require_answer = store.scan, store.require_answer

    async def read(self, work: Callable[[Snapshot], T]) -> T:
        return await self._store.read(work)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        self.before_write()
        if self.failures and self.fails_after_commit:
            await self._store.write(work)
        if self.failures:
            raise self.failures.pop()
        result = await self._store.write(work)
        self.written += 1
        return result


class Kept:
    """A keeper over a store, and what it says."""

    def __init__(self, store: OpenStore, clock: FakeClock) -> None:
        self.store = MoodyStore(store)
        self.gathered = GatheredRefusals(clock)
        self.failed: list[Exception] = []
        self.told: list[tuple[int, int, str]] = []
        self.keeper = RefusalKeeper(
            self.gathered,
            self.store,
            clock,
            failed=self.failed.append,
            told=lambda *what: self.told.append(what),
            every=0.01,
        )

    def refuse(self, client: int = 1, organization_id: str = ORG, address: str = "::1") -> None:
        error = OAuthError(
            *("invalid_client", "no"),
            reason=WRONG,
            client_id=an_id(client),
            organization_id=organization_id,
        )
        self.gathered.add(error, address, f"correlation {self.number()}")

    _number = 0

    def number(self) -> int:
        self._number += 1
        return self._number


@pytest.fixture
def kept(store: OpenStore, clock: FakeClock) -> Kept:
    return Kept(store, clock)


async def rows_of(store: OpenStore) -> tuple[int, int]:
    """How many refusals are kept, and how many counters there are."""
    return await store.write(lambda t: (t.refusals.kept(0, 2**62), t.refusals.counters(0, 2**62)))


async def total(store: OpenStore, *organizations: str) -> int:
    """How many refusals are kept or counted."""

    def work(s: Snapshot) -> int:
        return sum(
            len(s.refusals.newest(o, 10**6)) + sum(s.refusals.counted(o, 0).values())
            for o in organizations
        )

    return await store.read(work)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110 - the keeper has no event to wait for
            await asyncio.sleep(0.005)


async def test_nothing_is_written_where_there_is_nothing(kept: Kept) -> None:
    kept.store.failures = [RuntimeError("it wrote")]
    await kept.keeper.flush()
    assert kept.store.failures


async def test_known_ids_are_looked_up_and_others_only_counted(
    store: OpenStore, kept: Kept, clock: FakeClock
) -> None:
    await store.write(put(a_client(1), a_client(2, organization_id=OTHER_ORG)))
    for client in (1, 2, 3):
        kept.refuse(client, "")
    await kept.keeper.flush()
    for number, organization in ((1, ORG), (2, OTHER_ORG)):
        (found,) = await store.read(lambda s, o=organization: s.refusals.newest(o, 9))  # type: ignore[misc]
        assert found.client_id == an_id(number)
    hour = clock.now_ms() // HOUR_MS * HOUR_MS
    assert await store.read(lambda s: s.refusals.counted("", 0)) == {
        Counter(hour, "", "", RefusalReason.UNKNOWN_CLIENT): 1
    }


async def test_a_known_client_beyond_those_looked_up_is_not_called_unknown(
    store: OpenStore, kept: Kept, clock: FakeClock
) -> None:
    await store.write(put(a_client(200)))
    for client in range(1, 201):
        kept.refuse(client, "")
    await kept.keeper.flush()
    hour = clock.now_ms() // HOUR_MS * HOUR_MS
    assert await store.read(lambda s: s.refusals.counted("", 0)) == {
        Counter(hour, "", "", RefusalReason.UNKNOWN_CLIENT): MOST_UNKNOWN,
        Counter(hour, "", "", RefusalReason.NOT_LOOKED_UP): 200 - MOST_UNKNOWN,
    }


async def test_a_flood_while_it_writes_does_not_keep_it(store: OpenStore, kept: Kept) -> None:
    """Else nothing would be kept whole any more, and nobody would be told."""
    sent = 0

    def flood() -> None:
        nonlocal sent
        for _ in range(MOST_NEW + COUNTERS_AT_ONCE):
            sent += 1
            kept.refuse(sent)

    kept.store.before_write = flood
    flood()
    async with asyncio.timeout(SECONDS):
        await kept.keeper.flush()
        kept.store.before_write = lambda: None
        assert kept.store.written == MOST_NEW // KEPT_AT_ONCE
        assert kept.gathered.unsorted == MOST_NEW
        while not kept.gathered.is_empty:
            await kept.keeper.flush()
    assert await total(store, ORG, "") + kept.gathered.lost == sent


async def test_a_flood_on_one_client_from_everywhere_stays_small(
    store: OpenStore, kept: Kept, clock: FakeClock
) -> None:
    """Two days of an attacker with a known client's id, no secret and all addresses it likes."""
    sent = 0
    for minute in range(0, 2 * 1440, 30):
        for burst in range(400):
            sent += 1
            kept.refuse(address=f"2001:db8:{minute:x}:{burst:x}::1")
        await kept.keeper.flush()
        clock.advance(1800)
    days = 3  # it begins in the middle of one
    rows, counters = await rows_of(store)
    assert rows == refusal_bounds.KEPT_OF_CLIENT * days
    assert counters <= 49
    assert await total(store, ORG) == sent
    assert kept.told == []


async def test_a_flood_on_every_client_of_an_organisation_stays_small(
    store: OpenStore, kept: Kept, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusal_bounds, "KEPT_OF_ORGANIZATION", 40)
    monkeypatch.setattr(refusal_bounds, "COUNTERS_OF_ORGANIZATION", 60)
    sent = 0
    for _ in range(5):
        for client in range(1, 101):
            for _ in range(5):
                sent += 1
                kept.refuse(client)
            if client % 25 == 0:
                await kept.keeper.flush()
        clock.advance(3600)
    rows, counters = await rows_of(store)
    assert rows == 40
    assert counters == 60 + 5  # one more in each hour, for those beyond
    assert await total(store, ORG) == sent
    kept.refuse(1, OTHER_ORG)
    await kept.keeper.flush()
    assert len(await store.read(lambda s: s.refusals.newest(OTHER_ORG, 9))) == 1


async def test_a_flood_on_all_organisations_stays_small(
    store: OpenStore, clock: FakeClock, kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusal_bounds, "KEPT_OF_ALL", 30)
    monkeypatch.setattr(refusal_bounds, "COUNTERS_OF_ALL", 50)
    organizations = [an_id(900_000 + number) for number in range(100)]
    for number, organization in enumerate(organizations):
        for _ in range(5):
            kept.refuse(number + 1, organization)
    await kept.keeper.flush()
    rows, counters = await rows_of(store)
    assert rows == 30
    assert counters == 50 + 1  # what is beyond is counted without saying whose it was
    assert await total(store, *organizations, "") == 500
    clock.advance(86_400)
    kept.refuse()
    await kept.keeper.flush()
    assert (await rows_of(store))[0] == 31


async def test_a_flood_of_unknown_ids_leaves_two_rows_an_hour(
    store: OpenStore, kept: Kept, clock: FakeClock
) -> None:
    for hour in range(5):
        for number in range(1500):
            kept.refuse(10_000 + 1500 * hour + number, "")
        await kept.keeper.flush()
        clock.advance(3600)
    assert await rows_of(store) == (0, 2 * 5)
    assert await total(store, "") == 7500


async def test_the_bounds_hold_for_processes_that_write_at_once(
    store: OpenStore, second_store: OpenStore
) -> None:
    stores = (store, second_store)
    batches = [
        Batch(tuple(a_refusal(n * 100 + i) for i in range(50)), {a_counter(0): 1})
        for n in range(1, 9)
    ]
    await asyncio.gather(
        *(patiently(stores[n % 2], lambda t, b=b: record(t, b)) for n, b in enumerate(batches))  # type: ignore[misc]
    )
    assert await rows_of(store) == (refusal_bounds.KEPT_OF_CLIENT, 1)
    assert await total(store, ORG) == 8 * 51


async def test_a_day_is_left_to_those_whose_clock_is_right(store: OpenStore) -> None:
    """A node whose clock is ahead fills days to come, and takes no room of today."""
    ahead = tuple(a_refusal(400 * DAY_MS + n) for n in range(200))
    await store.write(lambda t: record(t, Batch(ahead, {})))
    await store.write(lambda t: record(t, Batch((a_refusal(7),), {})))
    assert (await rows_of(store))[0] == refusal_bounds.KEPT_OF_CLIENT + 1


async def test_refusals_leave_after_their_days(
    store: OpenStore, kept: Kept, clock: FakeClock
) -> None:
    upkeep = Upkeep(store, clock, refusals_kept_days=7)
    for _ in range(10):
        for _ in range(4):
            kept.refuse()
        await kept.keeper.flush()
        await upkeep.finish()
        clock.advance(86_400)
    clock.advance(-3600)
    await upkeep.finish()
    assert await rows_of(store) == (3 * 7, 7)
    clock.advance(8 * 86_400)
    await upkeep.finish()
    assert await rows_of(store) == (0, 0)


async def test_a_store_that_is_away_loses_nothing_and_is_told_once_a_minute(
    store: OpenStore, kept: Kept, clock: FakeClock
) -> None:
    for client in range(1, 6):
        kept.refuse(client)
    kept.store.failures = [StorageUnavailable("away")] * 5
    async with kept.keeper.running():
        await until(lambda: kept.store.written == 1)
        assert await total(store, ORG) == 5
        assert kept.told == [(0, 5, "away")]
        clock.advance(60)
        kept.store.failures = [StorageUnavailable("away again")]
        kept.refuse()
        await until(lambda: kept.store.written == 2)
    assert kept.told[1:] == [(0, 1, "away again")]
    assert await total(store, ORG) == 6
    assert kept.failed == []


async def test_what_may_have_been_written_is_not_written_twice(
    store: OpenStore, kept: Kept
) -> None:
    for _ in range(5):
        kept.refuse()
    kept.store.failures, kept.store.fails_after_commit = [OutcomeUnknown("torn")], True
    async with kept.keeper.running():
        await until(lambda: kept.told)
    assert await total(store, ORG) == 5
    assert kept.told == [(5, 0, "torn")], "they may be lost"


async def test_what_nobody_foresaw_is_reported_and_holds_nothing_up(
    store: OpenStore, kept: Kept
) -> None:
    kept.refuse(1)
    kept.store.failures = [RuntimeError("nobody expected this")]
    async with kept.keeper.running():
        await until(lambda: kept.told)
        kept.refuse(2)
        await until(lambda: kept.store.written == 1)
    assert [str(error) for error in kept.failed] == ["nobody expected this"]
    assert kept.told == [(1, 0, "RuntimeError")]
    (left,) = await store.read(lambda s: s.refusals.newest(ORG, 9))
    assert left.client_id == an_id(2)


async def test_the_last_ones_are_written_at_the_end(store: OpenStore, kept: Kept) -> None:
    async with kept.keeper.running():
        kept.refuse()
    assert await total(store, ORG) == 1
    assert kept.told == []


async def test_what_cannot_be_written_at_the_end_is_told(
    kept: Kept,
) -> None:
    kept.store.failures = [StorageUnavailable("away")] * 10_000
    async with kept.keeper.running():
        for _ in range(4):
            kept.refuse()
    assert kept.told[-1] == (4, 0, "")


async def test_a_store_that_hangs_does_not_hold_up_the_end(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "STOP_SECONDS", 0.05)

    async def hangs(_work: Callable[[Transaction], T]) -> T:
        return await asyncio.Future()

    monkeypatch.setattr(kept.store, "write", hangs)
    async with asyncio.timeout(SECONDS), kept.keeper.running():
        kept.refuse()
        kept.refuse()
    assert kept.told == [(2, 0, "")]
