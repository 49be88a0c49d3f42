"""``grantory dev``, on either database."""

import json

from tests.cli.conftest import FreshStore
from tests.support.stores import NamedStore


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


def test_seeded_clients_come_back_from_a_backup_with_their_lists(fresh_store: FreshStore) -> None:
    source, target = fresh_store(), fresh_store()
    first = json.loads(source.good("init", "--json"))
    source.good("dev", "seed", "--clients", "300")
    backup = source.folder / "store.backup"
    source.good("backup", str(backup))
    target.good("restore", str(backup))
    assert first["client"]["id"]
    target.good("db", "check")
