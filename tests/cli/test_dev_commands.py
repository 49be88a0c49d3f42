"""``grantory dev``, on either database."""

import asyncio
import json

from grantory.crypto.runtime import SystemClock
from grantory.ports.client_lists import ClientOrder
from grantory.ports.clients import ClientFilter
from grantory.ports.storage import Snapshot
from grantory.storage.database import find_database
from tests.support.stores import NamedStore


def lists(store: NamedStore, organization_id: str) -> tuple[int, int]:
    """How many clients are in a list, and how many are still to come."""

    def look(s: Snapshot) -> tuple[int, int]:
        read = s.client_lists
        _, total = read.page(organization_id, ClientFilter(), ClientOrder(), 0, 1)
        return total, read.behind(10_000)

    async def run() -> tuple[int, int]:
        url = store.environment.get("GRANTORY_DATABASE_URL", "")
        opened = await find_database(url, store.data / "grantory.db").open(SystemClock())
        try:
            return await opened.scan(look)
        finally:
            await opened.close()

    return asyncio.run(run())


def test_a_store_is_filled_with_clients(named_store: NamedStore) -> None:
    named_store.refused("dev", "seed", "--clients", "3", said="grantory init")
    named_store.good("init")
    said = named_store.good("dev", "seed", "--clients", "5003")
    assert said == "Grantory has 5003 more clients.\n"
    named_store.good("db", "check")
    named_store.good("org", "create", "Other", "--json")
    named_store.refused("dev", "seed", "--clients", "3", said="name the organisation")
    said = named_store.good("dev", "seed", "--clients", "3", "--organization", "Other")
    assert said == "Other has 3 more clients.\n"


def test_a_restored_store_has_its_lists(named_store: NamedStore) -> None:
    first = json.loads(named_store.good("init", "--json"))
    named_store.good("dev", "seed", "--clients", "300")
    backup = named_store.folder / "store.backup"
    named_store.good("backup", str(backup))
    named_store.good("restore", str(backup), "--replace")
    named_store.good("db", "check")
    assert lists(named_store, first["organization"]["id"]) == (301, 0)
