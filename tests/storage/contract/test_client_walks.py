"""Every client in one list, while clients come, go, change and move within it."""

from collections.abc import AsyncIterator
from itertools import product
from typing import Final

import msgspec
import pytest

from grantory.domain.client import Client, ClientState, Reference, SubjectKind
from grantory.errors import StorageUnavailable
from grantory.ports.client_lists import ClientOrder, ClientSort
from grantory.ports.clients import ClientFilter
from grantory.registry import client_search
from grantory.registry.actor import Actor, system_actor
from grantory.registry.client_search import ClientSearch, Search
from grantory.storage.database import OpenStore
from tests.support.entities import ORG, a_client, put
from tests.support.lists import catch_up

BATCH: Final = 10
ACTOR: Final[Actor] = system_actor(ORG)
ORDERS: Final = [ClientOrder(*order) for order in product(ClientSort, (False, True))]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of ten, so that sixty clients are a long list."""
    monkeypatch.setattr(client_search, "STREAM_BATCH", BATCH)
    monkeypatch.setattr(client_search, "MOST_AT_ONCE", 15)


async def change(store: OpenStore, client: Client) -> None:
    await store.write(lambda t: t.clients.replace(client))


async def delete(store: OpenStore, client: Client) -> None:
    await store.write(lambda t: t.clients.delete(client, 1))


def some(count: int) -> list[Client]:
    """Names, times and ids each have an order of their own."""
    return [
        a_client(
            n * 37 % 101,
            name=f"n{n * 53 % 97:03d}",
            created_at=n,
            modified_at=1000 + n * 71 % 89,
            state=ClientState.INACTIVE if n % 4 == 0 else ClientState.ACTIVE,
        )
        for n in range(1, count + 1)
    ]


def batches(store: OpenStore, search: Search) -> AsyncIterator[list[str]]:
    async def ids() -> AsyncIterator[list[str]]:
        async for batch in ClientSearch(store).stream(ACTOR, search):
            yield [registered.client.id for registered in batch]

    return ids()


def search_for(order: ClientOrder, wanted: ClientFilter) -> Search:
    return Search(filter=wanted, sort=order.sort, descending=order.descending)


@pytest.mark.parametrize("listed", [True, False])
async def test_every_client_that_fits_comes_in_order(store: OpenStore, listed: bool) -> None:
    clients = some(70)
    await store.write(put(*clients[:60]))
    await catch_up(store)
    await store.write(put(*clients[60:]))
    changed = msgspec.structs.replace(clients[0], name="n050x", modified_at=1050)
    await store.write(lambda t: t.clients.replace(changed))
    clients[0] = changed
    if listed:
        await catch_up(store)
    for order in ORDERS:
        for wanted in (ClientFilter(), ClientFilter(name="N0"), ClientFilter(name="zz")):
            expected = sorted(
                (client for client in clients if wanted.fits(client)),
                key=lambda c: {
                    ClientSort.NAME: (c.name, c.id),
                    ClientSort.CREATED: (c.created_at, c.id),
                    ClientSort.MODIFIED: (c.modified_at, c.id),
                    ClientSort.ID: (c.id, c.id),
                }[order.sort],
                reverse=order.descending,
            )
            found = [batch async for batch in batches(store, search_for(order, wanted))]
            assert all(len(batch) == BATCH for batch in found[:-1])
            assert [i for batch in found for i in batch] == [c.id for c in expected]


@pytest.mark.parametrize("order", ORDERS, ids=str)
async def test_a_client_that_is_there_and_fits_throughout_comes_once(
    store: OpenStore, order: ClientOrder
) -> None:
    clients = some(60)
    await store.write(put(*clients[:55]))
    await catch_up(store)
    await store.write(put(*clients[55:]))
    seen: list[str] = []
    wanted = ClientFilter(state=ClientState.ACTIVE)
    staying = {client.id for client in clients if wanted.fits(client)}
    turn = 0
    async for batch in batches(store, search_for(order, wanted)):
        seen += batch
        turn += 1
        # Some go to either end of every order, one is deleted, and one comes.
        for n, client in enumerate(clients[turn * 3 : turn * 3 + 3]):
            moved = msgspec.structs.replace(
                client,
                name=f"a{turn}{n}" if n % 2 else f"z{turn}{n}",
                modified_at=n if n % 2 else 5000 + turn,
                modified_by=Reference(SubjectKind.CLIENT, client.id),
            )
            await change(store, moved)
        gone = clients[-turn]
        await delete(store, gone)
        staying.discard(gone.id)
        await store.write(put(a_client(500 + turn, created_at=turn * 9, name=f"n{turn}")))
        if turn % 2:
            await catch_up(store)
    assert turn > 3
    assert len(seen) == len(set(seen))
    assert staying <= set(seen)


@pytest.mark.parametrize("order", [ClientOrder(ClientSort.NAME), ClientOrder()], ids=str)
async def test_a_walk_is_broken_off_when_its_list_is_made_anew(
    store: OpenStore, order: ClientOrder
) -> None:
    """Whoever is met is known by a number of that list: to go on would leave clients out."""
    await store.write(put(*some(60)))
    await catch_up(store)
    for is_made in (False, True):
        walk = batches(store, search_for(order, ClientFilter()))
        assert len(await anext(walk)) == BATCH
        await store.write(lambda t: t.client_lists.begin_anew(ORG))
        if is_made:
            await catch_up(store)
        with pytest.raises(StorageUnavailable):
            [batch async for batch in walk]
        await catch_up(store)


async def test_a_walk_that_begins_without_a_list_needs_none(store: OpenStore) -> None:
    await store.write(put(*some(60)))
    seen: list[str] = []
    async for batch in batches(store, search_for(ORDERS[0], ClientFilter())):
        seen += batch
        await catch_up(store)
    assert seen == [client.id for client in sorted(some(60), key=lambda c: (c.name, c.id))]
