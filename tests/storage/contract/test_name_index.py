"""What finds parts of names is made in short steps, whatever the names are."""

import random
from functools import partial
from io import BytesIO
from typing import Final, cast

import msgspec
import pytest
from sqlalchemy import func, select

from grantory.domain.client import Client
from grantory.ports.client_lists import ClientOrder
from grantory.ports.clients import ClientFilter
from grantory.ports.name_index import IndexTask, IndexWork
from grantory.ports.storage import Transaction
from grantory.storage.database import OpenStore
from grantory.storage.sql import (
    client_lists,
    list_faults,
    list_filling,
    list_upkeep,
    name_grams,
    name_index,
)
from grantory.storage.sql.migrations import HEAD
from grantory.storage.sql.name_grams import LOOK_AT, NOT_INDEXED
from grantory.storage.sql.replacing import Restoration
from grantory.storage.sql.statement import Statement
from grantory.storage.sql.tables import name_grams as grams
from grantory.storage.sql.transaction import SqlTransaction
from tests.support.backends import Backend
from tests.support.entities import ORG, a_client, put
from tests.support.lists import catch_up, do_work, fold

SMALL_CHUNK: Final = 16
ROWS: Final = 100
ORDER: Final = ClientOrder()
COUNT: Final = Statement(select(func.count()).select_from(grams))
GRAMS: Final = Statement(select(grams.c.gram, grams.c.chunk))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of 16 names, of which four are few."""
    for module in (list_faults, client_lists, list_upkeep, name_grams, name_index):
        monkeypatch.setattr(module, "CHUNK", SMALL_CHUNK)
    monkeypatch.setattr(name_grams, "_MAP_BYTES", SMALL_CHUNK // 8)
    monkeypatch.setattr(name_grams, "_MOST_LISTED", 0)
    monkeypatch.setattr(name_index, "SPARSE", SMALL_CHUNK // 4)
    monkeypatch.setattr(name_index, "LOOKED_AT", 1)


def varied(count: int) -> list[Client]:
    """Clients whose names have 200 distinct characters, in an order of their own."""
    draw = random.Random(7)
    letters = [chr(0x4E00 + n) for n in range(3_000)]
    return [a_client(n, name="".join(draw.sample(letters, 200))) for n in range(1, count + 1)]


async def found(store: OpenStore, part: str) -> list[str]:
    wanted = ClientFilter(name=part)
    return (await store.scan(lambda s: s.client_lists.page(ORG, wanted, ORDER, 0, 50)))[0]


async def rows(store: OpenStore) -> int:
    row = await store.read(lambda s: cast(SqlTransaction, s)._sql.one(COUNT))
    return int(row[0]) if row else 0


async def keys(store: OpenStore) -> set[tuple[str, int]]:
    every = await store.read(lambda s: cast(SqlTransaction, s)._sql.all(GRAMS))
    return {(gram, chunk) for gram, chunk in every}


async def check(store: OpenStore, clients: list[Client]) -> None:
    for client in clients[::5]:
        for begin in (0, 90, 190):
            assert await found(store, client.name[begin : begin + 8]) == [client.id]


def _replace(client: Client, transaction: Transaction) -> None:
    transaction.clients.replace(client)


async def test_a_chunk_of_varied_names_is_indexed_in_short_steps(
    store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_grams, "MOST_ROWS", 10_000)
    clients = varied(20)
    await store.write(put(*clients))
    assert (await fold(store, ORG, 100)).has_work
    assert await rows(store) == 0  # none of it in the transaction that filled the list
    await check(store, clients)
    work = await store.scan(lambda s: s.name_index.next_work(ORG))
    assert work is not None
    assert len(work.grams) > 3_000
    place: int | None = 0
    before = 0
    for _ in range(3):  # then it is broken off
        assert place is not None
        place = await store.write(partial(_advance, work, place))
        after = await rows(store)
        assert after - before <= ROWS + 1
        before = after
    await check(store, clients)
    changed = msgspec.structs.replace(clients[0], name="another name")
    await store.write(partial(_replace, changed))
    await fold(store, ORG, 100)
    await do_work(store, ORG, ROWS)
    assert await store.scan(lambda s: s.name_index.next_work(ORG)) is None
    await check(store, clients[1:])
    assert await found(store, "another") == [changed.id]
    assert await found(store, clients[0].name[:8]) == []


def _advance(work: IndexWork, begin: int, transaction: Transaction) -> int | None:
    return transaction.name_index.advance(work, begin, ROWS)


async def test_names_that_would_take_too_many_rows_are_gone_through(
    store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_grams, "MOST_ROWS", 1_000)
    clients = varied(40)
    await store.write(put(*clients))
    await catch_up(store)
    assert await keys(store) == {(NOT_INDEXED, 0), (NOT_INDEXED, 1)}
    await check(store, clients)
    monkeypatch.setattr(client_lists, "MOST_UNINDEXED", 1)  # then all are counted
    await check(store, clients)


@pytest.mark.parametrize("most", [1_000, 10_000])
async def test_nothing_is_left_of_a_chunk_that_is_given_up(
    store: OpenStore, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(name_grams, "MOST_ROWS", most)
    clients = varied(2 * SMALL_CHUNK)
    await store.write(put(*clients))
    await catch_up(store)
    assert {chunk for _, chunk in await keys(store)} == {0, 1}
    for number, client in enumerate(clients[: SMALL_CHUNK - 3]):
        await store.write(partial(_replace, msgspec.structs.replace(client, name=f"n {number}")))
    folded = await fold(store, ORG, 100)
    assert folded.has_work
    assert (LOOK_AT, 0) in await keys(store)
    work = await store.scan(lambda s: s.name_index.next_work(ORG))
    assert work is not None
    assert work.task is IndexTask.GIVE_UP
    before = await rows(store)
    assert await store.write(partial(_advance, work, 0)) == 0  # three of them move first
    assert await rows(store) == before
    await check(store, clients[SMALL_CHUNK:])
    await do_work(store, ORG, ROWS)
    assert 0 not in {chunk for _, chunk in await keys(store)}
    await check(store, clients[SMALL_CHUNK - 3 :])
    assert await store.read(lambda s: s.name_index.next_unfinished("")) is None


async def test_a_restored_store_finds_parts_of_names(
    store: OpenStore, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_grams, "MOST_ROWS", 10_000)
    monkeypatch.setattr(list_filling, "AT_ONCE", 10)
    clients = varied(40)
    await store.write(put(*clients))
    file = BytesIO()
    await backend.database.dump(file, 0, "0")
    await backend.database.restore(Restoration(file, HEAD, True, str, 0))
    assert await store.read(lambda s: s.client_lists.behind(1)) == 0
    assert await store.scan(lambda s: s.client_lists.faults(ORG)) == []
    assert {chunk for _, chunk in await keys(store)} == {0, 1}
    await check(store, clients)
    assert await store.read(lambda s: s.name_index.next_unfinished("")) is None
