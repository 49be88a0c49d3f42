"""PostgreSQL: what somebody else has locked is left out at once, or waited for."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import pytest

from grantory.ports.storage import Transaction
from grantory.storage.postgres.address import read_address
from grantory.storage.postgres.connection import Connector
from grantory.storage.postgres.store import PostgresStore
from tests.storage.contract.test_login_side import a_code, a_family, a_session, digest
from tests.support.databases import fresh_postgres
from tests.support.runtime import FakeClock

SECONDS = 10.0
"""Well below what a lock is waited for, and far more than an answer takes."""


@pytest.fixture
async def both() -> AsyncIterator[tuple[PostgresStore, "asyncpg.Connection[Any]"]]:
    """A store that holds two of each, and another session of the same database."""
    with fresh_postgres() as url:
        store = await PostgresStore.open(Connector(read_address(url)), FakeClock(), 1)
        other = await asyncpg.connect(url)

        def fill(t: Transaction) -> None:
            for number in (1, 2):
                t.logins.add(a_session(number), digest(number))
                t.codes.add(a_code(number))
                t.families.add(a_family(number))

        await store.write(fill)
        yield store, other
        await other.close()
        await store.close()


def held(t: Transaction, *, wait: bool) -> tuple[set[object], ...]:
    codes = t.codes.hold([digest(1), digest(2)], wait=wait)
    families = t.families.hold([a_family(1).id, a_family(2).id], wait=wait)
    return {*codes}, {*families}


async def test_what_is_locked_is_left_out_or_waited_for(
    both: tuple[PostgresStore, "asyncpg.Connection[Any]"],
) -> None:
    store, other = both
    locking = other.transaction()
    await locking.start()
    for table, column, key in (
        ("authorization_codes", "digest", digest(1)),
        ("token_families", "id", a_family(1).id),
        ("login_sessions", "id", a_session(1).id),
    ):
        await other.execute(f"SELECT 1 FROM {table} WHERE {column} = $1 FOR UPDATE", key)
    everything = {digest(1), digest(2)}, {a_family(1).id, a_family(2).id}
    async with asyncio.timeout(SECONDS):
        left = await store.write(lambda t: held(t, wait=False))
        assert left == ({digest(2)}, {a_family(2).id})
        sessions = [a_session(1).id, a_session(2).id]
        assert await store.write(lambda t: t.logins.hold_all(sessions)) == {a_session(2).id}
        waiting = asyncio.create_task(store.write(lambda t: held(t, wait=True)))
        sql = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        while await other.fetchval(sql) == 0:  # noqa: ASYNC110 - the server tells no event
            await asyncio.sleep(0.005)
        assert not waiting.done()
        await locking.rollback()
        assert await waiting == everything


async def test_sessions_may_be_held_by_several(
    both: tuple[PostgresStore, "asyncpg.Connection[Any]"],
) -> None:
    store, other = both
    holding = other.transaction()
    await holding.start()
    await other.execute("SELECT 1 FROM login_sessions FOR SHARE")
    async with asyncio.timeout(SECONDS):
        found = await store.write(lambda t: t.logins.hold_all([a_session(1).id]))
    assert found == {a_session(1).id}
    await holding.rollback()


async def test_two_nodes_at_the_same_families_rotate_each_once_at_a_time(
    both: tuple[PostgresStore, "asyncpg.Connection[Any]"],
) -> None:
    """In whatever order they name them: neither waits, so that there is no deadlock."""
    store, _ = both
    families = [a_family(number, generation=1) for number in range(10, 30)]
    await store.write(lambda t: t.families.add_all(families))
    ids = [family.id for family in families]
    rotated: list[str] = []

    def rotate(order: list[str]) -> Callable[[Transaction], list[str]]:
        def work(t: Transaction) -> list[str]:
            held = list(t.families.hold(order, wait=False))
            t.families.rotate(held, 5, 2**42)
            return held

        return work

    async with asyncio.timeout(SECONDS):
        for _ in range(10):
            orders = (ids, ids[::-1], ids[5:], ids[:15])
            done = await asyncio.gather(*(store.write(rotate(order)) for order in orders))
            rotated += [each for held in done for each in held]
    for each in ids:
        family = await store.read(lambda s, each=each: s.families.get(each))  # type: ignore[misc]
        assert family is not None
        assert family.generation == 1 + rotated.count(each)
    assert len(rotated) >= 10
