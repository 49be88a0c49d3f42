"""A SQLite file that another process has open, or has alone."""

from contextlib import closing
from pathlib import Path

import pytest

from grantory.storage.sqlite import schema
from grantory.storage.sqlite.connection import connect


def test_a_file_that_somebody_has_alone_is_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "grantory.db"
    schema.upgrade(file)
    monkeypatch.setattr(schema, "WRITER_WAIT_MS", 10)
    with closing(connect(file, 10)) as other:
        # So is the file locked while whoever closes it last takes its log away.
        other.execute("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE").fetchall()
        assert schema.is_in_use(file)
        other.execute("ROLLBACK")
    assert not schema.is_in_use(file)
