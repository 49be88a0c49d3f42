"""What every store promises about lists of clients."""

import asyncio
import random
from collections.abc import Iterable
from functools import partial
from itertools import product
from typing import Any, Final, cast

import msgspec
import pytest
from sqlalchemy import bindparam, delete, select, update

from grantory.domain.client import Client, ClientState, GrantType
from grantory.errors import Conflict, ListBeingMade, StorageUnavailable
from grantory.ports.client_lists import ClientOrder, ClientSort, ListLags
from grantory.ports.clients import ClientFilter, ClientPosition
from grantory.ports.storage import Snapshot, Transaction
from grantory.registry.relisting import Relisting
from grantory.storage.database import OpenStore
from grantory.storage.sql import (
    client_lists,
    list_faults,
    list_spans,
    list_upkeep,
    name_grams,
    name_index,
)
from grantory.storage.sql.statement import Statement
from grantory.storage.sql.tables import list_entries
from grantory.storage.sql.tables import name_grams as name_grams_table
from grantory.storage.sql.transaction import SqlTransaction
from tests.support.entities import ORG, OTHER_ORG, a_client, a_secret, an_id, put
from tests.support.lists import catch_up, fold
from tests.support.runtime import FakeClock

EVERY: Final = ClientFilter()
PARTS: Final = (
    "",
    "a",
    "ab",
    "abc",
    "ABCA",
    "%",
    "_",
    "\\",
    "'",
    "STRASSE",
    "ÄÖ",
    "\U0001f511",
    "x" * 200,
)
WORDS: Final = (
    "abc",
    "Abca",
    "a%b",
    "a_b",
    "a\\b",
    "a'b",
    "Straße",
    "äö ü",
    "\U0001f511",
    "zz",
    "İ",
)
TYPES: Final = (GrantType.CLIENT_CREDENTIALS, GrantType.IMPLICIT)
ORDERS: Final = [ClientOrder(*order) for order in product(ClientSort, (False, True))]
FILTERS: Final = [
    ClientFilter(name=name, grant_type=grant_type, state=state)
    for name in PARTS
    for grant_type, state in (
        (None, None),
        (GrantType.IMPLICIT, None),
        (None, ClientState.INACTIVE),
        (GrantType.CLIENT_CREDENTIALS, ClientState.ACTIVE),
        (GrantType.PASSWORD, None),
    )
]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a hundred clients reach."""
    for module, name, value in (
        (list_spans, "MOST", 8),
        (list_spans, "PIECE", 4),
        (list_spans, "FEW", 2),
        (client_lists, "MOST_FOUND", 12),
        (client_lists, "MANY", 3),
        (client_lists, "MARKS_AT_ONCE", 5),
        (client_lists, "CHUNK", 16),
        (list_upkeep, "CHUNK", 16),
        (name_index, "CHUNK", 16),
        (name_index, "SPARSE", 4),
        (name_index, "LOOKED_AT", 1),
        (name_index, "MOVED_AT_ONCE", 2),
        (list_faults, "CHUNK", 16),
        (name_grams, "CHUNK", 16),
        (name_grams, "_MAP_BYTES", 4),
        (name_grams, "_MOST_LISTED", 1),
    ):
        monkeypatch.setattr(module, name, value)


def in_order(clients: Iterable[Client], order: ClientOrder) -> list[str]:
    """The ids of clients in an order."""
    keys = {
        ClientSort.NAME: lambda c: (c.name.casefold(), c.id),
        ClientSort.CREATED: lambda c: (c.created_at, c.id),
        ClientSort.MODIFIED: lambda c: (c.modified_at, c.id),
        ClientSort.ID: lambda c: (c.id, c.id),
    }
    found = sorted(clients, key=keys[order.sort], reverse=order.descending)
    return [client.id for client in found]


class Model:
    """The same clients in a dictionary."""

    def __init__(self, store: OpenStore, seed: int = 1) -> None:
        self.store = store
        self.clients: dict[str, Client] = {}
        self._random = random.Random(seed)
        self._made = 0
        self._clock = 1_000

    def _fresh(self) -> Client:
        self._made += 1
        return a_client(self._random.randrange(10**6) * 1000 + self._made, **self._fields())

    def _fields(self) -> dict[str, object]:
        draw = self._random
        self._clock += draw.randrange(2)
        return {
            "name": " ".join(draw.choice(WORDS) for _ in range(draw.randrange(1, 4))),
            "grant_type": draw.choice(TYPES),
            "state": draw.choice(list(ClientState)),
            "modified_at": self._clock,
        }

    async def change(self, times: int) -> None:
        """Make, change and delete some clients, in one transaction."""
        draw = self._random

        def work(t: Transaction) -> None:
            for _ in range(times):
                some = draw.choice([*self.clients.values(), None])
                kind = draw.random()
                if some is None or kind < 0.5:
                    made = self._fresh()
                    made = msgspec.structs.replace(made, created_at=self._clock)
                    t.clients.add(made)
                    self.clients[made.id] = made
                elif kind < 0.8:
                    changed = msgspec.structs.replace(some, **self._fields())
                    if draw.random() < 0.5:
                        changed = msgspec.structs.replace(changed, name=some.name)
                    t.clients.replace(changed)
                    self.clients[some.id] = changed
                else:
                    t.clients.delete(some, self._clock)
                    del self.clients[some.id]

        await self.store.write(work)

    def expected(self, wanted: ClientFilter, order: ClientOrder) -> list[str]:
        """The ids in order, as the domain's own words have it."""
        return in_order((c for c in self.clients.values() if wanted.fits(c)), order)

    async def check(self) -> None:
        """Look at every list, page by page."""
        asked = [
            (order, wanted, self._random.randrange(max(1, len(self.clients))), size)
            for order in ORDERS
            for wanted in (EVERY, *self._random.sample(FILTERS, 5))
            for size in (5, 100)
        ]

        def look(s: Snapshot) -> list[tuple[list[str], int]]:
            return [
                s.client_lists.page(ORG, wanted, order, offset, size)
                for order, wanted, offset, size in asked
            ]

        for question, found in zip(asked, await self.store.scan(look), strict=True):
            order, wanted, offset, size = question
            expected = self.expected(wanted, order)
            assert found == (expected[offset : offset + size], len(expected)), question
        assert await self.store.scan(lambda s: s.client_lists.faults(ORG)) == []


