"""A PostgreSQL that cannot be used is told in a sentence, with its address and no password."""

from pathlib import Path

import pytest

from grantory.crypto.runtime import SystemClock
from grantory.errors import SetupError, StorageUnavailable
from grantory.storage.database import find_database
from grantory.storage.postgres import connection as connection_module
from tests.support.command import quick_command
from tests.support.ports import HOST, free_port
from tests.support.postgres import shared_cluster

PASSWORD = "s3cret-of-the-owner"


def failure(url: str, folder: Path) -> str:
    """What a command says that needs the database."""
    done = quick_command("db", "check", environment={"GRANTORY_DATABASE_URL": url}, folder=folder)
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert PASSWORD not in said
    assert len(said.splitlines()) == 1, said
    return said


def address(where: str) -> str:
    return f"postgresql://grantory:{PASSWORD}@{where}/grantory"


async def test_a_server_that_is_away_is_named(tmp_path: Path) -> None:
    hosts = f"{HOST}:{free_port()},{HOST}:{free_port()}"
    database = find_database(address(hosts), tmp_path)
    with pytest.raises(SetupError) as caught:
        await database.revision()
    said = str(caught.value)
    assert f"postgresql://grantory@{hosts}/grantory" in said
    assert PASSWORD not in said
    store = await database.open(SystemClock())
    with pytest.raises(StorageUnavailable):
        await store.read(lambda s: s.installation.master_key_check())
    await store.close()


def test_a_command_says_so_in_a_line(tmp_path: Path) -> None:
    where = f"{HOST}:{free_port()}"
    assert f"grantory@{where}/grantory" in failure(address(where), tmp_path)


def test_a_wrong_password_is_told_without_it(tmp_path: Path) -> None:
    where = f"{HOST}:{shared_cluster().port}"
    said = failure(address(where), tmp_path)
    assert f"grantory@{where}/grantory" in said
    assert "password authentication failed" in said


def test_a_database_that_does_not_exist_is_told_with_what_to_do(tmp_path: Path) -> None:
    cluster = shared_cluster()
    said = failure(cluster.url("no_such_database"), tmp_path)
    assert "no_such_database" in said
    assert "createdb" in said


def test_a_database_without_tables_is_told_with_what_to_do(tmp_path: Path) -> None:
    cluster = shared_cluster()
    url = cluster.url(cluster.create_database())
    command = ("org", "create", "Example", "--email", "admin@example.com")
    environment = {"GRANTORY_DATABASE_URL": url}
    done = quick_command(*command, environment=environment, folder=tmp_path)
    assert done.returncode == 1
    assert f"{find_database(url, tmp_path).name} is not set up: run grantory init" in done.stderr
    cluster.drop_database(url)


async def test_too_old_a_server_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # The oldest version is raised above the one that is there: no old server is at hand.
    monkeypatch.setattr(connection_module, "OLDEST_VERSION", 99)
    database = find_database(shared_cluster().url("postgres"), tmp_path)
    with pytest.raises(SetupError, match=r"PostgreSQL \d+ is too old; 99 or newer is needed"):
        await database.revision()
