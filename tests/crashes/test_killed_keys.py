"""Commands on keys that are killed midway: all keys are the old ones or new, and open."""

import asyncio
import json
import os
import random
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import apsw
import pytest

from grantory.domain.token import SealedKey, key_context
from grantory.master_key_file import MasterKeyFile
from grantory.node import Node, check_master_key, open_node
from grantory.ports.storage import Transaction
from grantory.settings import Settings
from tests.crashes.request import TOKEN
from tests.crashes.test_killed_workers import QUIET
from tests.support.entities import an_id, an_organization
from tests.support.postgres import shared_cluster
from tests.support.postgres_process import wait_for
from tests.support.server import RunningServer
from tests.support.soak import rounds, rounds_until, soaking
from tests.support.stores import NamedStore

ORGANIZATIONS = {True: 500, False: 3000}
"""So many make a change of keys that takes some tenths of a second: on PostgreSQL, or not."""
AT_ONCE = 250
LATEST = 0.3 if soaking() else 0.05
"""Seconds for which a command may go on that was seen to change keys."""
IN_USE = "has the store open"
HOLDING = """
    SELECT count(*) FROM pg_locks JOIN pg_class ON pg_class.oid = relation
    WHERE relname = 'keys' AND mode = 'RowExclusiveLock'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class Keys:
    """The keys of a store with many organisations, and commands on them that are killed."""

    def __init__(self, store: NamedStore) -> None:
        self.store = store
        self._url = store.environment.get("GRANTORY_DATABASE_URL", "")
        self._settings = Settings(data_dir=store.data, database_url=self._url)
        self._client = json.loads(store.good("init", "--json"))["client"]
        asyncio.run(self._found())

    async def _found(self) -> None:
        node = await open_node(self._settings)
        numbers = range(10, 10 + ORGANIZATIONS[bool(self._url)])
        for first in numbers[::AT_ONCE]:
            await node.store.write(lambda t: _add(node, t, first))
        await node.close()

    def token(self, server: RunningServer) -> str:
        """A new token of the first organisation."""
        return server.token(self._client["id"], self._client["secret"])

    def found(self) -> dict[bytes, SealedKey]:
        """All keys; each is opened, by the master key whose file is there."""
        return asyncio.run(self._opened())

    async def _opened(self) -> dict[bytes, SealedKey]:
        node = await open_node(self._settings)
        try:
            assert await check_master_key(node)
            keys = await node.store.scan(lambda snapshot: snapshot.keys.all())
            for key in keys:
                node.master_key.open(key.sealed, key_context(key.key_id, key.organization_id))
        finally:
            await node.close()
        assert len({key.organization_id for key in keys}) == len(keys) > AT_ONCE
        return {key.key_id: key for key in keys}

    def kill_midway(self, draw: random.Random, *arguments: str) -> bool:
        """Run a command and kill it while it changes keys; whether it was seen to do so."""
        process = self._start(*arguments)
        while process.poll() is None and not self._is_changing():
            time.sleep(0.001)
        seen = process.poll() is None
        time.sleep(draw.uniform(0, LATEST))
        process.kill()
        if process.wait() == 1 and IN_USE in self._said():
            # With --at-once it asks whether anybody has the file open: looking at it, we had.
            return self.kill_midway(draw, *arguments)
        self._kill(process)
        return seen

    def kill_any_time(self, draw: random.Random, seconds: float, *arguments: str) -> None:
        """Run a command and kill it at any moment."""
        process = self._start(*arguments)
        time.sleep(draw.uniform(0, seconds))
        self._kill(process)

    def _start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        kept = {k: v for k, v in os.environ.items() if not k.startswith("GRANTORY_")}
        with self._words.open("wb") as words:
            return subprocess.Popen(
                [sys.executable, "-m", "grantory", "keys", *arguments],
                cwd=self.store.folder,
                env={**kept, **self.store.environment},
                stdout=subprocess.DEVNULL,
                stderr=words,
            )

    @property
    def _words(self) -> Path:
        return self.store.folder / "words"

    def _said(self) -> str:
        return " ".join(self._words.read_text("utf-8").split())

    def _kill(self, process: "subprocess.Popen[bytes]") -> None:
        process.kill()
        assert process.wait() in (0, -9), self._said()
        # PostgreSQL finishes what it had been asked to do.
        wait_for(lambda: not self._is_changing(), "the end of the command's transaction")

    def _is_changing(self) -> bool:
        if self._url:
            return shared_cluster().psql(HOLDING, urlsplit(self._url).path[1:]) != "0"
        with closing(apsw.Connection(str(self.store.data / "grantory.db"))) as other:
            try:
                other.execute("BEGIN IMMEDIATE; ROLLBACK")
            except apsw.BusyError:
                return True
        return False


def _add(node: Node, transaction: Transaction, first: int) -> None:
    for number in range(first, first + AT_ONCE):
        transaction.organizations.add(an_organization(number))
        node.keys.add_first(transaction, an_id(900_000 + number))


def server_on(store: NamedStore) -> RunningServer:
    """A server on a store."""
    named = {k: v for k, v in store.environment.items() if k != "GRANTORY_DATA_DIR"}
    return RunningServer(environment={**named, **QUIET}, data_dir=store.data)


@pytest.mark.slow
@pytest.mark.timeout(rounds(120, 3600))
def test_a_killed_rotation_has_ended_all_tokens_or_none(store: NamedStore) -> None:
    keys, undone = Keys(store), 0
    after = keys.found()
    with server_on(store) as server:
        for number in rounds_until(2, 60, lambda: undone):
            before, token = after, keys.token(server)
            assert server.call("GET", TOKEN, token=token).status == 200
            seen = keys.kill_midway(random.Random(number), "rotate", "--end-tokens")
            after = keys.found()
            if after == before:
                undone += seen
            else:
                assert len(after) == len(before)
                assert not after.keys() & before.keys(), "some of the keys only"
            time.sleep(store.lag)
            status = server.call("GET", TOKEN, token=token).status
            assert status == (200 if after == before else 401)
            assert server.call("GET", TOKEN, token=keys.token(server)).status == 200
    assert undone, "no command was killed in its middle"
    store.good("keys", "rotate", "--end-tokens")
    assert not keys.found().keys() & after.keys()


@pytest.mark.slow
@pytest.mark.timeout(rounds(120, 3600))
def test_a_killed_replacement_of_the_master_key_locks_nobody_out(store: NamedStore) -> None:
    keys, undone, whole = Keys(store), 0, 0.0
    file = MasterKeyFile(store.master_key)
    first = after = keys.found()
    with server_on(store) as server:
        token = keys.token(server)
        for number in rounds_until(2, 60, lambda: undone):
            server.stop()
            draw, before = random.Random(number), after
            began = time.monotonic()
            if number % 2:
                # Also while the file is written: before the rows are changed, and after it.
                keys.kill_any_time(draw, whole, "rewrap", "--at-once")
            else:
                seen = keys.kill_midway(draw, "rewrap", "--at-once")
                whole = 1.3 * (time.monotonic() - began)
                undone += seen and keys.found() == before
            after = keys.found()
            assert after.keys() == first.keys()
            changed = sum(after[one].sealed != before[one].sealed for one in after)
            assert changed in (0, len(after)), "some of the keys only"
            assert file.read().count in (1, 2)
            server.start()
            assert server.call("GET", TOKEN, token=token).status == 200
            assert server.call("GET", TOKEN, token=keys.token(server)).status == 200
    assert undone, "no command was killed in its middle"
    store.good("keys", "rewrap", "--at-once")
    assert file.read().count == 1
    assert keys.found().keys() == first.keys()
    assert not list(store.data.glob("*.new"))
