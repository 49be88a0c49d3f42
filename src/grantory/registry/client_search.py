"""Looking for clients: by what they are, in an order, page by page or all of them.

A page is found by its number without looking at those before it. Of a long list the entries are
gone through batch by batch, each a short read of its own, so that nobody else waits for it.
"""

import asyncio
import heapq
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import Final, TypeVar

import msgspec

from grantory.domain.registered_client import RegisteredClient
from grantory.ports.client_lists import ClientOrder, ClientSort, ListEntry, Place, Unlisted
from grantory.ports.clients import ClientFilter
from grantory.ports.storage import Snapshot, Store
from grantory.registry.actor import Actor
from grantory.registry.clients import STREAM_BATCH, with_assignments

MOST_AT_ONCE: Final = 2_000
"""So many ids are held; a longer list is gone through."""
MOST_BY_NAME: Final = 1
"""So many look for a part of a name at once, of all organisations: nobody else's lists wait."""
T = TypeVar("T")


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """Which clients are wanted, in which order."""

    filter: ClientFilter = ClientFilter()
    sort: ClientSort = ClientSort.CREATED
    descending: bool = False

    @property
    def order(self) -> ClientOrder:
        """The order."""
        return ClientOrder(self.sort, self.descending)


class ClientSearch:
    """Finds clients on behalf of an actor."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_name = asyncio.Semaphore(MOST_BY_NAME)

    async def page(
        self,
        actor: Actor,
        search: Search,
        offset: int,
        limit: int,
        most_unlisted: int | None = None,
    ) -> tuple[list[RegisteredClient], int]:
        """Returns one page of the clients that fit, and how many there are in all.

        Args:
            actor: on whose behalf.
            search: which clients, in which order.
            offset: how many come before the page.
            limit: how many it has at most.
            most_unlisted: so many changes may be looked at besides the list; by default many.

        Raises:
            ListLags: when there are more changes than that.
            StorageUnavailable: while the list is being made.
        """

        def read(snapshot: Snapshot) -> tuple[list[RegisteredClient], int]:
            ids, total = snapshot.client_lists.page(
                *(actor.organization_id, search.filter, search.order, offset, limit),
                most_unlisted,
            )
            return _load(snapshot, actor, search, ids), total

        return await self._scan(search, read)

    async def _scan(self, search: Search, read: Callable[[Snapshot], T]) -> T:
        """Reads; whoever looks for a part of a name, and so perhaps through all, waits in line."""
        if not search.filter.name:
            return await self._store.scan(read)
        async with self._by_name:
            return await self._store.scan(read)

    async def stream(
        self, actor: Actor, search: Search
    ) -> AsyncGenerator[list[RegisteredClient], None]:
        """Gives every client that fits, in batches; all but the last have ``STREAM_BATCH``.

        A client that is there and fits throughout comes exactly once. One that changes meanwhile
        may stand where it stood before, and one that came to stand before those that were given
        already comes at the end.

        Raises:
            StorageUnavailable: while the list is being made, or when it is made anew meanwhile.
        """
        batch: list[RegisteredClient] = []
        async for ids in self._ids(actor, search):
            batch += await self._loaded(actor, search, ids)
            if len(batch) >= STREAM_BATCH:
                yield batch[:STREAM_BATCH]
                batch = batch[STREAM_BATCH:]
        if batch:
            yield batch

    async def _ids(self, actor: Actor, search: Search) -> AsyncIterator[list[str]]:
        """Gives the ids of all that might fit, each once, some at a time."""
        here = actor.organization_id

        def begin(snapshot: Snapshot) -> tuple[list[str], int, Unlisted]:
            lists = snapshot.client_lists
            ids, total = lists.page(here, search.filter, search.order, 0, MOST_AT_ONCE)
            return ids, total, lists.unlisted(here)

        ids, total, unlisted = await self._scan(search, begin)
        if total <= MOST_AT_ONCE:
            for start in range(0, len(ids), STREAM_BATCH):
                yield ids[start : start + STREAM_BATCH]
            return
        walk = _Walk(search, unlisted)
        place: Place | None = None
        while not walk.is_over:

            def read(snapshot: Snapshot, place: Place | None = place) -> list[ListEntry]:
                return snapshot.client_lists.after(
                    *(here, unlisted.list_id, search.order, place, STREAM_BATCH)
                )

            entries = await self._store.scan(read)
            yield walk.next(entries)
            if entries:
                place = entries[-1].place(search.sort)
        if search.sort.may_move:
            async for missed in self._missed(here, unlisted.list_id, walk):
                yield missed

    async def _missed(
        self, organization_id: str, list_id: int, walk: "_Walk"
    ) -> AsyncIterator[list[str]]:
        """Gives those that the walk has not met, because they came to stand behind it."""
        number: int | None = -1
        while number is not None:

            def read(snapshot: Snapshot, number: int = number) -> list[ListEntry]:
                return snapshot.client_lists.numbered(
                    organization_id, list_id, number, STREAM_BATCH
                )

            entries = await self._store.scan(read)
            yield walk.missed(entries)
            number = entries[-1].number if entries else None

    async def _loaded(self, actor: Actor, search: Search, ids: list[str]) -> list[RegisteredClient]:
        if not ids:
            return []
        return await self._store.scan(lambda snapshot: _load(snapshot, actor, search, ids))


class _Walk:
    """What a walk through a list has met. Numbers are kept as bits: a million take 125 kB.

    Args:
        search: what for.
        unlisted: those that the list did not hold rightly when the walk began.
    """

    def __init__(self, search: Search, unlisted: Unlisted) -> None:
        self._search = search
        self._left_out = unlisted.client_ids
        fitting = (e for e in unlisted.entries if e.fits(search.filter))
        self._added = sorted(fitting, key=self._key, reverse=search.descending)
        self._met = bytearray()
        self.is_over = False

    def _key(self, entry: ListEntry) -> Place:
        return entry.place(self._search.sort)

    def next(self, entries: list[ListEntry]) -> list[str]:
        """Takes the next entries of the list, fewer at its end; returns whom to look at."""
        fresh = [entry for entry in entries if self._meet(entry)]
        self.is_over = len(entries) < STREAM_BATCH
        upto = None if self.is_over else self._key(entries[-1])
        added = list(self._added_before(upto))
        down = self._search.descending
        return [e.client_id for e in heapq.merge(fresh, added, key=self._key, reverse=down)]

    def missed(self, entries: list[ListEntry]) -> list[str]:
        """Takes entries in the order of their numbers; returns those that were not met."""
        return [entry.client_id for entry in entries if self._meet(entry)]

    def _added_before(self, upto: Place | None) -> Iterator[ListEntry]:
        while self._added:
            place = self._key(self._added[0])
            if upto is not None and (place < upto if self._search.descending else place > upto):
                return
            yield self._added.pop(0)

    def _meet(self, entry: ListEntry) -> bool:
        """Notes an entry; tells whether it is new and might fit."""
        at, bit = entry.number >> 3, 1 << (entry.number & 7)
        if at >= len(self._met):
            self._met.extend(bytes(at + 1024 - len(self._met)))
        is_new = not self._met[at] & bit
        self._met[at] |= bit
        return is_new and entry.client_id not in self._left_out and entry.fits(self._search.filter)


def _load(
    snapshot: Snapshot, actor: Actor, search: Search, ids: list[str]
) -> list[RegisteredClient]:
    clients = snapshot.clients.of_ids(actor.organization_id, ids)
    fitting = [client for client in clients if search.filter.fits(client)]
    return with_assignments(snapshot, fitting)
