"""Looking for clients: by what they are, in an order.

First the keys of those that fit are read and put in order, batch by batch; then the clients
themselves. Each batch is a short read of its own, so that nobody else waits for a long list.
"""

import asyncio
import heapq
from collections.abc import AsyncIterator
from enum import StrEnum
from itertools import islice
from typing import Final

import msgspec

from grantory.domain.registered_client import RegisteredClient
from grantory.ports.clients import LISTING_START, ClientFilter, ClientKey, ClientPosition
from grantory.ports.storage import Snapshot, Store
from grantory.registry.actor import Actor
from grantory.registry.clients import STREAM_BATCH, with_assignments

Run = list[tuple[str | int, str]]
"""What is sorted by, and the client's id; in order."""
KEY_BATCH: Final = STREAM_BATCH


class ClientSort(StrEnum):
    """What a list is in order of; ids decide among equals."""

    NAME = "name"
    """In any case, as ``str.casefold`` has it."""
    CREATED = "created"
    MODIFIED = "modified"
    ID = "id"


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """Which clients are wanted, in which order."""

    filter: ClientFilter
    sort: ClientSort = ClientSort.CREATED
    descending: bool = False


class ClientSearch:
    """Finds clients on behalf of an actor."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def page(
        self, actor: Actor, search: Search, offset: int, limit: int
    ) -> tuple[list[RegisteredClient], int]:
        """Returns one page of the clients that fit, and how many there are in all.

        One that goes, or fits no more, while the page is read is missing from it.
        """
        runs = await self._runs(actor, search)
        total = sum(len(run) for run in runs)
        found: list[RegisteredClient] = []
        if offset >= total:
            return found, total
        passed = 0
        async for ids in _merged(runs, search):
            wanted = ids[max(0, offset - passed) : max(0, offset + limit - passed)]
            if wanted:
                found += await self._load(actor, search, wanted)
            passed += len(ids)
            if passed >= offset + limit:
                break
        return found, total

    async def stream(self, actor: Actor, search: Search) -> AsyncIterator[list[RegisteredClient]]:
        """Gives every client that fits, in batches; all but the last have ``STREAM_BATCH``.

        A client that is there and fits throughout comes exactly once.
        """
        batch: list[RegisteredClient] = []
        async for ids in _merged(await self._runs(actor, search), search):
            batch += await self._load(actor, search, ids)
            if len(batch) >= STREAM_BATCH:
                yield batch[:STREAM_BATCH]
                batch = batch[STREAM_BATCH:]
        if batch:
            yield batch

    async def _runs(self, actor: Actor, search: Search) -> list[Run]:
        runs: list[Run] = []
        position: ClientPosition | None = LISTING_START
        while position is not None:

            def read(
                snapshot: Snapshot, after: ClientPosition = position
            ) -> tuple[Run, ClientPosition | None]:
                keys, end = snapshot.clients.keys(
                    actor.organization_id, search.filter, after, KEY_BATCH
                )
                run = [(_sorted_by(key, search.sort), key.client_id) for key in keys]
                return sorted(run, reverse=search.descending), end

            run, position = await self._store.scan(read)
            if run:
                runs.append(run)
        return runs

    async def _load(self, actor: Actor, search: Search, ids: list[str]) -> list[RegisteredClient]:
        def read(snapshot: Snapshot) -> list[RegisteredClient]:
            clients = snapshot.clients.of_ids(actor.organization_id, ids)
            fitting = [client for client in clients if search.filter.fits(client)]
            return with_assignments(snapshot, fitting)

        return await self._store.scan(read)


async def _merged(runs: list[Run], search: Search) -> AsyncIterator[list[str]]:
    """Gives the ids of all runs in one order, in batches, between which others have their turn."""
    merged = heapq.merge(*runs, reverse=search.descending)
    while ids := [client_id for _, client_id in islice(merged, STREAM_BATCH)]:
        yield ids
        await asyncio.sleep(0)


def _sorted_by(key: ClientKey, sort: ClientSort) -> str | int:
    match sort:
        case ClientSort.NAME:
            return key.name.casefold()
        case ClientSort.CREATED:
            return key.created_at
        case ClientSort.MODIFIED:
            return key.modified_at
        case ClientSort.ID:
            return key.client_id
