"""Backup and restore: all of it comes back, or nothing is kept."""

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import asyncpg
import msgspec
import pytest
from sqlalchemy import select

from grantory.errors import SetupError
from grantory.storage.change_feed import COUNTER_STEP
from grantory.storage.sql import dump_file
from grantory.storage.sql.dump import after_restore_sql, check, dump
from grantory.storage.sql.migrations import HEAD, known_revisions, upgrade_sql
from grantory.storage.sql.statement import Row, SqlExecutor, Statement
from grantory.storage.sql.tables import change_counter, changes
from grantory.storage.sql.transaction import SqlTransaction
from tests.support.backups import (
    DATABASES,
    NOW,
    Database,
    a_sqlite_file,
    backup_of,
    fill,
    lines_of,
    packed,
    put_back,
    refused,
    rows,
    signed,
)
from tests.support.entities import a_client, a_user, an_event, put
from tests.support.soak import soaking


@pytest.fixture(params=sorted(DATABASES))
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with DATABASES[request.param](tmp_path / "source.db") as made:
        yield made


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Database]:
    """A source where its kind has no bearing."""
    with a_sqlite_file(tmp_path / "origin.db") as made:
        yield made


@pytest.fixture(params=sorted(DATABASES))
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with DATABASES[request.param](tmp_path / "target.db") as made:
        yield made


