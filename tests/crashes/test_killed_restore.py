"""A restore that is killed in its middle leaves the store that was there, whole."""

import json
import os
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

from tests.support.backups import lines_of, signed
from tests.support.postgres import shared_cluster
from tests.support.server import RunningServer
from tests.support.soak import rounds
from tests.support.stores import NamedStore

EVENTS = 30_000
"""So many audit events make a restore that takes about a second."""
CLIENTS = "/api/v2/oauth/clients"


def enlarged(backup: bytes) -> bytes:
    """The same backup with many more audit events."""
    lines = lines_of(backup)
    at = next(n for n, line in enumerate(lines) if line.startswith(b'{"table":"audit_events"')) + 1
    event = json.loads(lines[at])
    more = [json.dumps([1_000_000 + n, *event[1:]]).encode() + b"\n" for n in range(EVENTS)]
    return signed([*lines[:at], *more, *lines[at:]])


def start_restore(store: NamedStore) -> "subprocess.Popen[bytes]":
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GRANTORY_")}
    return subprocess.Popen(
        [sys.executable, "-m", "grantory", "restore", "--replace", "large.backup"],
        cwd=store.folder,
        env={**environment, **store.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def is_under_way(store: NamedStore) -> bool:
    """Whether a restore has begun to replace rows, and has not kept them yet."""
    url = store.environment.get("GRANTORY_DATABASE_URL")
    if url is None:
        log = store.data / "grantory.db-wal"
        return log.exists() and log.stat().st_size > 500_000
    held = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
    return int(shared_cluster().psql(held, urlsplit(url).path[1:])) > 0


def organizations(keys: str) -> set[str]:
    return {key["organization"]["name"] for key in json.loads(keys)}


def begin_anew(store: NamedStore) -> str:
    """A store with an organisation that no backup has; returns its keys."""
    store.good("restore", "--replace", "small.backup")
    store.good("org", "create", "Not in any backup", "--json")
    return store.good("keys", "list", "--json")


def kill_under_way(store: NamedStore) -> None:
    restoring = start_restore(store)
    while not (seen := is_under_way(store)) and restoring.poll() is None:
        time.sleep(0.002)
    restoring.kill()
    restoring.wait()
    assert seen


@pytest.mark.slow
@pytest.mark.timeout(rounds(120, 1200))
def test_a_killed_restore_changes_nothing(store: NamedStore) -> None:
    first = json.loads(store.good("init", "--json"))["client"]
    store.good("backup", "small.backup")
    small = (store.folder / "small.backup").read_bytes()
    (store.folder / "large.backup").write_bytes(enlarged(small))

    began = time.monotonic()
    assert start_restore(store).wait() == 0
    whole = time.monotonic() - began
    keys = begin_anew(store)

    moments = rounds(6, 60)
    under_way = 0
    for number in range(moments):
        restoring = start_restore(store)
        time.sleep(whole * (number + 1) / (moments + 1))
        seen = is_under_way(store)
        restoring.kill()
        restoring.wait()
        store.good("db", "check")
        found = store.good("keys", "list", "--json")
        if found != keys:  # it had been faster this time: then all of it is there
            assert organizations(found) == organizations(keys) - {"Not in any backup"}
            keys = begin_anew(store)
            break
        under_way += seen
    if not under_way:  # the machine has become so much faster since the time was taken
        kill_under_way(store)
        store.good("db", "check")
        assert store.good("keys", "list", "--json") == keys

    environment = {k: v for k, v in store.environment.items() if k != "GRANTORY_DATA_DIR"}
    with RunningServer(environment=environment, data_dir=store.data) as server:
        token = server.token(first["id"], first["secret"])
        assert server.call("GET", CLIENTS, token=token).status == 200
