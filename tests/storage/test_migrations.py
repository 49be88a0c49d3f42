"""The schema's history: it ends where the tables are, once, whoever starts it."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import apsw
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from grantory.errors import SetupError
from grantory.storage.sql import migrations
from grantory.storage.sql.migrations import HEAD, upgrade_sql, written_sql
from grantory.storage.sql.tables import metadata
from grantory.storage.sqlite import schema

VERSIONS = Path(migrations.__file__).parent


def scheme(file: Path) -> list[tuple[str, str]]:
    with closing(apsw.Connection(str(file))) as connection:
        sql = "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"
        return [(str(name), str(text)) for name, text in connection.execute(sql)]


def plain_copy(file: Path, target: Path) -> Path:
    """A copy without the write-ahead log, for the standard library's SQLite to look at."""
    with closing(apsw.Connection(str(file))) as connection:
        connection.execute("VACUUM INTO ?", (str(target),))
    return target


def test_the_upgraded_schema_is_that_of_the_tables(tmp_path: Path) -> None:
    schema.upgrade(tmp_path / "grantory.db")
    copy = plain_copy(tmp_path / "grantory.db", tmp_path / "copy.db")
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(copy), poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_partial_indexes_and_keys_are_those_of_the_tables(tmp_path: Path) -> None:
    schema.upgrade(tmp_path / "upgraded.db")
    copy = plain_copy(tmp_path / "upgraded.db", tmp_path / "copy.db")
    created = tmp_path / "created.db"
    engine = create_engine(
        "sqlite://", creator=lambda: sqlite3.connect(created), poolclass=NullPool
    )
    metadata.create_all(engine)
    engine.dispose()

    def described(file: Path) -> dict[str, object]:
        with closing(sqlite3.connect(file)) as connection:
            tables = [
                name
                for (name,) in connection.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table'"
                    " AND name <> 'alembic_version'"
                )
            ]
            found: dict[str, object] = {}
            for table in tables:
                columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
                found[table] = sorted(
                    (name, kind, notnull, default, key)
                    for _, name, kind, notnull, default, key in columns
                )
                for _, index, unique, origin, partial in connection.execute(
                    f"PRAGMA index_list({table})"
                ).fetchall():
                    parts = connection.execute(f"PRAGMA index_info({index})").fetchall()
                    names = tuple(name for _, _, name in parts)
                    found[f"{table} {origin} {names}"] = (unique, partial)
            return found

    assert described(copy) == described(created)
    assert any("partial" not in key and value == (0, 1) for key, value in described(copy).items())


def test_the_head_is_that_of_the_scripts() -> None:
    scripts = ScriptDirectory(str(VERSIONS))
    assert scripts.get_heads() == [HEAD]
    assert scripts.get_bases() == ["0001"]


def test_upgrading_again_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "grantory.db"
    assert schema.revision(file) is None
    assert schema.upgrade(file) == (None, HEAD)
    assert schema.revision(file) == HEAD
    before = scheme(file)
    assert schema.upgrade(file) == (HEAD, HEAD)
    assert scheme(file) == before
    with closing(apsw.Connection(str(file))) as connection:
        counter = connection.execute("SELECT id, number, forgotten FROM change_counter").fetchall()
    assert counter == [(1, 0, 0)]


def test_an_upgrade_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "grantory.db"
    broken = upgrade_sql("sqlite", None) + "\nCREATE TABLE clients (x);"
    monkeypatch.setattr(schema, "upgrade_sql", lambda *_: broken)
    with pytest.raises(SetupError, match="cannot upgrade"):
        schema.upgrade(file)
    assert scheme(file) == []
    assert schema.revision(file) is None
    monkeypatch.undo()
    assert schema.upgrade(file) == (None, HEAD)


def test_a_file_of_a_newer_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "grantory.db"
    schema.upgrade(file)
    with closing(apsw.Connection(str(file))) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SetupError, match="newer"):
        schema.upgrade(file)
    assert schema.revision(file) == "9999"


def test_several_processes_at_once_upgrade_once(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from grantory.storage.sqlite import schema\n"
        "sys.stdin.readline(); print(schema.upgrade(Path(sys.argv[1]))[0])"
    )
    for attempt in range(3):
        file = tmp_path / f"{attempt}.db"
        started = [
            subprocess.Popen(
                [sys.executable, "-c", program, str(file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for _ in range(2)
        ]
        for process in started:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        said = [process.communicate(timeout=60)[0].strip() for process in started]
        assert [process.returncode for process in started] == [0, 0]
        assert sorted(said) == [HEAD, "None"]
        assert schema.integrity_problems(file) == []


def test_the_database_file_is_its_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "made" / "grantory.db"
    schema.upgrade(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_conditions_of_indexes_are_those_of_the_tables(dialect: str) -> None:
    found = re.findall(
        r"CREATE (?:UNIQUE )?INDEX (\w+) [^;]* WHERE ([^;]+);", upgrade_sql(dialect, None)
    )
    listed = {
        str(index.name): str(index.dialect_options["sqlite"]["where"])
        for table in metadata.tables.values()
        for index in table.indexes
        if index.dialect_options["sqlite"]["where"] is not None
    }
    assert dict(found) == listed


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_sql_is_written_for_every_database(dialect: str) -> None:
    sql = upgrade_sql(dialect, None)
    assert sql == written_sql(dialect, None), "make schema writes it anew"
    created = set(re.findall(r"CREATE TABLE (\w+)", sql))
    assert created == {*metadata.tables, "alembic_version"}
    assert f"'{HEAD}'" in sql
    assert "WHERE deleted_at IS NULL" in sql
    assert ":" not in re.sub(r"'[^']*'", "", sql), "a parameter was left unbound"
    kinds = {"sqlite": ("BLOB", "BYTEA"), "postgresql": ("BYTEA", "BLOB")}[dialect]
    assert kinds[0] in sql
    assert kinds[1] not in sql


def test_nothing_is_written_for_a_store_that_is_at_the_head() -> None:
    assert "CREATE TABLE" not in upgrade_sql("sqlite", HEAD)
