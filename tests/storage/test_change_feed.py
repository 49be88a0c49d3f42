"""The record of changes, when its oldest part has been let go, and the lease."""

from collections.abc import Callable
from typing import cast

import pytest

from grantory.ports.storage import Transaction
from grantory.storage.change_feed import KEPT_MS, LEASE, MOST_LISTED, Lease, forget_old_changes
from grantory.storage.database import OpenStore
from grantory.storage.sql.transaction import SqlTransaction
from tests.support.backends import news
from tests.support.entities import a_client, an_id
from tests.support.runtime import FakeClock


async def forget(store: OpenStore, now: int, limit: int = 100) -> int:
    return await store.write(lambda t: forget_old_changes(cast(SqlTransaction, t)._sql, now, limit))


async def test_who_is_behind_what_was_forgotten_must_forget_everything(
    store: OpenStore, clock: FakeClock
) -> None:
    for number in range(1, 11):
        if number == 9:
            clock.advance(60)
        await store.write(lambda t: t.clients.replace(a_client(number)))
    assert await forget(store, clock.now_ms() + KEPT_MS) == 8
    assert await news(store, -1) == (10, None)
    assert await news(store, 7) == (10, None)
    assert await news(store, 8) == (10, [("client", an_id(9)), ("client", an_id(10))])
    assert await news(store, 9) == (10, [("client", an_id(10))])
    assert await news(store, 10) == (10, [])


async def test_what_changes_very_much_at_once_lists_nothing_and_is_heard_by_all(
    store: OpenStore,
) -> None:
    def touch(count: int) -> Callable[[Transaction], None]:
        def work(transaction: Transaction) -> None:
            for number in range(count):
                cast(SqlTransaction, transaction).touched("client", an_id(number))

        return work

    await store.write(touch(MOST_LISTED))
    number, entities = await news(store, 0)
    assert (number, len(entities or ())) == (1, MOST_LISTED)
    await store.write(touch(MOST_LISTED + 1))
    assert await news(store, 1) == (2, None)
    assert await news(store, 0) == (2, None)
    await store.write(touch(1))
    assert await news(store, 2) == (3, [("client", an_id(0))])


async def test_a_number_that_went_back_is_another_stores(store: OpenStore) -> None:
    await store.write(lambda t: t.clients.replace(a_client(1)))
    assert await news(store, 2) == (1, None)


async def test_old_changes_go_in_steps_and_young_ones_stay(
    store: OpenStore, clock: FakeClock
) -> None:
    for number in range(1, 8):
        await store.write(lambda t: t.clients.replace(a_client(number)))
    assert await forget(store, clock.now_ms() + KEPT_MS) == 0
    later = clock.now_ms() + KEPT_MS + 1
    assert [await forget(store, later, 3) for _ in range(4)] == [3, 3, 1, 0]
    assert await news(store, 7) == (7, [])
    assert await news(store, 6) == (7, None)
    await store.write(lambda t: t.clients.replace(a_client(9)))
    assert await news(store, 7) == (8, [("client", an_id(9))])


def test_a_lease_is_counted_from_the_sending_of_the_question(clock: FakeClock) -> None:
    lease = Lease(clock.monotonic)
    assert not lease.holds()
    sent = lease.asked()
    clock.advance(0.5)
    lease.answered(sent)
    assert lease.holds()
    clock.advance(LEASE - 0.5 - 0.01)
    assert lease.holds()
    clock.advance(0.02)
    assert not lease.holds()


def test_a_lease_that_ended_before_its_answer_came_does_not_hold(clock: FakeClock) -> None:
    lease = Lease(clock.monotonic)
    sent = lease.asked()
    clock.advance(5)  # as a stopped process finds it
    lease.answered(sent)
    assert not lease.holds()


def test_a_lease_tells_when_it_began_and_how_often_it_ran_out(clock: FakeClock) -> None:
    lease = Lease(clock.monotonic)
    begun = [lease.begun]
    began = lease.asked()
    lease.answered(began)
    assert [*begun, lease.begun] == [None, pytest.approx(began)]
    assert lease.lapses == 0, "there was none to run out"
    clock.advance(LEASE - 0.01)
    lease.answered(lease.asked())
    assert lease.lapses == 0
    clock.advance(LEASE)
    lease.answered(lease.asked())
    clock.advance(5)
    lease.answered(lease.asked())
    assert lease.lapses == 2
