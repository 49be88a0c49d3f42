"""What every store promises about consistent reads, whole writes and the record of changes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from grantory.domain.access import Assignment
from grantory.domain.client import SubjectKind
from grantory.errors import Conflict
from grantory.ports.storage import Snapshot, Transaction
from grantory.storage.database import OpenStore
from tests.support.backends import Backend, Listener, news
from tests.support.entities import (
    ORG,
    a_client,
    a_denied_token,
    a_key,
    a_role,
    a_secret,
    a_user,
    an_event,
    an_id,
    an_organization,
    clients_of,
    put,
)
from tests.support.patience import patiently
from tests.support.runtime import FakeClock


class MindChanged(Exception):
    """Raised by a test's own work."""


async def names(store: OpenStore) -> list[str]:
    return [c.name for c in await store.read(clients_of)]


async def test_work_answers_with_its_result(store: OpenStore) -> None:
    assert await store.read(lambda s: 1) == 1
    assert await store.scan(lambda s: [2]) == [2]
    assert await store.write(lambda t: {"three": 3}) == {"three": 3}


async def test_a_transaction_sees_its_own_changes(store: OpenStore) -> None:
    def work(t: Transaction) -> int:
        t.clients.add(a_client(1))
        t.clients.add(a_client(2))
        t.clients.delete(a_client(1), 1)
        return len(clients_of(t))

    assert await store.write(work) == 1


async def test_a_long_read_sees_one_moment(
    store: OpenStore, backend: Backend, clock: FakeClock
) -> None:
    await store.write(lambda t: t.clients.add(a_client(1)))

    async def write_elsewhere() -> None:
        other = await backend.open(clock)
        await other.write(put(a_client(2), a_role(1)))
        assert await other.read(lambda s: len(clients_of(s))) == 2
        await other.close()

    def looked(s: Snapshot) -> list[object]:
        return [len(clients_of(s)), s.clients.get(an_id(2)), s.access.role(ORG, an_id(1001))]

    def look_twice(s: Snapshot) -> list[object]:
        before = looked(s)
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, write_elsewhere()).result()
        assert looked(s) == before
        return before

    assert await store.scan(look_twice) == [1, None, None]
    assert await store.scan(lambda s: len(clients_of(s))) == 2


async def test_what_is_answered_is_seen_by_every_later_read(
    store: OpenStore, second_store: OpenStore
) -> None:
    for number in range(1, 6):
        await store.write(lambda t: t.clients.add(a_client(number)))
        assert await store.read(lambda s: len(clients_of(s))) == number
        assert await second_store.read(lambda s: len(clients_of(s))) == number
        assert await second_store.scan(lambda s: len(clients_of(s))) == number


def everything(t: Transaction) -> None:
    """One change through every writer there is."""
    t.installation.set_up(b"check", 1)
    t.organizations.add(an_organization(1))
    t.clients.add(a_client(1))
    t.clients.add_secret(a_secret(1))
    t.access.add_role(a_role(1))
    assignments = [Assignment(an_id(1001), "*")]
    t.access.set_grants(ORG, an_id(1), SubjectKind.CLIENT, assignments, 1)
    t.users.add(a_user(1), None)
    t.keys.add(a_key(1))
    t.denied_tokens.add(a_denied_token(1))
    t.audit.add(an_event(1))


def all_there_is(s: Snapshot) -> list[object]:
    return [
        s.installation.master_key_check(),
        s.organizations.all(),
        s.clients.get(an_id(1)),
        s.clients.secrets_of(an_id(1)),
        s.access.all_roles(ORG),
        s.access.grants_of(an_id(1)),
        s.users.get(a_user(1).id),
        s.keys.newest(ORG),
        s.denied_tokens.between(b"", b"\xff", 10),
        s.audit.of_entity(ORG, an_id(1), 10),
    ]


async def test_a_failing_write_changes_nothing_anywhere(store: OpenStore) -> None:
    empty = await store.read(all_there_is)
    assert not any(empty)
    number = (await news(store)).number

    def fail(t: Transaction) -> None:
        everything(t)
        raise MindChanged

    with pytest.raises(MindChanged):
        await store.write(fail)
    assert await store.read(all_there_is) == empty
    assert (await news(store, number)).entities == []
    await store.write(everything)
    assert all(await store.read(all_there_is))


async def test_a_conflict_in_the_end_undoes_the_beginning(store: OpenStore) -> None:
    await store.write(lambda t: t.clients.add(a_client(1)))

    def conflict(t: Transaction) -> None:
        t.access.add_role(a_role(1))
        t.clients.add(a_client(2))
        t.clients.add(a_client(1))

    with pytest.raises(Conflict):
        await store.write(conflict)
    assert await names(store) == ["client 1"]
    assert await store.scan(lambda s: s.access.all_roles(ORG)) == []


