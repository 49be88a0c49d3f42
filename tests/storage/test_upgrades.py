"""Upgrading from every earlier revision, with rows in every table, on each database."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import apsw
import asyncpg
import pytest

from grantory.crypto.runtime import SystemClock
from grantory.errors import SetupError
from grantory.node import database_of, first_start, open_node, open_or_create_node
from grantory.ports.client_lists import ClientOrder
from grantory.ports.clients import ClientFilter
from grantory.registry.list_keeper import ListKeeper
from grantory.settings import Settings
from grantory.storage.sql.migrations import HEAD, fits, known_revisions
from grantory.storage.sql.replacing import Restoration
from tests.support.entities import ORG, a_client
from tests.support.postgres import fresh_database

Rows = list[tuple[Any, ...]]


class Raw(Protocol):
    """A database as it is, whatever the program thinks of it."""

    settings: Settings

    async def run(self, sql: str) -> Rows: ...

    async def columns(self) -> dict[str, dict[str, str]]: ...


class RawSqlite:
    def __init__(self, folder: Path) -> None:
        self.settings = Settings(data_dir=folder)

    async def run(self, sql: str) -> Rows:
        with closing(apsw.Connection(str(self.settings.data_dir / "grantory.db"))) as connection:
            return list(connection.execute(sql))

    async def columns(self) -> dict[str, dict[str, str]]:
        names = await self.run("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            name: {row[1]: row[2] for row in await self.run(f"PRAGMA table_info({name})")}
            for (name,) in names
        }


class RawPostgres:
    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self.settings = Settings(data_dir=folder, database_url=url)

    async def run(self, sql: str) -> Rows:
        connection = await asyncpg.connect(self._url)
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    async def columns(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for table, column, kind in await self.run(
            "SELECT table_name, column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'public'"
        ):
            found.setdefault(table, {})[column] = kind
        return found


@pytest.fixture(params=["sqlite", "postgresql"])
def raw(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Raw]:
    """An empty database."""
    if request.param == "sqlite":
        yield RawSqlite(tmp_path)
    else:
        with fresh_database("nothing", lambda _url: None) as url:
            yield RawPostgres(url, tmp_path)


SINGLE = ("installation", "change_counter", "alembic_version")


def literal(table: str, column: str, kind: str, number: int) -> str:
    """A value for a column: another one in each row, with what is hard to carry over."""
    plain = kind.lower()
    if "blob" in plain or "bytea" in plain:
        return f"x'{number:04x}00ff'" if "blob" in plain else f"'\\x{number:04x}00ff'::bytea"
    if "int" in plain:
        return str(number)
    return f"'{table}.{column} {number} ä ''quoted'' ✓'"


async def fill(raw: Raw) -> None:
    for table, columns in (await raw.columns()).items():
        if table in ("change_counter", "alembic_version", "client_marks"):  # triggers fill it
            continue
        for number in range(1, 2 if table in SINGLE else 4):
            names = ", ".join(f'"{name}"' for name in columns)
            values = ", ".join(literal(table, c, kind, number) for c, kind in columns.items())
            await raw.run(f'INSERT INTO "{table}" ({names}) VALUES ({values})')


async def contents(raw: Raw, columns: dict[str, dict[str, str]]) -> dict[str, Rows]:
    found = {}
    for table, names in columns.items():
        if table != "alembic_version":
            listed = ", ".join(f'"{name}"' for name in names)
            rows = await raw.run(f'SELECT {listed} FROM "{table}"')
            found[table] = sorted(rows, key=repr)
    return found


@pytest.mark.parametrize("revision", known_revisions())
async def test_an_upgrade_keeps_every_row(raw: Raw, revision: str) -> None:
    database = database_of(raw.settings)
    assert await database.upgrade(revision) == (None, revision)
    await fill(raw)
    columns = await raw.columns()
    before = await contents(raw, columns)
    assert all(before.values()), "every table was to have rows"
    assert await database.upgrade() == (revision, HEAD)
    assert await contents(raw, columns) == before
    assert await database.revision() == HEAD
    assert await database.problems() == []


@pytest.mark.parametrize("revision", known_revisions()[:-1])
async def test_a_store_of_before_works_after_its_upgrade(raw: Raw, revision: str) -> None:
    database = database_of(raw.settings)
    await database.upgrade(revision)
    with pytest.raises(SetupError, match="db upgrade"):
        await open_node(raw.settings)
    await database.upgrade()
    node = await open_or_create_node(raw.settings)
    try:
        assert await first_start(node, "Example", "admin@example.com")
    finally:
        await node.close()


async def test_clients_of_before_are_put_into_their_list(raw: Raw) -> None:
    database = database_of(raw.settings)
    await database.upgrade("0004")
    for number in range(1, 8):
        client = a_client(number, name=f"Name {number}")
        deleted = "1" if number == 7 else "NULL"
        await raw.run(
            "INSERT INTO clients (id, organization_id, name, grant_type, state, scopes, version,"
            " access_token_lifetime_s, created_at, modified_at, token_epoch, deleted_at) VALUES ("
            f"'{client.id}', '{ORG}', '{client.name}', '{client.grant_type.value}', 'active',"
            f" '[]', 1, 86400, {number}, {number}, 1, {deleted})"
        )
    await database.upgrade()
    store = await database.open(SystemClock())
    try:
        await ListKeeper(store, SystemClock()).finish()
        wanted = ClientFilter(name="NAME")
        found = await store.scan(
            lambda s: s.client_lists.page(ORG, wanted, ClientOrder(descending=True), 1, 3)
        )
        assert found == ([a_client(number).id for number in (5, 4, 3)], 6)
        assert await store.read(lambda s: s.client_lists.behind(1)) == 0
    finally:
        await store.close()


async def restore(raw: Raw, source: Path, *, replace: bool = False) -> None:
    with source.open("rb") as file:
        await database_of(raw.settings).restore(Restoration(file, HEAD, replace, str, 0))


@pytest.fixture
async def backup(tmp_path: Path) -> Path:
    """Of a store of today with one division."""
    raw = RawSqlite(tmp_path / "source")
    database = database_of(raw.settings)
    await database.upgrade()
    columns = (await raw.columns())["divisions"]
    values = ", ".join(literal("divisions", c, kind, 1) for c, kind in columns.items())
    await raw.run(f"INSERT INTO divisions VALUES ({values})")
    path = tmp_path / "store.backup"
    with path.open("wb") as file:
        await database.dump(file, 0, "0")
    return path


@pytest.mark.parametrize("revision", known_revisions())
async def test_an_empty_store_of_any_revision_takes_a_backup(
    raw: Raw, backup: Path, revision: str
) -> None:
    database = database_of(raw.settings)
    await database.upgrade(revision)
    await restore(raw, backup)
    assert await database.revision() == HEAD
    assert await database.problems() == []
    assert len(await raw.run("SELECT id FROM divisions")) == 1


@pytest.mark.parametrize("revision", known_revisions())
async def test_a_store_of_any_revision_is_not_given_up_by_mistake(
    raw: Raw, backup: Path, revision: str
) -> None:
    database = database_of(raw.settings)
    await database.upgrade(revision)
    await fill(raw)
    columns = await raw.columns()
    before = await contents(raw, columns)
    with pytest.raises(SetupError, match="--replace"):
        await restore(raw, backup)
    assert await database.revision() == revision
    assert await raw.columns() == columns
    assert await contents(raw, columns) == before
    await restore(raw, backup, replace=True)
    assert await database.revision() == HEAD


async def test_a_program_works_beside_the_next_ones_tables(raw: Raw) -> None:
    database = database_of(raw.settings)
    await database.upgrade()
    following = f"{int(HEAD) + 1:04d}"
    await raw.run("ALTER TABLE clients ADD COLUMN of_the_future TEXT")
    await raw.run(f"UPDATE alembic_version SET version_num = '{following}'")
    node = await open_or_create_node(raw.settings)
    try:
        founding = await first_start(node, "Example", "admin@example.com")
        assert founding is not None
        client = await node.store.read(lambda s: s.clients.get(founding.client.id))
        assert client == founding.client
    finally:
        await node.close()


def test_only_newer_revisions_of_the_same_generation_fit() -> None:
    assert fits(HEAD)
    assert fits(f"{int(HEAD) + 1:04d}")
    for other in (f"{int(HEAD) - 1:04d}", "0100", "9999", "", "00", "00021"):
        assert not fits(other), other
