"""Inserts that wait for each other, and go to PostgreSQL in one statement."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from grantory.errors import Conflict
from grantory.ports.storage import Transaction
from grantory.storage.postgres.address import read_address
from grantory.storage.postgres.connection import Connector
from grantory.storage.postgres.executor import AsyncpgExecutor, joined
from grantory.storage.postgres.store import PostgresStore
from tests.support.databases import fresh_postgres
from tests.support.entities import ORG, a_client, a_secret, an_event, an_id
from tests.support.runtime import FakeClock


@pytest.fixture
async def store() -> AsyncIterator[PostgresStore]:
    with fresh_postgres() as url:
        opened = await PostgresStore.open(Connector(read_address(url)), FakeClock(), 1)
        yield opened
        await opened.close()


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What changes something on PostgreSQL from now on."""
    seen: list[str] = []
    execute = AsyncpgExecutor._execute

    def noted(self: AsyncpgExecutor, sql: str, values: list[Any]) -> int:
        seen.append(sql)
        return execute(self, sql, values)

    monkeypatch.setattr(AsyncpgExecutor, "_execute", noted)
    return seen


def test_parameters_are_numbered_on() -> None:
    inserts = ("INSERT INTO a VALUES ($2, $1)", "INSERT INTO b VALUES ($1)", "INSERT INTO c ($1)")
    assert joined(inserts) == (
        "WITH i0 AS (INSERT INTO a VALUES ($2, $1)), i1 AS (INSERT INTO b VALUES ($3)) "
        "INSERT INTO c ($4)"
    )
    assert joined(inserts[:1]) == inserts[0]


async def test_a_client_its_secret_and_its_event_go_in_one_statement(
    store: PostgresStore, statements: list[str]
) -> None:
    client = a_client(1, redirect_uris=("https://a.example/1",))

    def work(t: Transaction) -> None:
        t.clients.add(client)
        t.clients.add_secret(a_secret(1, client=1))
        t.audit.add(an_event(1))

    await store.write(work)
    assert len(statements) == 1
    assert await store.read(lambda s: s.clients.get(client.id)) == client
    assert len(await store.read(lambda s: s.clients.secrets_of(client.id))) == 1


async def test_what_waits_is_seen_by_the_next_statement(store: PostgresStore) -> None:
    def work(t: Transaction) -> list[object]:
        t.clients.add(a_client(1))
        return [t.clients.get(an_id(1)), t.clients.get(an_id(2))]

    assert await store.write(work) == [a_client(1), None]


async def test_rows_of_one_kind_are_numbered_in_order(
    store: PostgresStore, statements: list[str]
) -> None:
    def work(t: Transaction) -> None:
        for number in range(3):
            t.clients.add(a_client(number))
            t.audit.add(an_event(1, action=f"number {number}"))

    await store.write(work)
    assert len(statements) == 3
    events = await store.read(lambda s: s.audit.of_entity(ORG, an_id(1), 10))
    assert [event.action for event in events] == ["number 2", "number 1", "number 0"]


async def test_one_that_fails_leaves_nothing_of_the_others(store: PostgresStore) -> None:
    await store.write(lambda t: t.clients.add(a_client(2)))

    def work(t: Transaction) -> None:
        for number in (1, 2, 3):
            t.clients.add(a_client(number))

    with pytest.raises(Conflict):
        await store.write(work)
    found = await store.read(lambda s: s.clients.of_ids(ORG, [an_id(n) for n in (1, 2, 3)]))
    assert found == [a_client(2)]