async def test_failing_writes_do_not_hurt_their_neighbours(store: OpenStore) -> None:
    def work(number: int) -> Callable[[Transaction], int]:
        def add(t: Transaction) -> int:
            t.clients.add(a_client(number))
            if number % 3 == 1:
                raise MindChanged
            if number % 3 == 2:
                t.clients.add(a_client(number))
            return number

        return add

    results = await asyncio.gather(
        *(patiently(store, work(n)) for n in range(60)), return_exceptions=True
    )
    kinds = [0 if isinstance(r, int) else 1 if isinstance(r, MindChanged) else 2 for r in results]
    assert kinds == [0, 1, 2] * 20
    assert all(isinstance(r, Conflict) for r in results[2::3])
    assert results[::3] == list(range(0, 60, 3))
    assert await names(store) == [f"client {n}" for n in range(0, 60, 3)]


async def test_concurrent_writes_do_not_lose_each_others_changes(
    store: OpenStore, second_store: OpenStore
) -> None:
    await store.write(lambda t: t.clients.add(a_client(1, name="0")))

    def raise_by_one(t: Transaction) -> None:
        client = t.clients.get_for_change(ORG, an_id(1))
        assert client is not None
        t.clients.replace(a_client(1, name=str(int(client.name) + 1)))

    writers = [patiently(s, raise_by_one) for _ in range(25) for s in (store, second_store)]
    await asyncio.gather(*writers)
    assert await names(store) == ["50"]


async def test_changes_are_numbered_in_the_order_of_commits(store: OpenStore) -> None:
    start = (await news(store)).number
    assert (await news(store, start)).entities == []
    await store.write(everything)
    await store.write(lambda t: t.clients.replace(a_client(1, name="new")))
    await store.write(lambda t: t.users.set_password(a_user(1).id, "digest"))
    await store.write(lambda t: t.access.replace_role(a_role(1, name="new")))
    await store.write(lambda t: t.clients.delete(a_client(1), 5))
    end, entities = await news(store, start + 1)
    assert end == start + 5
    assert entities == [
        ("client", an_id(1)),
        ("user", a_user(1).id),
        ("role", an_id(1001)),
        ("client", an_id(1)),
    ]
    assert await news(store, end) == (end, [])
    assert await news(store, end - 1) == (end, [("client", an_id(1))])


async def test_numbers_of_two_stores_grow_together_and_none_is_seen_late(
    store: OpenStore, second_store: OpenStore
) -> None:
    await store.write(put(*(a_client(n) for n in range(40))))
    number = (await news(store)).number
    seen: list[str] = []
    done = asyncio.Event()

    async def watch() -> None:
        nonlocal number
        while not done.is_set() or (await news(store, number)).number > number:
            newest, entities = await news(store, number)
            assert entities is not None
            assert (newest > number) == bool(entities)
            seen.extend(entity_id for _, entity_id in entities)
            number = newest
            await asyncio.sleep(0)

    def renaming(n: int) -> Callable[[Transaction], None]:
        return lambda t: t.clients.replace(a_client(n, name="new"))

    watcher = asyncio.create_task(watch())
    await asyncio.gather(*(patiently((store, second_store)[n % 2], renaming(n)) for n in range(40)))
    done.set()
    await watcher
    assert sorted(seen) == [an_id(n) for n in range(40)]


async def test_creating_needs_no_change_record(store: OpenStore) -> None:
    start = (await news(store)).number
    await store.write(lambda t: t.clients.add(a_client(1)))
    await store.write(lambda t: t.access.add_role(a_role(1)))
    await store.write(lambda t: t.users.add(a_user(1), None))
    await store.write(lambda t: t.audit.add(an_event(1)))

    def make_whole(t: Transaction) -> None:
        t.clients.add(a_client(2))
        t.clients.add_secret(a_secret(2, client=2))
        t.access.set_grants(ORG, an_id(2), SubjectKind.CLIENT, [Assignment("r", "*")], 1)

    await store.write(make_whole)
    assert await news(store, start) == (start, [])


async def test_setting_the_same_grants_again_is_no_change(store: OpenStore) -> None:
    def grant(t: Transaction) -> None:
        t.access.set_grants(ORG, an_id(1), SubjectKind.CLIENT, [Assignment("r", "*")], 1)

    await store.write(grant)
    start = (await news(store)).number
    await store.write(grant)
    assert (await news(store, start)).entities == []


async def test_the_feed_tells_of_every_change_of_either_store(
    store: OpenStore, second_store: OpenStore, clock: FakeClock, backend: Backend
) -> None:
    listener = Listener(store)
    await listener.catch_up()
    assert listener.everything == 1
    for number, writer in enumerate((store, second_store, store), 1):
        await writer.write(lambda t: t.clients.add_secret(a_secret(number, client=number)))
        clock.advance(backend.lag)
        await asyncio.sleep(0)
        assert ("client", an_id(number)) in await listener.catch_up() + listener.heard
        clock.advance(backend.lag)
        await asyncio.sleep(0)
        assert await listener.catch_up() == []
    assert listener.everything == 1


async def test_a_store_is_in_use_while_another_process_has_it_open(backend: Backend) -> None:
    assert not await backend.database.is_in_use()
    opened = await backend.open(FakeClock())
    await opened.read(lambda s: s.organizations.all())
    assert await backend.database.is_in_use()
    await opened.close()
    assert not await backend.database.is_in_use()
