"""PostgreSQL that fails in the middle: what is run again, what is not, and how long it takes."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, cast

import asyncpg
import pytest
from sqlalchemy.util import await_only

from grantory.domain.access import Role
from grantory.errors import Conflict, OutcomeUnknown, StorageUnavailable
from grantory.ports.storage import Transaction
from grantory.storage.postgres.address import read_address
from grantory.storage.postgres.connection import STATEMENT_SECONDS, Connector
from grantory.storage.postgres.database import PostgresDatabase
from grantory.storage.postgres.store import (
    ACQUIRE_SECONDS,
    LEAST_CHANGES,
    MOST_CHANGES,
    MOST_TRIES,
    PostgresStore,
)
from grantory.storage.room import LONGEST_WAIT, Room
from grantory.storage.sql.access import HOLD_ROLE
from grantory.storage.sql.statement import SqlExecutor
from grantory.storage.sql.transaction import SqlTransaction
from tests.support.databases import fresh_postgres
from tests.support.entities import ORG, a_client, a_role, an_id, clients_of, put
from tests.support.postgres_locks import until_waiting
from tests.support.runtime import FakeClock

SLACK = 4.0
"""Seconds by which a slow machine may be late."""

Work = Callable[[Transaction], object]


@pytest.fixture
def url() -> Iterator[str]:
    with fresh_postgres() as made:
        yield made


@pytest.fixture
async def store(url: str) -> AsyncIterator[PostgresStore]:
    opened = await PostgresStore.open(Connector(read_address(url)), FakeClock(), 1)
    yield opened
    await opened.close()


@pytest.fixture
async def other(url: str) -> AsyncIterator["asyncpg.Connection[Any]"]:
    """Another session of the same database."""
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


class Plain:
    """A statement that is none of the store's own."""

    def __init__(self, sql: str) -> None:
        self._sql = sql

    def for_postgres(self, params: dict[str, Any]) -> tuple[str, list[Any]]:
        return self._sql, list(params.values())


def sql_of(t: Transaction) -> SqlExecutor:
    return cast(SqlTransaction, t)._sql


def run(t: Transaction, sql: str) -> list[Any]:
    return sql_of(t).all(cast(Any, Plain(sql)))


async def names(store: PostgresStore) -> list[str]:
    return [c.name for c in await store.read(clients_of)]


@asynccontextmanager
async def takes(least: float, most: float) -> AsyncIterator[None]:
    began = time.monotonic()
    yield
    assert least <= time.monotonic() - began <= most


def failing(times: int, sql: str, runs: list[int]) -> Work:
    """Adds a client, then runs what fails, the first so many times."""

    def work(t: Transaction) -> int:
        runs.append(1)
        t.clients.add(a_client(1))
        if len(runs) <= times:
            run(t, sql)
        return len(runs)

    return work


def raising(state: str) -> str:
    return f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$"


KILL = "SELECT pg_terminate_backend(pg_backend_pid())"


@pytest.mark.parametrize("sql", [raising("40001"), raising("40P01"), KILL])
async def test_what_fails_before_its_commit_is_run_again_and_done_once(
    store: PostgresStore, sql: str
) -> None:
    runs: list[int] = []
    assert await store.write(failing(2, sql, runs)) == 3
    assert await names(store) == ["client 1"]


async def test_a_table_that_was_altered_meanwhile_is_asked_anew(
    store: PostgresStore, other: "asyncpg.Connection[Any]"
) -> None:
    await store.write(put(a_client(1)))
    for _ in range(2):  # the second time with a statement that was prepared before
        assert await names(store) == ["client 1"]
    await other.execute("ALTER TABLE clients ALTER COLUMN description TYPE varchar(400)")
    assert await names(store) == ["client 1"]


@pytest.mark.parametrize("state", ["42501", "XX000"])
async def test_a_refusal_of_the_server_is_told_as_unavailable(
    store: PostgresStore, state: str
) -> None:
    with pytest.raises(StorageUnavailable):
        await store.write(failing(9, raising(state), []))
    assert await names(store) == []


