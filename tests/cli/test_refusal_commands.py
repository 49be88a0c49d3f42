"""``grantory refusals``, on either database."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grantory.crypto.runtime import SystemClock
from grantory.ports.storage import Transaction
from grantory.storage.database import find_database
from tests.support.command import quick_command
from tests.support.entities import a_counter, a_refusal, an_id
from tests.support.stores import NamedStore

HOUR_MS = 3_600_000


def write(store: NamedStore, work: Callable[[Transaction], None]) -> None:
    async def run() -> None:
        url = store.environment.get("GRANTORY_DATABASE_URL", "")
        opened = await find_database(url, store.data / "grantory.db").open(SystemClock())
        try:
            await opened.write(work)
        finally:
            await opened.close()

    asyncio.run(run())


def organization(store: NamedStore, *arguments: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(store.good(*arguments, "--json"))["organization"]
    return found


def listed(store: NamedStore, *arguments: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads(
        store.good("refusals", "--json", *arguments)
    )
    return found


def test_a_store_without_refusals_says_so(named_store: NamedStore) -> None:
    named_store.refused("refusals", said="grantory init")
    organization(named_store, "init")
    assert named_store.good("refusals") == "The store holds no refused token requests.\n"
    assert listed(named_store) == {"kept": [], "counted": []}


def test_refusals_are_shown_newest_first(named_store: NamedStore) -> None:
    first = organization(named_store, "init", "--name", "First [bold]Ltd")
    second = organization(named_store, "org", "create", "Second")
    mine, others = first["id"], second["id"]

    def work(t: Transaction) -> None:
        for number in (1, 2):
            t.refusals.add(a_refusal(number, organization_id=mine))
        odd = a_refusal(HOUR_MS + 1007, 2, reason="of_the_future", organization_id=others)
        t.refusals.add(odd)
        t.refusals.add_counter(a_counter(1, organization_id=mine), 7)
        t.refusals.add_counter(a_counter(0, client_id="", organization_id=others), 9)
        nobody = a_counter(1, organization_id="", client_id="", reason="unknown_client")
        t.refusals.add_counter(nobody, 2**40)

    write(named_store, work)
    found = listed(named_store)
    assert found["kept"][0] == {
        "at": "1970-01-01T01:00:01.007Z",
        "organization": second,
        "client": an_id(2),
        "error": "invalid_client",
        "reason": "of_the_future",
        "address": "192.0.2.1",
        "correlationId": an_id(500_000 + HOUR_MS + 1007),
    }
    assert [row["at"][-4:] for row in found["kept"]] == ["007Z", "002Z", "001Z"]
    hour = "1970-01-01T01:00:00.000Z"
    unknown, wrong, rest = found["counted"]
    nobody = {"hour": hour, "organization": None, "client": None, "reason": "unknown_client"}
    assert unknown == {**nobody, "number": 2**40}
    client = {"organization": first, "client": an_id(1)}
    assert wrong == {"hour": hour, **client, "reason": "wrong_secret", "number": 7}
    assert (rest["organization"], rest["client"], rest["number"]) == (second, None, 9)

    text = named_store.good("refusals")
    for words in (first["name"], "Second", "of_the_future", "unknown_client", f" {2**40}"):
        assert words in text
    assert text.index(an_id(500_000 + HOUR_MS + 1007)) < text.index(an_id(500_002))

    for name in (second["id"], "Second"):
        of_second = listed(named_store, "--organization", name)
        assert of_second == {"kept": found["kept"][:1], "counted": [rest]}
    assert listed(named_store, "--limit", "1") == {"kept": found["kept"][:1], "counted": [unknown]}
    named_store.refused("refusals", "--organization", "Nobody", said="--org")


def test_the_limit_has_bounds(tmp_path: Path) -> None:
    for limit in ("0", "10001", "many"):
        done = quick_command("refusals", "--limit", limit, environment={}, folder=tmp_path)
        assert done.returncode == 2
        assert "--limit" in done.stderr
    assert list(tmp_path.iterdir()) == []