async def check_at_one_moment(store: OpenStore) -> None:
    """Compare pages with the clients that the same snapshot has, whatever goes on besides."""
    asked = [
        (order, wanted)
        for order in ORDERS
        for wanted in (EVERY, ClientFilter(name="abc"), ClientFilter(state=ClientState.ACTIVE))
    ]

    def look(s: Snapshot) -> None:
        every = s.clients.after(ORG, ClientPosition(0, ""), 10_000)
        for order, wanted in asked:
            expected = in_order((c for c in every if wanted.fits(c)), order)
            found = s.client_lists.page(ORG, wanted, order, len(expected) // 3, 10)
            begin = len(expected) // 3
            assert found == (expected[begin : begin + 10], len(expected)), (order, wanted)

    await store.scan(look)


@pytest.mark.usefixtures("small")
async def test_every_page_in_every_order_is_that_of_the_clients(
    store: OpenStore, second_store: OpenStore
) -> None:
    model = Model(store)
    await store.write(put(a_client(5, organization_id=OTHER_ORG, name="abc")))
    await model.check()  # nothing there at all
    await model.change(30)
    await model.check()  # nothing in the list yet
    await catch_up(store, 7, 5)
    await model.check()
    for round_ in range(4):
        await model.change(25)
        await model.check()  # some listed, some besides
        await catch_up((store, second_store)[round_ % 2], 11, 7)
        await model.check()


@pytest.mark.usefixtures("small")
async def test_what_two_processes_put_into_a_list_at_once_is_counted_once(
    store: OpenStore, second_store: OpenStore
) -> None:
    model = Model(store, 2)
    await model.change(60)

    changing = True

    async def keep(own: OpenStore) -> int:
        done = 0
        while changing:
            done += await catch_up(own, 5, 7)
            await asyncio.sleep(0)  # a short read of SQLite lets nobody else have the thread
        return done

    async def go_on_changing() -> None:
        nonlocal changing
        try:
            for _ in range(10):
                await model.change(4)
                await check_at_one_moment(store)
        finally:
            changing = False

    done = await asyncio.gather(keep(store), keep(second_store), go_on_changing())
    assert sum(filter(None, done[:2])) >= 60
    await model.check()
    await catch_up(store)
    assert await store.read(lambda s: s.client_lists.behind(1)) == 0
    await model.check()


async def test_a_list_that_is_far_from_done_is_not_read(
    store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_lists, "MOST_UNLISTED", 2)
    await store.write(put(*(a_client(n) for n in range(1, 4))))
    with pytest.raises(StorageUnavailable):
        await store.scan(lambda s: s.client_lists.page(ORG, EVERY, ORDERS[0], 0, 5))
    with pytest.raises(StorageUnavailable):
        await store.scan(lambda s: s.client_lists.unlisted(ORG))
    # Other organisations have lists of their own.
    await store.write(put(a_client(9, organization_id=OTHER_ORG)))
    found = await store.scan(lambda s: s.client_lists.page(OTHER_ORG, EVERY, ORDERS[0], 0, 5))
    assert found == ([an_id(9)], 1)
    await catch_up(store)
    found = await store.scan(lambda s: s.client_lists.page(ORG, EVERY, ORDERS[0], 0, 5))
    assert found == ([an_id(n) for n in (1, 2, 3)], 3)


async def test_a_client_that_is_changed_often_is_one(
    store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_lists, "MOST_UNLISTED", 2)
    client = a_client(1)
    await store.write(put(client))
    for number in range(5):
        changed = msgspec.structs.replace(client, name=f"n{number}")
        await store.write(partial(_replace, changed))
    found = await store.scan(lambda s: s.client_lists.page(ORG, EVERY, ORDERS[0], 0, 5))
    assert found == ([client.id], 1)
    with pytest.raises(ListLags):
        await store.scan(lambda s: s.client_lists.page(ORG, EVERY, ORDERS[0], 0, 5, 5))
    found = await store.scan(lambda s: s.client_lists.page(ORG, EVERY, ORDERS[0], 0, 5, 6))
    assert found == ([client.id], 1)


def _first_page(whose: str, most: int | None, snapshot: Snapshot) -> tuple[list[str], int]:
    return snapshot.client_lists.page(whose, EVERY, ORDERS[0], 0, 9, most)


def _replace(client: Client, transaction: Transaction) -> None:
    transaction.clients.replace(client)


async def test_a_list_that_is_wrong_is_found_and_made_anew(store: OpenStore) -> None:
    await store.write(put(*(a_client(n, name=f"n{n}") for n in range(1, 9))))
    await fold(store, ORG, 5)
    assert await store.scan(lambda s: s.client_lists.faults(ORG)) == []
    lost = Statement(delete(list_entries).where(list_entries.c.client_id == bindparam("id_")))
    await store.write(lambda t: cast(SqlTransaction, t)._sql.run(lost, id_=an_id(2)))
    faults = await store.scan(lambda s: s.client_lists.faults(ORG))
    assert [fault.partition(ORG)[2] for fault in faults] == [
        " has 4 clients, and not 5",
        " is counted wrongly in the order by name, created, modified, id",
    ]
    assert await Relisting(store, FakeClock()).run(lambda _done: None) == 3  # no organisation here
    assert await store.write(lambda t: t.client_lists.begin_anew(ORG))
    found = await store.scan(lambda s: s.client_lists.page(ORG, EVERY, ORDERS[0], 0, 9))
    assert found == ([an_id(n) for n in range(1, 9)], 8)
    await catch_up(store)
    while await store.write(lambda t: t.client_lists.sweep(2)):
        pass
    assert await store.scan(lambda s: s.client_lists.faults(ORG)) == []
    rows = Statement(select(list_entries.c.client_id))
    left = await store.read(lambda s: cast(SqlTransaction, s)._sql.all(rows))
    assert len(left) == 8


async def test_a_long_list_is_begun_anew_in_steps(
    store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until all its clients are marked, nobody is told that it has only some of them."""
    monkeypatch.setattr(list_upkeep, "MARKED_AT_ONCE", 3)
    clients = {n: a_client(n, name=f"n{n}", created_at=7 + n // 3) for n in range(1, 10)}
    await store.write(put(*clients.values(), a_client(20, organization_id=OTHER_ORG)))
    await catch_up(store)
    assert await store.write(lambda t: t.client_lists.begin_anew(ORG))
    rest = await store.scan(lambda s: s.client_lists.rest())
    assert rest is not None
    assert rest.organization_id == ORG
    await store.write(put(a_client(10, name="n10", created_at=1)))
    await store.write(partial(_replace, msgspec.structs.replace(clients[8], name="other")))
    await store.write(lambda t: t.clients.delete(clients[9], 1))
    assert await store.write(lambda t: t.client_lists.mark_more(rest))
    marks = await store.read(lambda s: s.client_lists.behind(100))
    assert not await store.write(lambda t: t.client_lists.mark_more(rest))
    assert await store.read(lambda s: s.client_lists.behind(100)) == marks
    for most in (None, 100):
        with pytest.raises(ListBeingMade):
            await store.scan(partial(_first_page, ORG, most))
    with pytest.raises(ListBeingMade):
        await store.scan(lambda s: s.client_lists.unlisted(ORG))
    found = await store.scan(lambda s: s.client_lists.page(OTHER_ORG, EVERY, ORDERS[0], 0, 9))
    assert found == ([an_id(20)], 1)
    await fold(store, ORG, 2)  # not as far as what stands for the rest
    with pytest.raises(ListBeingMade):
        await store.scan(lambda s: s.client_lists.unlisted(ORG))
    await catch_up(store, limit=2)
    assert await store.scan(lambda s: s.client_lists.rest()) is None
    found = await store.scan(lambda s: s.client_lists.page(ORG, EVERY, ORDERS[0], 0, 20))
    assert found == ([an_id(n) for n in (1, 10, 2, 3, 4, 5, 6, 7, 8)], 9)
    assert await store.scan(lambda s: s.client_lists.faults(ORG)) == []


@pytest.mark.usefixtures("small")
async def test_what_a_list_says_wrongly_is_found(store: OpenStore) -> None:
    names = ("abc", "abcd", "zz", "xyz")
    await store.write(put(*(a_client(n, name=f"{names[n % 4]} {n}") for n in range(40))))
    await catch_up(store)
    for change, faults in (
        (
            update(list_entries).where(list_entries.c.number == 3).values(number=4),
            ["has 1 clients otherwise than they are"],
        ),
        (
            update(list_entries).where(list_entries.c.number == 3).values(created_at=9),
            [
                "has 1 clients otherwise than they are",
                "is counted wrongly in the order by created",
            ],
        ),
        (
            delete(name_grams_table).where(name_grams_table.c.gram == "abc"),
            ["has an index that does not find 8 of the names that were looked for"],
        ),
    ):
        found: list[list[str]] = []

        def work(t: Transaction, change: Any = change, found: list[list[str]] = found) -> None:
            cast(SqlTransaction, t)._sql.run(Statement(change))
            found.append(t.client_lists.faults(ORG))
            raise Conflict("undone")

        with pytest.raises(Conflict):
            await store.write(work)
        assert [fault.partition(ORG)[2].strip() for fault in found[-1]] == faults


async def test_marks_are_counted_up_to_a_bound(store: OpenStore) -> None:
    assert await store.read(lambda s: s.client_lists.behind(5)) == 0
    await store.write(put(*(a_client(n) for n in range(1, 9))))
    assert await store.read(lambda s: s.client_lists.behind(5)) == 5
    assert (await fold(store, ORG, 6)).marks == 6
    assert await store.read(lambda s: s.client_lists.behind(5)) == 2


async def test_only_what_a_list_shows_makes_a_mark(store: OpenStore) -> None:
    client = a_client(1)
    await store.write(put(client))
    await catch_up(store)
    same = msgspec.structs.replace(client, description="x", scopes=("a",), token_epoch=9)
    await store.write(lambda t: t.clients.replace(same))
    assert await store.read(lambda s: s.client_lists.behind(9)) == 0


async def test_many_clients_are_added_as_single_ones_are(store: OpenStore) -> None:
    clients = [
        a_client(
            n,
            name=f"n {n}",
            grant_type=GrantType.IMPLICIT,
            redirect_uris=tuple(f"https://{n}.example/{i}" for i in range(n % 3)),
        )
        for n in range(1, 82)
    ]
    secrets = [a_secret(n, client=n) for n in range(1, 82)]
    await store.write(lambda t: t.clients.add_many(clients, secrets))
    ids = [client.id for client in clients]
    assert await store.scan(lambda s: s.clients.of_ids(ORG, ids)) == clients
    held = await store.read(lambda s: [s.clients.secrets_of(client_id) for client_id in ids])
    assert held == [[secret] for secret in secrets]
    assert await store.read(lambda s: s.client_lists.behind(100)) == 81