@pytest.mark.parametrize("sql", [raising("40001"), KILL])
async def test_what_fails_again_and_again_is_given_up(store: PostgresStore, sql: str) -> None:
    runs: list[int] = []
    with pytest.raises(StorageUnavailable) as caught:
        await store.write(failing(100, sql, runs))
    assert caught.value.retry_after == 1
    assert len(runs) == MOST_TRIES
    assert await names(store) == []


def failing_at_once(sql: str, runs: list[int]) -> Work:
    def work(t: Transaction) -> None:
        runs.append(1)
        run(t, sql)

    return work


async def test_other_failures_are_not_run_again(store: PostgresStore) -> None:
    await store.write(lambda t: t.clients.add(a_client(1)))
    runs: list[int] = []
    with pytest.raises(asyncpg.DivisionByZeroError):
        await store.write(failing_at_once("SELECT 1 / 0", runs))
    with pytest.raises(Conflict):
        await store.write(failing(0, "", runs))
    assert len(runs) == 2
    assert await names(store) == ["client 1"]


async def test_two_that_wait_for_each_other_are_both_done(store: PostgresStore) -> None:
    await store.write(put(a_client(1, name="0"), a_client(2, name="0")))
    met = asyncio.Barrier(2)
    runs: list[int] = []

    def raising_both(first: int, second: int) -> Work:
        def work(t: Transaction) -> None:
            runs.append(first)
            for turn, number in enumerate((first, second)):
                client = t.clients.get_for_change(ORG, an_id(number))
                assert client is not None
                t.clients.replace(a_client(number, name=str(int(client.name) + 1)))
                if turn == 0 and len(runs) <= 2:
                    await_only(met.wait())

        return work

    await asyncio.gather(store.write(raising_both(1, 2)), store.write(raising_both(2, 1)))
    assert len(runs) > 2, "there was no deadlock"
    assert await names(store) == ["2", "2"]


AT_COMMIT = """
CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN {what}; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON clients DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION at_commit()
"""


async def adding_at_commit(
    store: PostgresStore, other: "asyncpg.Connection[Any]", what: str
) -> tuple[BaseException | None, int]:
    """What became of a client where this is done at its COMMIT, and how often it was tried."""
    await other.execute(AT_COMMIT.format(what=what))
    runs: list[int] = []

    def work(t: Transaction) -> None:
        runs.append(1)
        t.clients.add(a_client(1))

    async with takes(0, STATEMENT_SECONDS + SLACK):
        result = (await asyncio.gather(store.write(work), return_exceptions=True))[0]
    await other.execute("DROP TRIGGER late ON clients")  # when that transaction has ended
    return result, len(runs)


async def test_a_connection_lost_at_commit_is_not_tried_again(
    store: PostgresStore, other: "asyncpg.Connection[Any]"
) -> None:
    error, runs = await adding_at_commit(store, other, f"PERFORM {KILL[7:]}")
    assert isinstance(error, OutcomeUnknown)
    assert error.retry_after is None
    assert runs == 1
    await store.write(lambda t: t.clients.add(a_client(2)))
    assert await names(store) == ["client 2"]


async def test_a_commit_that_the_server_refuses_was_certainly_not_done(
    store: PostgresStore, other: "asyncpg.Connection[Any]"
) -> None:
    error, runs = await adding_at_commit(store, other, "RAISE SQLSTATE '40001'")
    assert isinstance(error, StorageUnavailable)
    assert runs == 1
    assert await names(store) == []


@pytest.mark.slow
async def test_a_commit_that_takes_too_long_is_of_unknown_outcome(
    store: PostgresStore, other: "asyncpg.Connection[Any]"
) -> None:
    seconds = STATEMENT_SECONDS + SLACK + 1
    error, runs = await adding_at_commit(store, other, f"PERFORM pg_sleep({seconds})")
    assert isinstance(error, OutcomeUnknown)
    assert runs == 1
    assert await names(store) == ["client 1"]  # it was: saying otherwise would have been wrong


