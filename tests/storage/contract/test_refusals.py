"""What every store promises about refused token requests."""

import asyncio
from collections.abc import Callable

import pytest

from grantory.errors import Conflict, RefusalReason
from grantory.ports.storage import Transaction
from grantory.storage.database import OpenStore
from tests.support.backends import news
from tests.support.entities import ORG, OTHER_ORG, a_counter, a_refusal, an_id
from tests.support.patience import patiently

ALL_TIME = 2**62


async def test_the_newest_refusals_of_an_organisation_come_first(store: OpenStore) -> None:
    odd = a_refusal(3, reason=RefusalReason.SCOPE, error="invalid_scope", address="2001:db8::1")
    mine = [a_refusal(1), a_refusal(2, client=2), odd]
    same_time = a_refusal(3, correlation_id=an_id(1))
    other = a_refusal(9, organization_id=OTHER_ORG)

    def work(t: Transaction) -> None:
        for refusal in (*mine, same_time, other):
            t.refusals.add(refusal)

    await store.write(work)
    assert await store.read(lambda s: s.refusals.newest(ORG, 10)) == [odd, same_time, *mine[1::-1]]
    assert await store.read(lambda s: s.refusals.newest(ORG, 1)) == [odd]
    assert await store.read(lambda s: s.refusals.newest(an_id(1), 10)) == []


async def test_a_refusal_is_kept_once(store: OpenStore) -> None:
    await store.write(lambda t: t.refusals.add(a_refusal()))
    await store.write(lambda t: t.refusals.add(a_refusal(address="192.0.2.9")))
    assert await store.read(lambda s: s.refusals.newest(ORG, 10)) == [a_refusal()]


async def test_a_newer_nodes_word_for_a_reason_is_read(store: OpenStore) -> None:
    refusal, counter = a_refusal(reason="of_the_future"), a_counter(reason="of_the_future")

    def work(t: Transaction) -> None:
        t.refusals.add(refusal)
        t.refusals.add_counter(counter, 1)
        t.refusals.raise_counter(counter, 1)

    await store.write(work)
    assert await store.read(lambda s: s.refusals.newest(ORG, 10)) == [refusal]
    assert await store.read(lambda s: s.refusals.counted(ORG, 0)) == {counter: 2}


async def test_counters_are_raised_where_they_are(store: OpenStore) -> None:
    one, nobody = a_counter(5), a_counter(5, organization_id="", client_id="")
    others = [
        *(a_counter(4), a_counter(5, client=2), a_counter(5, organization_id=OTHER_ORG)),
        *(a_counter(5, reason=RefusalReason.SCOPE), nobody),
    ]

    def begin(t: Transaction) -> bool:
        was_there = t.refusals.raise_counter(one, 5)
        for counter in (one, *others):
            t.refusals.add_counter(counter, 2)
        return was_there

    assert await store.write(begin) is False
    assert await store.write(lambda t: t.refusals.raise_counter(one, 2**40)) is True
    since = 5 * 3_600_000
    assert await store.read(lambda s: s.refusals.counted(ORG, since)) == {
        one: 2**40 + 2,
        others[1]: 2,
        others[3]: 2,
    }
    assert len(await store.read(lambda s: s.refusals.counted(ORG, 0))) == 4
    assert await store.read(lambda s: s.refusals.counted("", 0)) == {nobody: 2}
    with pytest.raises(Conflict):
        await store.write(lambda t: t.refusals.add_counter(one, 1))


async def test_rows_are_counted_by_client_organisation_and_span(store: OpenStore) -> None:
    def work(t: Transaction) -> None:
        for number, client in ((10, 1), (11, 1), (11, 2), (12, 1), (19, 3), (20, 1)):
            t.refusals.add(a_refusal(number, client, correlation_id=f"{number} {client}"))
        t.refusals.add(a_refusal(15, organization_id=OTHER_ORG))
        for hour, client in ((1, 1), (2, 1), (2, 2), (3, 1)):
            t.refusals.add_counter(a_counter(hour, client), 1)
        t.refusals.add_counter(a_counter(2, organization_id=OTHER_ORG), 1)

    await store.write(work)

    def look(t: Transaction) -> list[object]:
        r = t.refusals
        hours = 2 * 3_600_000, 3 * 3_600_000
        return [
            r.kept_by_client(ORG, 11, 20),
            r.kept(11, 20),
            r.kept(0, ALL_TIME),
            r.counters_of(ORG, *hours),
            r.counters(*hours),
            r.counters(0, ALL_TIME),
            r.kept_by_client(an_id(1), 0, ALL_TIME),
            r.counters_of(an_id(1), 0, ALL_TIME),
        ]

    expected = [{an_id(1): 2, an_id(2): 1, an_id(3): 1}, 5, 7, 2, 3, 5, {}, 0]
    assert await store.write(look) == expected


async def test_who_holds_the_lock_is_alone(store: OpenStore, second_store: OpenStore) -> None:
    """Each adds only if it finds less than there may be: together they stay within it."""
    most = 5

    def add_if_there_is_room(number: int) -> Callable[[Transaction], bool]:
        def work(t: Transaction) -> bool:
            t.refusals.lock()
            if t.refusals.kept(0, ALL_TIME) >= most:
                return False
            t.refusals.add(a_refusal(number))
            return True

        return work

    stores = (store, second_store)
    done = await asyncio.gather(
        *(patiently(stores[n % 2], add_if_there_is_room(n)) for n in range(1, 21))
    )
    assert sum(done) == most
    assert len(await store.read(lambda s: s.refusals.newest(ORG, 100))) == most


async def test_what_was_refused_wakes_no_memory(store: OpenStore) -> None:
    before = await news(store)

    def work(t: Transaction) -> None:
        t.refusals.add(a_refusal())
        t.refusals.add_counter(a_counter(), 1)

    await store.write(work)
    assert await news(store) == before


async def test_a_store_lets_refusals_go_by_age_and_only_so_many(store: OpenStore) -> None:
    def work(t: Transaction) -> None:
        for number in range(1, 6):
            t.refusals.add(a_refusal(number))
            t.refusals.add_counter(a_counter(number), 1)

    await store.write(work)

    def forget(t: Transaction) -> list[int]:
        return [
            t.upkeep.forget_refusals(4, 2),
            t.upkeep.forget_refusal_counters(4 * 3_600_000, 2),
        ]

    assert [await store.write(forget) for _ in range(3)] == [[2, 2], [1, 1], [0, 0]]
    left = await store.read(lambda s: s.refusals.newest(ORG, 10))
    assert [refusal.at for refusal in left] == [5, 4]
    counted = await store.read(lambda s: s.refusals.counted(ORG, 0))
    assert [counter.hour // 3_600_000 for counter in counted] == [4, 5]
