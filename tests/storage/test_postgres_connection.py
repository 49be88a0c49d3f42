"""Connections to PostgreSQL: what they are told at their start, and what holds in them."""

import asyncio
import getpass
import struct
import time
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from grantory.errors import SetupError
from grantory.storage.postgres import connection as connection_module
from grantory.storage.postgres.address import read_address
from grantory.storage.postgres.backup import PATIENCE
from grantory.storage.postgres.connection import (
    IDLE_SECONDS,
    STATEMENT_SECONDS,
    Connector,
    close,
    connect_for_setup,
)
from tests.support.ports import HOST

SLACK = 2.5
"""Seconds by which a slow machine may be late; with it, whoever waits has not given up yet."""
MOST_LOOKS = 500


@pytest.fixture
def connector(url: str) -> Connector:
    return Connector(read_address(url))


@pytest.fixture
async def session(connector: Connector) -> AsyncIterator["asyncpg.Connection[Any]"]:
    opened = await connector.connect()
    yield opened
    await close(opened)


async def settings(session: "asyncpg.Connection[Any]") -> dict[str, str]:
    return dict(await session.fetch("SELECT name, setting FROM pg_settings"))


async def test_the_start_names_nothing_that_a_pooler_would_refuse_or_drop() -> None:
    started: asyncio.Future[list[bytes]] = asyncio.get_running_loop().create_future()

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack("!i", await reader.readexactly(4))
        started.set_result((await reader.readexactly(length - 4))[4:].split(b"\0"))
        writer.close()

    async with await asyncio.start_server(note, HOST, 0) as server:
        port = server.sockets[0].getsockname()[1]
        address = read_address(f"postgresql://me@{HOST}:{port}/db?sslmode=disable")
        with pytest.raises((OSError, asyncpg.PostgresError)):
            await Connector(address).connect()
    names = set((await started)[:-2:2])
    assert names == {b"user", b"database", b"application_name", b"client_encoding"}


async def test_what_a_session_rests_on_holds_whatever_the_defaults_are(
    url: str, connector: Connector
) -> None:
    other = await connector.connect()
    database = await other.fetchval("SELECT current_database()")
    for setting in (
        *("synchronous_commit = off", "statement_timeout = 0", "lock_timeout = 0"),
        "default_transaction_isolation = serializable",
        "idle_in_transaction_session_timeout = 0",
    ):
        await other.execute(f'ALTER DATABASE "{database}" SET {setting}')
    await close(other)
    opened = await connector.connect()
    try:
        found = await settings(opened)
    finally:
        await close(opened)
    assert {
        "application_name": "grantory",
        "synchronous_commit": "on",
        "default_transaction_isolation": "read committed",
        "statement_timeout": "5000",
        "lock_timeout": "5000",
        "idle_in_transaction_session_timeout": "2000",
        "tcp_keepalives_idle": "10",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "4",
        "tcp_user_timeout": "30000",
    }.items() <= found.items()


async def test_a_command_may_think_longer_and_a_restore_as_long_as_it_likes(
    url: str, connector: Connector
) -> None:
    opened = await connect_for_setup(connector, "db")
    try:
        name = "idle_in_transaction_session_timeout"
        assert (await settings(opened))[name] == "10000"
        await opened.execute(PATIENCE)
        found = await settings(opened)
        assert (found[name], found["statement_timeout"]) == ("0", "0")
        assert found["tcp_keepalives_idle"] == "10"  # if its host vanishes, its locks go
    finally:
        await close(opened)


@pytest.mark.slow
async def test_a_node_that_stands_still_makes_others_wait_for_two_seconds_at_most(
    session: "asyncpg.Connection[Any]", connector: Connector
) -> None:
    assert IDLE_SECONDS + SLACK < STATEMENT_SECONDS
    await session.execute("CREATE TABLE counter AS SELECT 0 AS number")
    await session.execute("BEGIN")
    await session.execute("UPDATE counter SET number = 1")
    other = await connector.connect()
    began = time.monotonic()
    await other.execute("UPDATE counter SET number = number + 2")
    assert time.monotonic() - began < IDLE_SECONDS + SLACK
    assert await other.fetchval("SELECT number FROM counter") == 2
    await close(other)
    lost = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
    with pytest.raises(lost):  # which one depends on how much of its end has been read
        await session.execute("COMMIT")


async def test_a_server_that_does_not_know_a_setting_is_refused(
    connector: Connector,
    session: "asyncpg.Connection[Any]",
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(connection_module._SESSION, "no_such_setting", "1")
    with pytest.raises(SetupError, match=r"cannot use db: .*no_such_setting"):
        await connect_for_setup(connector, "db")
    sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    left = [await session.fetchval(sql)]
    while left[-1] != 1 and len(left) < MOST_LOOKS:
        await asyncio.sleep(0.01)
        left.append(await session.fetchval(sql))
    assert left[-1] == 1  # nothing was left open


async def test_an_environment_that_is_of_no_use_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    connector = Connector(read_address(f"postgresql://{HOST}/db"))
    monkeypatch.delenv("PGUSER", raising=False)
    monkeypatch.setattr(getpass, "getuser", nobody)
    with pytest.raises(SetupError, match=r"cannot use db: .*uid not found"):
        await connect_for_setup(connector, "db")
    monkeypatch.setenv("PGPORT", "x")
    with pytest.raises(SetupError, match=r"cannot use db: .*'x'"):
        await connect_for_setup(connector, "db")


async def test_any_server_is_not_good_enough(url: str, connector: Connector) -> None:
    other = await connector.connect()
    database = await other.fetchval("SELECT current_database()")
    await other.execute(f'ALTER DATABASE "{database}" SET default_transaction_read_only = on')
    await close(other)
    lenient = Connector(read_address(f"{url}?target_session_attrs=any"))
    with pytest.raises(SetupError, match=r"read_write|read-write"):
        await connect_for_setup(lenient, "db")


async def test_a_server_that_does_not_tell_whether_it_writes_is_asked(
    connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "TELLS_READ_ONLY", 1_000)
    opened = await connector.connect()
    try:
        await opened.execute("SET default_transaction_read_only = on")
        with pytest.raises(asyncpg.TargetServerAttributeNotMatched):
            await connection_module._require_writable(opened)
    finally:
        await close(opened)