@pytest.mark.slow
async def test_whoever_waits_for_a_lock_is_answered_in_time(
    store: PostgresStore, other: "asyncpg.Connection[Any]"
) -> None:
    await store.write(lambda t: t.clients.add(a_client(1)))
    holding = other.transaction()
    await holding.start()
    await other.execute("SELECT 1 FROM clients FOR UPDATE")
    async with takes(STATEMENT_SECONDS - 0.5, STATEMENT_SECONDS + SLACK):
        with pytest.raises(StorageUnavailable):
            await store.write(lambda t: t.clients.replace(a_client(1, name="new")))
    assert await names(store) == ["client 1"]  # who only reads does not wait
    await holding.rollback()
    await store.write(lambda t: t.clients.replace(a_client(1, name="new")))
    assert await names(store) == ["new"]


@pytest.mark.slow
async def test_whoever_finds_no_connection_is_answered_in_time(
    store: PostgresStore, other: "asyncpg.Connection[Any]"
) -> None:
    await store.write(lambda t: t.clients.add(a_client(1)))
    held = [await store._pool.acquire() for _ in range(store._pool.get_max_size())]
    async with takes(0, ACQUIRE_SECONDS + SLACK):
        with pytest.raises(StorageUnavailable) as caught:
            await store.write(lambda t: t.clients.add(a_client(2)))
    assert "connection" in caught.value.detail
    for connection in held:
        await store._pool.release(connection)
    await store.write(lambda t: t.clients.add(a_client(3)))
    assert await names(store) == ["client 1", "client 3"]


async def test_however_slow_changes_are_a_few_go_on_side_by_side(store: PostgresStore) -> None:
    for _ in range(MOST_CHANGES):
        store._room.leave(store._room.enter() - 1.0)
        store._room.leave(store._room.enter() - 2 * LONGEST_WAIT)
    assert store.room() == LEAST_CHANGES
    met = asyncio.Barrier(LEAST_CHANGES)

    def work(_: Transaction) -> None:
        await_only(met.wait())

    async with asyncio.timeout(SLACK):
        await asyncio.gather(*(store.write(work) for _ in range(LEAST_CHANGES)))


