"""A server that runs writes down what it refused, and does so once more when it ends."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from grantory.crypto.runtime import SystemClock
from grantory.ports.storage import Snapshot
from grantory.storage.database import find_database
from tests.support.processes import wait_until
from tests.support.server import RunningServer
from tests.support.stores import STORES, NamedStore


@pytest.fixture(params=sorted(STORES))
def named_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NamedStore]:
    with STORES[request.param](tmp_path) as store:
        yield store


def total(store: NamedStore, organization_id: str) -> int:
    """How many refusals of an organisation were kept or counted, as another process sees it."""

    def look(s: Snapshot) -> int:
        counted = s.refusals.counted(organization_id, 0)
        return len(s.refusals.newest(organization_id, 1000)) + sum(counted.values())

    async def run() -> int:
        url = store.environment.get("GRANTORY_DATABASE_URL", "")
        opened = await find_database(url, store.data / "grantory.db").open(SystemClock())
        try:
            return await opened.read(look)
        finally:
            await opened.close()

    return asyncio.run(run())


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_server_refused_is_in_the_store_soon_and_at_its_end(
    named_store: NamedStore, workers: int
) -> None:
    with RunningServer(
        "--workers", str(workers), environment=named_store.environment, data_dir=named_store.data
    ) as server:
        organization_id = server.organization_id
        for _ in range(6):
            assert server.ask_token(server.client_id, "wrong").status == 401
        wait_until(lambda: total(named_store, organization_id) == 6, "the refusals to be written")
        for _ in range(7):
            assert server.ask_token(server.client_id, "wrong").status == 401
        server.stop()
        assert total(named_store, organization_id) == 13
        server.start()
        assert server.ask_token(server.client_id, "wrong").status == 401
        server.stop()
        assert total(named_store, organization_id) == 14
        assert "could not be recorded" not in server.log_text()
        assert "unexpected failure" not in server.log_text()
