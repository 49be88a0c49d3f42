"""The record of changes in a SQLite file, when its oldest part has been let go."""

from contextlib import closing
from pathlib import Path

import apsw

from grantory.storage.sqlite import schema
from grantory.storage.sqlite.store import SqliteStore
from tests.support.runtime import FakeClock


def test_who_is_behind_what_was_forgotten_must_forget_everything(tmp_path: Path) -> None:
    file = tmp_path / "grantory.db"
    schema.upgrade(file)
    with closing(apsw.Connection(str(file))) as connection:
        connection.execute("UPDATE change_counter SET number = 10, forgotten = 8")
        for number in (9, 10):
            connection.execute(
                "INSERT INTO changes VALUES (?, 'client', ?, 0)", (number, str(number))
            )
    store = SqliteStore(file, FakeClock())
    try:
        assert store.changes_since(-1) == (10, None)
        assert store.changes_since(7) == (10, None)
        assert store.changes_since(8) == (10, [("client", "9"), ("client", "10")])
        assert store.changes_since(9) == (10, [("client", "10")])
        assert store.changes_since(10) == (10, [])
    finally:
        store.close()
