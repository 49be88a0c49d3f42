"""A server that runs cleans its store by itself."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import select

from grantory.crypto.runtime import SystemClock
from grantory.ports.storage import Transaction
from grantory.storage.change_feed import KEPT_MS, record_changes
from grantory.storage.database import find_database
from grantory.storage.sql.statement import Statement
from grantory.storage.sql.tables import changes, client_secrets
from grantory.storage.sql.transaction import SqlTransaction
from tests.support.entities import a_client, a_denied_token, a_key, a_secret, an_id, put
from tests.support.processes import wait_until
from tests.support.server import RunningServer
from tests.support.stores import STORES, NamedStore

T = TypeVar("T")
DAY_MS = 86_400_000
OLD = a_denied_token(1)
NEWER = a_denied_token(2, expires_at=4_000_000_000)
SPENT = a_key(1)
LONG_AGO = an_id(7)


@pytest.fixture(params=sorted(STORES))
def named_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NamedStore]:
    with STORES[request.param](tmp_path) as store:
        yield store


def change(store: NamedStore, work: Callable[[Transaction], T]) -> T:
    """Change the store from this process, as another node does."""

    async def run() -> T:
        url = store.environment.get("GRANTORY_DATABASE_URL", "")
        opened = await find_database(url, store.data / "grantory.db").open(SystemClock())
        try:
            return await opened.write(work)
        finally:
            await opened.close()

    return asyncio.run(run())


SECRETS = Statement(select(client_secrets.c.key_id))
CHANGED = Statement(select(changes.c.entity_id))


def left(transaction: Transaction) -> set[str]:
    """Which of the rows of ``what_is_due`` are still there."""
    assert isinstance(transaction, SqlTransaction)
    sql = transaction._sql
    rows = {str(row[0]) for statement in (SECRETS, CHANGED) for row in sql.all(statement)}
    found = rows & {a_secret(1).key_id, a_secret(2).key_id, LONG_AGO}
    for name, token in (("old token", OLD), ("newer token", NEWER)):
        if transaction.denied_tokens.contains(token.token_id):
            found.add(name)
    return found | ({"spent key"} if transaction.keys.get(SPENT.key_id) else set())


def what_is_due(transaction: Transaction) -> None:
    now = SystemClock().now_ms()
    spent = a_key(1, retired_at=1, expires_at=now - 2 * DAY_MS)
    put(a_client(1), a_secret(1), OLD, NEWER, spent)(transaction)
    transaction.clients.end_secrets(an_id(1), now - 31 * DAY_MS)
    put(a_secret(2))(transaction)
    assert isinstance(transaction, SqlTransaction)
    record_changes(transaction._sql, [("client", LONG_AGO)], now - KEPT_MS - 60_000)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_running_server_removes_what_is_due_and_nothing_else(
    named_store: NamedStore, workers: int
) -> None:
    with RunningServer(
        "--workers", str(workers), environment=named_store.environment, data_dir=named_store.data
    ) as server:
        revoked = server.token()
        assert server.call("DELETE", "/api/v2/tokens/me", token=revoked).status in (200, 204)
        server.stop()
        change(named_store, what_is_due)
        assert len(change(named_store, left)) == 6
        server.start()

        needed = {"newer token", a_secret(2).key_id}
        wait_until(lambda: change(named_store, left) <= needed, "the server to clean its store")
        assert change(named_store, left) == needed
        assert server.call("GET", "/api/v2/tokens/me", token=revoked).status == 401
        assert server.call("GET", "/api/v2/tokens/me").status == 200
        assert "unexpected failure" not in server.log_text()
        assert "nothing is removed" not in server.log_text()
