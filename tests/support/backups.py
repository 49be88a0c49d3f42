"""Databases for plain work, and backups of them, whole and tampered with."""

import asyncio
import gzip
import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

import asyncpg
import msgspec
import pytest
from sqlalchemy import bindparam as p
from sqlalchemy import insert, select
from sqlalchemy.util import greenlet_spawn

from grantory.domain.client import GrantType
from grantory.errors import SetupError
from grantory.storage.postgres.executor import AsyncpgExecutor
from grantory.storage.sql.dump import dump, restore
from grantory.storage.sql.migrations import upgrade_sql
from grantory.storage.sql.statement import Row, SqlExecutor, Statement
from grantory.storage.sql.tables import DERIVED, changes, metadata
from grantory.storage.sql.transaction import SqlTransaction
from grantory.storage.sqlite.connection import ApswExecutor, connect, create_file
from tests.support.databases import fresh_postgres
from tests.support.entities import (
    a_client,
    a_denied_token,
    a_division,
    a_key,
    a_role,
    a_secret,
    a_user,
    an_event,
    an_organization,
    put,
)

T = TypeVar("T")
NOW = 1_800_000_000_123
KEPT = [table for table in metadata.sorted_tables if table not in (changes, *DERIVED)]
ALL_OF = {t.name: Statement(select(*t.c).order_by(*t.primary_key.columns)) for t in KEPT}


class Database(Protocol):
    """A database with tables, for plain work in one transaction."""

    dialect: str

    def within(self, work: Callable[[SqlExecutor], T]) -> T:
        """Do all of the work, or nothing of it."""
        ...

    def script(self, sql: str) -> None:
        """Run statements as they are."""
        ...


class SqliteFile:
    """A file."""

    dialect = "sqlite"

    def __init__(self, path: Path) -> None:
        create_file(path)
        self.connection = connect(path, 500)
        self.script(upgrade_sql(self.dialect, None))

    def within(self, work: Callable[[SqlExecutor], T]) -> T:
        with self.connection:
            result = work(ApswExecutor(self.connection))
        return result

    def script(self, sql: str) -> None:
        with self.connection:
            self.connection.execute(sql).fetchall()


class PostgresTables:
    """A database of PostgreSQL, worked on as if nothing had to be waited for."""

    dialect = "postgresql"

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._connection: asyncpg.Connection[Any] = self._runner.run(asyncpg.connect(url))

    def within(self, work: Callable[[SqlExecutor], T]) -> T:
        sql = AsyncpgExecutor(self._connection)

        def settled() -> T:
            result = work(sql)
            sql.settle()
            return result

        async def run() -> T:
            async with self._connection.transaction():
                return await greenlet_spawn(settled)

        return self._runner.run(run())

    def script(self, sql: str) -> None:
        self._runner.run(self._connection.execute(sql))

    def close(self) -> None:
        self._runner.run(self._connection.close())
        self._runner.close()


@contextmanager
def a_sqlite_file(path: Path) -> Iterator[Database]:
    """A file at this path."""
    made = SqliteFile(path)
    yield made
    made.connection.close()


@contextmanager
def a_postgres_database(_path: Path) -> Iterator[Database]:
    """A database on the server of the run."""
    with fresh_postgres() as url:
        made = PostgresTables(url)
        yield made
        made.close()


DATABASES = {"postgresql": a_postgres_database, "sqlite": a_sqlite_file}
"""Every kind of database that a backup is made of, and restored into."""


def rows(database: Database) -> dict[str, list[Row]]:
    """All that a backup is to bring back."""

    def read(sql: SqlExecutor) -> dict[str, list[Row]]:
        return {name: [tuple(row) for row in sql.all(query)] for name, query in ALL_OF.items()}

    return database.within(read)


def fill(database: Database) -> None:
    """Rows of every table, with each of the values that a column may hold."""

    def work(sql: SqlExecutor) -> None:
        transaction = SqlTransaction(sql)
        transaction.installation.set_up(b"\x00\xffcheck", NOW)
        uri = "https://example.com/zurück"
        put(
            an_organization(name='Zürich \u2028\U0001f511 "quoted" \\n'),
            a_user(),
            a_client(description="", redirect_uris=(uri,), grant_type=GrantType.AUTHORIZATION_CODE),
            a_client(2, name="空の名前"),
            a_role(),
            a_role(2, description="é"),
            a_division(),
            a_secret(),
            a_secret(2, expires_at=2**53 + 1),
            a_key(),
            a_denied_token(),
            a_denied_token(0),
            an_event(),
            an_event(2),
        )(transaction)
        transaction.finish(NOW)
        # A row of each table at least: what the lines above do not reach is written plainly.
        for table in KEPT:
            if not sql.one(Statement(select(*table.c).limit(1))):
                values: dict[str, Any] = {c.name: "x" for c in table.c}
                values |= {c.name: 7 for c in table.c if c.type.python_type is int}
                values |= {c.name: b"\x00\xff" for c in table.c if c.type.python_type is bytes}
                add = insert(table).values({name: p(name) for name in values}).inline()
                sql.run(Statement(add), **values)

    database.within(work)
    assert all(rows(database).values()), "a table is not tried"


def backup_of(database: Database) -> bytes:
    file = io.BytesIO()
    database.within(lambda sql: dump(sql, file, NOW, "1.2.3"))
    return file.getvalue()


def put_back(database: Database, backup: bytes) -> None:
    database.within(lambda sql: restore(sql, io.BytesIO(backup)))


def refused(database: Database, backup: bytes, match: str | None = None) -> str:
    """A backup is refused, and of the store nothing is changed."""
    before = rows(database)
    with pytest.raises(SetupError, match=match) as caught:
        put_back(database, backup)
    assert rows(database) == before
    return str(caught.value)


def lines_of(backup: bytes) -> list[bytes]:
    return gzip.decompress(backup).splitlines(keepends=True)


def packed(*lines: bytes) -> bytes:
    return gzip.compress(b"".join(lines), 1)


def signed(lines: list[bytes]) -> bytes:
    """A file of lines, the last of them put right for what comes before."""
    counts: dict[str, int] = {}
    name = ""
    for line in lines[1:-1]:
        if line.startswith(b"{"):
            name = str(msgspec.json.decode(line)["table"])
            counts[name] = 0
        else:
            counts[name] += 1
    digest = hashlib.sha256(b"".join(lines[:-1])).hexdigest()
    end = msgspec.json.encode({"end": counts, "sha256": digest}) + b"\n"
    return packed(*lines[:-1], end)