async def test_first_come_is_first_served(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pool itself lets whoever asks just when one is given back pass before all who wait."""
    store._room = Room(100, 100)
    gate, end = asyncio.Event(), asyncio.Event()
    most = store._pool.get_max_size()
    order: list[str] = []
    newcomers: list[asyncio.Task[None]] = []

    def hold(until: asyncio.Event) -> Callable[[Transaction], object]:
        return lambda _: await_only(until.wait())

    def come(name: str) -> asyncio.Task[None]:
        return asyncio.create_task(store.write(lambda _: order.append(name)))

    give_back = store._pool._queue.put_nowait

    def while_one_comes(connection: object) -> None:
        if len(newcomers) < 5:
            newcomers.append(come("came"))
        give_back(connection)

    async with asyncio.timeout(SLACK):
        # All but one are held until the end: whoever is lent that one has it alone, so that
        # the order of the work is the order of lending, whatever the database answers first.
        held = [
            asyncio.create_task(store.write(hold(until))) for until in [gate, *[end] * (most - 1)]
        ]
        await asyncio.sleep(0)
        waiting = [come("waited") for _ in range(5)]
        await asyncio.sleep(0)
        monkeypatch.setattr(store._pool._queue, "put_nowait", while_one_comes)
        gate.set()
        await asyncio.gather(held[0], *waiting)
        await asyncio.gather(*newcomers)
        end.set()
        await asyncio.gather(*held)
    assert order == ["waited"] * 5 + ["came"] * 5


async def test_a_change_that_is_tried_again_keeps_its_place(store: PostgresStore) -> None:
    go_on = asyncio.Event()
    tried: list[str] = []

    def contended(_: Transaction) -> None:
        tried.append("again" if tried else "once")
        if len(tried) == 1:
            raise asyncpg.SerializationError("could not serialize access")

    async with asyncio.timeout(SLACK):
        held = [
            asyncio.create_task(store.write(lambda _: await_only(go_on.wait())))
            for _ in range(store._pool.get_max_size() - 1)
        ]
        await asyncio.sleep(0)
        trying = asyncio.create_task(store.write(contended))
        waiting = [
            asyncio.create_task(store.write(lambda _: await_only(go_on.wait())))
            for _ in range(store.room() - 1)
        ]
        await asyncio.sleep(0)
        assert store.room() == 0
        while len(tried) < 2:
            await asyncio.sleep(0.005)
            go_on.set()
        await asyncio.gather(trying, *held, *waiting)
    assert tried == ["once", "again"]


async def test_whoever_gives_up_leaves_no_place_taken(store: PostgresStore) -> None:
    store._room = Room(100, 100)
    most = store._pool.get_max_size()

    async def all_at_once() -> None:
        met = asyncio.Barrier(most)
        works = (store.write(lambda _: await_only(met.wait())) for _ in range(most))
        async with asyncio.timeout(SLACK):
            await asyncio.gather(*works)

    await all_at_once()
    go_on = asyncio.Event()
    for patience in range(12):  # turns of the event loop
        held = [
            asyncio.create_task(store.write(lambda _: await_only(go_on.wait())))
            for _ in range(most + 2)
        ]
        for _ in range(patience):
            await asyncio.sleep(0)
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)
    await all_at_once()
    assert store.room() == int(store._room._size)


async def test_more_than_fit_are_refused_at_once(store: PostgresStore) -> None:
    go_on = asyncio.Event()

    def work(_: Transaction) -> None:
        await_only(go_on.wait())

    under_way = [asyncio.create_task(store.write(work)) for _ in range(MOST_CHANGES)]
    await asyncio.sleep(0)
    assert store.room() == 0
    with pytest.raises(StorageUnavailable) as caught:
        await store.write(work)
    assert "too many" in caught.value.detail
    go_on.set()
    await asyncio.gather(*under_way)
    assert store.room() > 0


async def test_who_narrows_a_role_is_not_overtaken_by_those_who_only_look(
    store: PostgresStore, other: "asyncpg.Connection[Any]"
) -> None:
    """``FOR SHARE`` alone lets every newcomer in before whoever waits to change the row."""
    role = a_role(1)
    await store.write(put(role))
    looking = other.transaction()
    await looking.start()
    sql, values = HOLD_ROLE.for_postgres({"id": role.id, "organization_id": ORG})
    await other.fetch(sql, *values)
    order: list[str] = []

    async def narrow() -> None:
        await store.write(lambda t: t.access.replace_role(_found(t.access.lock_role(ORG, role.id))))
        order.append("narrowed")

    async def look() -> None:
        await store.write(lambda t: t.access.hold_role(ORG, role.id))
        order.append("looked")

    narrowing = asyncio.create_task(narrow())
    await until_waiting(other, 1)
    looks = asyncio.create_task(look())
    await until_waiting(other, 2)
    assert not order
    await looking.commit()
    await asyncio.gather(narrowing, looks)
    assert order == ["narrowed", "looked"]


def _found(role: Role | None) -> Role:
    assert role is not None
    return role


async def test_a_command_may_take_longer_than_a_request(url: str) -> None:
    database = PostgresDatabase(url)

    def slow(transaction: Transaction) -> int:
        for number in range(5):
            sql = cast(SqlTransaction, transaction)._sql
            sql.all(cast(Any, Plain("SELECT pg_sleep(0.1)")))
            transaction.clients.add(a_client(number))
        return 5

    hurried = await database.open(FakeClock())
    hurried._seconds = 0.2
    with pytest.raises(StorageUnavailable):
        await hurried.write(slow)
    await hurried.close()
    patient = await database.open(FakeClock(), patient=True)
    assert await patient.write(slow) == 5
    await patient.close()
