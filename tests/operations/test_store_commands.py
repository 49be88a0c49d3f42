"""The commands of docs/operations.md that work on a store, as they stand, on either database."""

import json
import shlex
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operations.page import (
    BACK_UP_AGAIN,
    BACKUP,
    CHECK_TABLES,
    END_TOKENS,
    KEYS,
    LARGE_STORE,
    MAKE_LISTS,
    NEW_MASTER_KEY,
    RECOVERED,
    RESTORE,
    RESTORE_AGAIN,
    REWRAP,
    REWRAP_AT_ONCE,
    TELL_REVISION,
    UPGRADE_TABLES,
    commands,
)
from tests.support.stores import STORES, NamedStore

NAME = "Example Ltd"
"""The page's organisation."""
FEW = "300"


@pytest.fixture(scope="module", params=sorted(STORES))
def kind(request: pytest.FixtureRequest) -> str:
    """Of the database."""
    return str(request.param)


@pytest.fixture(scope="module")
def store(kind: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NamedStore]:
    """A store that is set up; each test goes on with what the one before has left."""
    with STORES[kind](tmp_path_factory.mktemp("operations") / "store") as made:
        made.good("init", "--name", NAME)
        yield made


def run(store: NamedStore, command: str, *more: str, **environment: str) -> str:
    """Run a command of the page, which must end well; what it prints."""
    program, *arguments = shlex.split(command)
    assert program == "grantory"
    return store.good(*arguments, *more, environment=environment)


def keys(store: NamedStore) -> list[str]:
    """The ids of all token keys."""
    return [key["id"] for key in json.loads(store.good("keys", "list", "--json"))]


def test_a_backup_is_checked_and_restored(store: NamedStore, kind: str, tmp_path: Path) -> None:
    write, check = commands(BACKUP)
    run(store, write)
    file = store.folder / "store.backup"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in store.folder.glob("*.partial")] == []
    assert run(store, check)
    backed_up = keys(store)

    into_empty, replacing = commands(RESTORE)
    with STORES[kind](tmp_path / "other") as other:
        other.data.mkdir(mode=0o700)
        shutil.copy(store.master_key, other.master_key)
        shutil.copy(file, other.folder)
        run(other, into_empty)
        run(other, CHECK_TABLES)
        assert keys(other) != backed_up
    run(store, replacing)
    restored = keys(store)
    assert not {*restored} & {*backed_up}

    [recovered] = commands(RECOVERED)
    assert "All access tokens have ended" in run(store, recovered)
    assert not {*keys(store)} & {*restored}


def test_keys_are_listed_and_rotated(store: NamedStore) -> None:
    first = keys(store)
    show, rotate, rotate_one = commands(KEYS)
    assert first[0] in run(store, show)
    run(store, rotate)
    run(store, rotate_one)
    assert len(keys(store)) == len(first) + 2
    assert {*first} < {*keys(store)}
    for command in commands(END_TOKENS):
        before = keys(store)
        run(store, command)
        assert len(keys(store)) == 1
        assert not {*keys(store)} & {*before}


def test_the_master_key_is_replaced(store: NamedStore) -> None:
    old = store.master_key.read_text()
    earlier, later = "earlier.backup", "later.backup"
    run(store, BACK_UP_AGAIN, earlier)
    run(store, REWRAP)
    assert store.master_key.read_text().endswith(old)
    run(store, REWRAP)
    assert old not in store.master_key.read_text()
    run(store, BACK_UP_AGAIN, later)

    # What the page says of a backup from before.
    with store.master_key.open("a") as file:
        file.write(old)
    run(store, RESTORE_AGAIN, "--replace", earlier)
    run(store, REWRAP)
    assert old not in store.master_key.read_text()
    run(store, RESTORE_AGAIN, "--replace", later)

    present = store.master_key.read_text()
    run(store, REWRAP_AT_ONCE)
    assert present not in store.master_key.read_text()


def test_the_tables_are_looked_at(store: NamedStore) -> None:
    assert run(store, TELL_REVISION)[:2].isdigit()
    run(store, UPGRADE_TABLES)
    run(store, CHECK_TABLES)
    run(store, MAKE_LISTS)


def test_the_master_key_of_a_variable_is_replaced(store: NamedStore) -> None:
    old = store.master_key.read_text().strip()
    store.master_key.unlink()  # the last test of a store: no command finds its key after it
    made = subprocess.run(
        ["sh", "-c", NEW_MASTER_KEY], capture_output=True, text=True, check=True
    ).stdout.strip()
    run(store, REWRAP, GRANTORY_MASTER_KEY=f"{made},{old}")
    assert "signing" in run(store, commands(KEYS)[0], GRANTORY_MASTER_KEY=made)
    store.refused("keys", "list", said="master key", environment={"GRANTORY_MASTER_KEY": old})


def test_a_large_store_is_made_to_be_thrown_away(tmp_path: Path) -> None:
    with STORES["sqlite"](tmp_path / "store") as store:
        init, seed = commands(LARGE_STORE)
        run(store, init)
        assert "1000000" in seed
        assert f"{FEW} more clients" in run(store, seed.replace("1000000", FEW))
        assert (store.folder / "large" / "grantory.db").exists()
        assert not store.data.exists()
