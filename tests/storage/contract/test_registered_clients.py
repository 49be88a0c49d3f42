"""Clients in memory, as administrators see them: changed at once, whoever has changed them."""

import asyncio
from collections.abc import Callable

import pytest

from grantory.crypto.sealing import MasterKey
from grantory.domain.access import Assignment
from grantory.domain.client import GrantType, SubjectKind
from grantory.domain.registered_client import RegisteredClient
from grantory.ports.storage import Transaction
from grantory.storage import hot_reads
from grantory.storage.database import OpenStore
from grantory.storage.hot_reads import RememberedReads
from tests.support.entities import ORG, a_client, a_division, a_role, an_id, an_organization, put
from tests.support.runtime import FakeClock

ROLE, DIVISION = a_role(1).id, a_division(1)
EVERYWHERE, THERE = Assignment(ROLE, "*"), Assignment(ROLE, DIVISION.id)


class Process:
    """The memory of one process, and how often it asked the store for clients."""

    def __init__(self, store: OpenStore, clock: FakeClock) -> None:
        self.loads = 0
        self._reads = RememberedReads(store, store.feed, MasterKey(bytes(32)))
        self._reads.count_for(self._loaded, lambda _kind: None)

    def _loaded(self, kind: str) -> None:
        self.loads += kind == "registered_client"

    async def ask(self, number: int = 1) -> RegisteredClient | None:
        """Ask in a turn of its own, as a request does."""
        await asyncio.sleep(0)
        await self._reads.catch_up()
        return await self._reads.registered_client(an_id(number))


def granted(*wanted: Assignment) -> Callable[[Transaction], None]:
    def work(t: Transaction) -> None:
        t.access.set_grants(ORG, an_id(1), SubjectKind.CLIENT, wanted, 1)

    return work


def first(t: Transaction) -> None:
    t.organizations.add(an_organization(1))
    t.access.add_role(a_role(1))
    t.access.add_division(DIVISION)
    t.clients.add(a_client(1))
    granted(EVERYWHERE)(t)


@pytest.fixture
async def both(store: OpenStore, second_store: OpenStore, clock: FakeClock) -> list[Process]:
    await store.write(first)
    return [Process(store, clock), Process(second_store, clock)]


CHANGES: dict[str, tuple[Callable[[Transaction], object], RegisteredClient | None]] = {
    "its name": (
        lambda t: t.clients.replace(a_client(1, name="new")),
        RegisteredClient(a_client(1, name="new"), (EVERYWHERE,)),
    ),
    "its roles": (granted(THERE), RegisteredClient(a_client(1), (THERE,))),
    "no role": (granted(), RegisteredClient(a_client(1), ())),
    "a deleted role": (
        lambda t: t.access.delete_role(a_role(1)),
        RegisteredClient(a_client(1), ()),
    ),
    "deleted": (lambda t: t.clients.delete(a_client(1), 1), None),
    "one that acts for people": (
        lambda t: t.clients.replace(a_client(1, grant_type=GrantType.AUTHORIZATION_CODE)),
        RegisteredClient(a_client(1, grant_type=GrantType.AUTHORIZATION_CODE), ()),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_is_there_at_once_in_every_process(
    both: list[Process], store: OpenStore, name: str
) -> None:
    for process in both:
        for _ in range(3):
            assert await process.ask() == RegisteredClient(a_client(1), (EVERYWHERE,))
        assert process.loads == 1
    change, after = CHANGES[name]
    await store.write(change)
    for process in reversed(both):  # the clock stands still: no lease has run out meanwhile
        assert await process.ask() == after


async def test_a_deleted_division_takes_its_grants(both: list[Process], store: OpenStore) -> None:
    await store.write(granted(EVERYWHERE, THERE))
    for process in both:
        found = await process.ask()
        assert found is not None
        assert set(found.assignments) == {EVERYWHERE, THERE}
    await store.write(lambda t: t.access.delete_division(DIVISION, 1))
    for process in both:
        assert await process.ask() == RegisteredClient(a_client(1), (EVERYWHERE,))


async def test_who_is_missing_is_looked_for_each_time(
    both: list[Process], store: OpenStore
) -> None:
    for process in both:
        assert await process.ask(2) is None
    await store.write(lambda t: t.clients.add(a_client(2)))
    for process in both:
        assert await process.ask(2) == RegisteredClient(a_client(2), ())


async def test_a_large_one_is_read_each_time(both: list[Process], store: OpenStore) -> None:
    scopes = tuple(f"scope-{number}" for number in range(hot_reads.MOST_PARTS))
    large = a_client(1, scopes=scopes)
    await store.write(lambda t: t.clients.replace(large))
    for number in range(1, 4):
        assert await both[0].ask() == RegisteredClient(large, (EVERYWHERE,))
        assert both[0].loads == number


async def test_there_are_never_more_than_a_bound(
    both: list[Process], store: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hot_reads.MOST_REGISTERED < hot_reads.MOST_ENTRIES
    monkeypatch.setattr(hot_reads, "MOST_REGISTERED", 2)
    await store.write(put(a_client(2), a_client(3)))
    for number in (1, 2, 3):
        assert await both[0].ask(number) is not None
    assert dict(both[0]._reads.entries())["registered_client"] == 2
