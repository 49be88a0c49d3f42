"""Changes that come at the same moment: one transaction for all, and what becomes of each."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy.util import await_only

from grantory.errors import Conflict, OutcomeUnknown, StorageUnavailable
from grantory.observability.watched_store import WatchedStore
from grantory.ports.storage import Transaction
from grantory.protocol.together import MOST_AT_ONCE, MOST_WAITING, Together
from grantory.storage.database import OpenStore
from tests.support.backends import BACKENDS, Backend
from tests.support.entities import a_client, clients_of
from tests.support.runtime import FakeClock

Doing = Callable[[Transaction, Sequence[int], bool], list[str | None]]


@pytest.fixture(params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    with BACKENDS[request.param](tmp_path) as made:
        yield made


@pytest.fixture
async def store(backend: Backend) -> AsyncIterator[OpenStore]:
    opened = await backend.open(FakeClock())
    yield opened
    await opened.close()


class Counted:
    """Changes on a store, with a list of how each transaction ended."""

    def __init__(self, store: OpenStore, work: Doing) -> None:
        watched = WatchedStore(store)
        watched.count_for(lambda _kind, _seconds, error: self.ends.append(error))
        self.ends: list[BaseException | None] = []
        self.together: Together[int, str] = Together(watched, work)

    async def make(self, *numbers: int) -> list[str | BaseException]:
        made = (self.together.make(number) for number in numbers)
        return list(await asyncio.gather(*made, return_exceptions=True))


def adding(transaction: Transaction, asked: Sequence[int], _is_alone: bool) -> list[str | None]:
    for number in asked:
        transaction.clients.add(a_client(number))
    return [f"made {number}" for number in asked]


async def names(store: OpenStore) -> list[str]:
    return sorted(client.name for client in await store.read(clients_of))


async def test_those_of_one_moment_go_in_one_transaction(store: OpenStore) -> None:
    counted = Counted(store, adding)
    assert await counted.make(1, 2, 3) == ["made 1", "made 2", "made 3"]
    assert counted.ends == [None]
    assert await counted.make(4) == ["made 4"]
    assert counted.ends == [None, None]
    assert await names(store) == [f"client {number}" for number in (1, 2, 3, 4)]


async def test_who_comes_meanwhile_goes_with_the_next(store: OpenStore) -> None:
    counted = Counted(store, adding)
    first = asyncio.create_task(counted.make(0))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the transaction has begun
    rest = [asyncio.create_task(counted.make(number)) for number in range(1, 9)]
    assert await asyncio.gather(first, *rest) == [[f"made {number}"] for number in range(9)]
    assert counted.ends == [None, None]


async def test_one_that_hangs_does_not_hold_up_who_comes_after(tmp_path: Path) -> None:
    with BACKENDS["postgresql"](tmp_path) as backend:
        store = await backend.open(FakeClock())
        go_on = asyncio.Event()

        def hang_on_nought(t: Transaction, asked: Sequence[int], alone: bool) -> list[str | None]:
            if 0 in asked:
                await_only(go_on.wait())
            return adding(t, asked, alone)

        counted = Counted(store, hang_on_nought)
        hanging = asyncio.create_task(counted.make(0))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        async with asyncio.timeout(20):
            assert await counted.make(1, 2) == ["made 1", "made 2"]
            assert await counted.make(3) == ["made 3"]
            assert not hanging.done()
            go_on.set()
            assert await hanging == ["made 0"]
        await store.close()


async def test_ones_own_fault_touches_nobody_else(store: OpenStore) -> None:
    await Counted(store, adding).make(2)
    counted = Counted(store, adding)
    first, second, third = await counted.make(1, 2, 3)
    assert (first, third) == ("made 1", "made 3")
    assert isinstance(second, Conflict)
    assert await names(store) == ["client 1", "client 2", "client 3"]


@pytest.mark.parametrize("kind", [StorageUnavailable, OutcomeUnknown])
async def test_what_the_store_says_is_true_of_all(store: OpenStore, kind: type[Exception]) -> None:
    def fail(_: Transaction, __: Sequence[int], ___: bool) -> list[str | None]:
        raise kind("as if it had gone")

    counted = Counted(store, fail)
    assert [type(each) for each in await counted.make(1, 2, 3)] == [kind] * 3
    assert len(counted.ends) == 1


async def test_what_is_left_alone_is_made_by_itself(store: OpenStore) -> None:
    def odd_ones_alone(
        transaction: Transaction, asked: Sequence[int], is_alone: bool
    ) -> list[str | None]:
        now = [number for number in asked if is_alone or number % 2 == 0]
        adding(transaction, now, is_alone)
        return [f"alone {is_alone}" if number in now else None for number in asked]

    counted = Counted(store, odd_ones_alone)
    assert await counted.make(1, 2, 3) == ["alone True", "alone False", "alone True"]
    assert len(counted.ends) == 3
    assert len(await names(store)) == 3


async def test_nobody_waits_for_ever_where_one_was_forgotten(store: OpenStore) -> None:
    def forgetful(t: Transaction, asked: Sequence[int], is_alone: bool) -> list[str | None]:
        return adding(t, asked, is_alone)[: None if is_alone else -1]

    counted = Counted(store, forgetful)
    async with asyncio.timeout(20):
        assert await counted.make(1, 2, 3) == ["made 1", "made 2", "made 3"]


async def test_whoever_gives_up_hurts_nobody(store: OpenStore) -> None:
    counted = Counted(store, adding)
    tasks = [asyncio.create_task(counted.together.make(number)) for number in (1, 2, 3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    assert [await tasks[0], await tasks[2]] == ["made 1", "made 3"]
    assert await counted.make(4) == ["made 4"]
    assert {"client 1", "client 3", "client 4"} <= {*await names(store)}


async def test_no_more_wait_than_the_next_transaction_takes(store: OpenStore) -> None:
    counted = Counted(store, adding)
    numbers = range(MOST_WAITING + 3)
    outcomes = await counted.make(*numbers)
    refused = [each for each in outcomes if isinstance(each, StorageUnavailable)]
    assert len(refused) == 3
    assert "too many" in refused[0].detail
    assert outcomes[:MOST_WAITING] == [f"made {number}" for number in numbers[:MOST_WAITING]]
    assert MOST_WAITING <= MOST_AT_ONCE
    assert await counted.make(1_000) == ["made 1000"]