@pytest.fixture(scope="module", params=sorted(DATABASES))
def empty(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    """A target that stays as it was made, for tests that put nothing into it."""
    with DATABASES[request.param](tmp_path_factory.mktemp("empty") / "target.db") as made:
        yield made


def without_counter(found: dict[str, list[Row]]) -> dict[str, list[Row]]:
    return {name: held for name, held in found.items() if name != change_counter.name}


def test_everything_comes_back(source: Database, target: Database) -> None:
    fill(source)
    backup = backup_of(source)
    put_back(target, backup)
    assert without_counter(rows(target)) == without_counter(rows(source))

    checked = check(io.BytesIO(backup))
    assert checked.rows == {name: len(held) for name, held in rows(source).items()}
    assert checked.header.revision == HEAD
    assert checked.header.created_at == "2027-01-15T08:00:00Z"
    assert checked.header.grantory == "1.2.3"


def test_a_restored_store_gives_the_same_backup(source: Database, target: Database) -> None:
    fill(source)
    put_back(target, backup_of(source))

    def but_numbers(backup: bytes) -> list[bytes]:
        lines = lines_of(backup)[:-1]
        at = next(
            n for n, line in enumerate(lines) if line.startswith(b'{"table":"change_counter"')
        )
        return lines[: at + 1] + lines[at + 2 :]

    assert but_numbers(backup_of(target)) == but_numbers(backup_of(source))


@pytest.mark.parametrize("count", [0, 999, 1000, 2000, 2500])
def test_tables_of_any_length_come_back(source: Database, target: Database, count: int) -> None:
    uri = "https://example.com/{}"
    clients = [
        a_client(n, redirect_uris=(uri.format(n), uri.format("same"))) for n in range(1, count + 1)
    ]
    source.within(lambda sql: put(*clients)(SqlTransaction(sql)))
    backup = backup_of(source)
    assert check(io.BytesIO(backup)).rows["client_redirect_uris"] == 2 * count
    put_back(target, backup)
    assert without_counter(rows(target)) == without_counter(rows(source))


def test_changes_are_forgotten_and_numbers_never_repeat(source: Database, target: Database) -> None:
    fill(source)
    [(_, number, _)] = rows(source)["change_counter"]
    assert number > 0
    backup = backup_of(source)
    assert b'"table":"changes"' not in gzip.decompress(backup)

    def change(sql: SqlExecutor) -> None:
        transaction = SqlTransaction(sql)
        transaction.touched("client", "x")
        transaction.finish(NOW)

    for _ in range(number + 5):  # the target's own numbers were seen as well
        target.within(change)
    put_back(target, backup)
    reached = number + 5 + COUNTER_STEP
    assert rows(target)["change_counter"] == [(1, reached, reached)]
    assert target.within(lambda sql: sql.all(Statement(select(*changes.c)))) == []


def test_new_rows_are_numbered_after_the_restored_ones(source: Database, target: Database) -> None:
    fill(source)
    put_back(target, backup_of(source))
    for statement in after_restore_sql(target.dialect):
        target.script(statement)
    target.within(lambda sql: put(an_event(9))(SqlTransaction(sql)))
    ids = [row[0] for row in rows(target)["audit_events"]]
    assert ids == [1, 2, 3]


def test_the_statements_after_a_restore() -> None:
    assert after_restore_sql("sqlite") == []
    [statement] = after_restore_sql("postgresql")
    assert "pg_get_serial_sequence('audit_events', 'id')" in statement


def test_a_file_cut_off_anywhere_is_refused(origin: Database, target: Database) -> None:
    fill(origin)
    backup = backup_of(origin)
    for length in range(0, len(backup), 37):
        with pytest.raises(SetupError):
            check(io.BytesIO(backup[:length]))
    refused(target, backup[: len(backup) * 3 // 4], "cut off")
    refused(target, backup[:-1], "cut off")
    lines = lines_of(backup)
    refused(target, packed(*lines[:-1]), "cut off")
    refused(target, packed(*lines[: len(lines) // 2]), "cut off")
    refused(target, packed(b"".join(lines)[:-1]), "damaged in line")


def test_a_flipped_byte_anywhere_is_refused(origin: Database, empty: Database) -> None:
    fill(origin)
    backup = backup_of(origin)
    whole = gzip.decompress(backup)
    let_through = 0
    places = range(0, len(backup), 1 if soaking() else 8)
    for place in places:
        changed = bytearray(backup)
        changed[place] ^= 0x20
        try:
            check(io.BytesIO(changed))
        except SetupError:
            if place % 256 == 0:
                refused(empty, bytes(changed))
        else:  # a time in gzip's header, or bits that the compression does not use
            assert gzip.decompress(changed) == whole
            let_through += 1
    assert let_through < len(places) / 50


def test_a_changed_line_is_refused(origin: Database, empty: Database) -> None:
    """The same with gzip's own check value put right."""
    fill(origin)
    lines = lines_of(backup_of(origin))
    for number, line in enumerate(lines):
        for place in {len(line) // 2, len(line) - 3}:
            changed = bytearray(line)
            changed[place] ^= 0x01
            backup = packed(*lines[:number], bytes(changed), *lines[number + 1 :])
            with pytest.raises(SetupError):
                check(io.BytesIO(backup))
            if number % 16 == 0:
                refused(empty, backup)
    for number in range(1, len(lines) - 1):
        with pytest.raises(SetupError):
            check(io.BytesIO(packed(*lines[:number], *lines[number + 1 :])))
        with pytest.raises(SetupError):
            check(io.BytesIO(packed(*lines[: number + 1], *lines[number:])))
    refused(empty, packed(*lines, b"[]\n"), "damaged")
    assert check(io.BytesIO(packed(*lines))).rows["clients"] == 2


def test_foreign_files_are_refused(target: Database) -> None:
    header = {"format": "grantory backup", "revision": HEAD, "created_at": "", "grantory": ""}
    for foreign in (
        b"",
        b"SQLite format 3\0" * 100,
        gzip.compress(b""),
        gzip.compress(b"\n"),
        gzip.compress(b"text\n"),
        gzip.compress(b"[" * 100_000 + b"\n"),
        gzip.compress(b'{"format":' + b"[" * 100_000 + b"\n"),
        gzip.compress(b"\xff\xfe\n"),
        gzip.compress(msgspec.json.encode(header) + b"\n"),
        gzip.compress(msgspec.json.encode(header | {"version": 1, "format": "other"}) + b"\n"),
    ):
        refused(target, foreign, "not a Grantory backup|cut off")
    newer = gzip.compress(msgspec.json.encode(header | {"version": 2}) + b"\n")
    refused(target, newer, "format 2 and this program reads 1")


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        (b'{"table":"sqlite_master","columns":["name"],"binary":[]}\n', "unknown table"),
        (b'{"table":"changes","columns":["number"],"binary":[]}\n', "unknown table"),
        (b'{"table":"users","columns":["id"],"binary":[]}\n', "other columns of table users"),
        (b'{"table":"users; --","columns":["id"],"binary":[]}\n', "damaged in line"),
        (b'{"table":"users","columns":["id, x"],"binary":[]}\n', "damaged in line"),
        (b'{"table":"users","columns":["id","id"],"binary":[]}\n', "damaged in line"),
        (b'{"table":"users","columns":[],"binary":[]}\n', "damaged in line"),
        (b'{"table":"users","columns":["id"],"binary":["x"]}\n', "damaged in line"),
        (b'{"table":"clients","columns":["id"],"binary":[]}\n', "damaged in line"),
        (b'{"table":"users"}\n', "damaged in line"),
    ],
)
def test_wrong_tables_are_refused(
    origin: Database, empty: Database, wrong: bytes, match: str
) -> None:
    lines = lines_of(backup_of(origin))
    at = next(n for n, line in enumerate(lines) if line.startswith(b'{"table":"users"'))
    changed = signed([*lines[:at], wrong, *lines[at + 1 :]])
    refused(empty, changed, match)
    with pytest.raises(SetupError, match=match):
        check(io.BytesIO(changed))


@pytest.mark.parametrize(
    "wrong",
    [
        b"[]\n",
        b"[1,2,3,4]\n",
        b'[1,"not base64!",1]\n',
        b'[1,"\\u00e9",1]\n',
        b"[1,1,1]\n",
        b"[1.5,null,1]\n",
        b"[true,null,1]\n",
        b"[[1],null,1]\n",
        b"[9223372036854775808,null,1]\n",
        b'[1,"\xff",1]\n',
        b"1\n",
    ],
)
def test_wrong_rows_are_refused_without_being_shown(
    origin: Database, empty: Database, wrong: bytes
) -> None:
    lines = lines_of(backup_of(origin))
    at = next(n for n, line in enumerate(lines) if line.startswith(b'{"table":"installation"'))
    changed = signed([*lines[: at + 1], wrong, *lines[at + 1 :]])
    text = refused(empty, changed, f"damaged in line {at + 2}:")
    assert "base64" not in text


def test_a_row_before_any_table_is_refused(target: Database, origin: Database) -> None:
    lines = lines_of(backup_of(origin))
    for row in (b"[]\n", b"[1]\n"):
        refused(target, packed(lines[0], row, *lines[1:]), "line 2")


def test_a_backup_lacking_a_table_is_refused(origin: Database, target: Database) -> None:
    fill(origin)
    lines = lines_of(backup_of(origin))
    at = next(n for n, line in enumerate(lines) if line.startswith(b'{"table":"users"'))
    refused(target, signed([*lines[:at], lines[-1]]), "every table")
    at = next(n for n, line in enumerate(lines) if line.startswith(b'{"table":"change_counter"'))
    refused(target, signed([*lines[: at + 1], *lines[at + 2 :]]), "no change counter")


def test_a_line_too_long_is_refused(
    origin: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(origin)
    backup = backup_of(origin)
    longest = max(map(len, lines_of(backup)))
    monkeypatch.setattr(dump_file, "LONGEST_LINE", longest)
    check(io.BytesIO(backup))
    assert backup_of(origin) == backup
    monkeypatch.setattr(dump_file, "LONGEST_LINE", longest - 1)
    refused(target, backup, "damaged in line")
    with pytest.raises(SetupError, match="too long"):
        backup_of(origin)


def test_a_backup_of_a_newer_program_is_refused(origin: Database, target: Database) -> None:
    lines = lines_of(backup_of(origin))
    header = msgspec.json.decode(lines[0]) | {"revision": "9999", "grantory": "9.9\x1b[2J"}
    newer = signed([msgspec.json.encode(header) + b"\n", *lines[1:]])
    text = refused(target, newer, "newer program")
    assert "\x1b" not in text
    with pytest.raises(SetupError, match="newer program"):
        check(io.BytesIO(newer))


@pytest.mark.parametrize("older", known_revisions()[:-1])
def test_a_backup_of_an_older_program_fits_only_its_own_revision(
    origin: Database, target: Database, older: str
) -> None:
    fill(origin)
    lines = lines_of(backup_of(origin))
    header = msgspec.json.decode(lines[0]) | {"revision": older}
    backup = signed([msgspec.json.encode(header) + b"\n", *lines[1:]])
    refused(target, backup, f"has schema {HEAD} and the backup {older}")
    target.script(f"UPDATE alembic_version SET version_num = '{older}'")
    refused(target, packed(*lines), f"has schema {older} and the backup {HEAD}")
    put_back(target, backup)
    assert without_counter(rows(target)) == without_counter(rows(origin))


@pytest.mark.parametrize(
    ("revision", "match"),
    [(known_revisions()[0], "grantory db upgrade"), ("9999", "newer program")],
)
def test_only_a_store_with_the_newest_tables_is_backed_up(
    source: Database, revision: str, match: str
) -> None:
    source.script(f"UPDATE alembic_version SET version_num = '{revision}'")
    with pytest.raises(SetupError, match=match):
        backup_of(source)


def test_a_store_that_is_not_empty_is_left_alone(origin: Database, target: Database) -> None:
    fill(origin)
    backup = backup_of(origin)
    target.within(lambda sql: put(a_user(5))(SqlTransaction(sql)))
    refused(target, backup, "not empty")
    refused(origin, backup, "not empty")


def test_a_row_that_the_database_refuses_undoes_everything(
    origin: Database, target: Database
) -> None:
    fill(origin)
    lines = lines_of(backup_of(origin))
    twice = [line for line in lines for _ in range(2 if line.startswith(b'["00000001"') else 1)]
    assert len(twice) == len(lines) + 1
    before = rows(target)
    with pytest.raises((SetupError, apsw.ConstraintError, asyncpg.UniqueViolationError)):
        put_back(target, signed(twice))
    assert rows(target) == before
    refused(target, packed(*twice), "damaged")  # the file's own fault is told


def test_a_damaged_store_is_not_backed_up(origin: Database) -> None:
    """Only SQLite takes a value that is not of its column's type."""
    origin.script(f"INSERT INTO installation VALUES (1, 'secret text', {NOW})")
    with pytest.raises(SetupError, match="damaged: in table installation") as caught:
        backup_of(origin)
    assert "secret" not in str(caught.value)


class FullDisk(io.BytesIO):
    """A file that takes a little only."""

    def write(self, data: Any) -> int:
        if self.tell() > 100:
            raise OSError(28, "No space left on device")
        return super().write(data)


def test_a_full_disk_is_told(origin: Database) -> None:
    fill(origin)
    with pytest.raises(SetupError, match="cannot write the backup: No space left"):
        origin.within(lambda sql: dump(sql, FullDisk(), NOW, "1"))


def test_an_unreadable_file_is_told() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    with pytest.raises(SetupError, match="cannot read the backup: Input/output error"):
        check(Broken())


def test_the_file_names_no_file_and_no_time(origin: Database, tmp_path: Path) -> None:
    with (tmp_path / "telling-name.gz").open("wb") as file:
        origin.within(lambda sql: dump(sql, file, NOW, "1.2.3"))
        assert not file.closed
    written = (tmp_path / "telling-name.gz").read_bytes()
    assert b"telling" not in written
    assert written == backup_of(origin)


def test_the_known_revisions_end_at_the_newest() -> None:
    known = known_revisions()
    assert known[0] == "0001"
    assert known[-1] == HEAD
    assert "CREATE TABLE clients" in upgrade_sql("sqlite", None, known[0])
    assert "CREATE TABLE" not in upgrade_sql("sqlite", known[0], known[0])
    with pytest.raises(SetupError, match="does not know schema 9999"):
        upgrade_sql("sqlite", None, "9999")
