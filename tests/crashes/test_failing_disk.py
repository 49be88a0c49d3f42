"""A disk that reports errors: 503, nothing acknowledged is lost, and service goes on after it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from grantory.errors import SetupError
from grantory.storage.sqlite import schema
from grantory.storage.sqlite.store import SqliteStore
from tests.crashes.failing_disk import FailingDisk, failing_disk
from tests.crashes.rows import SqliteRows
from tests.crashes.whole_rows import check_rows
from tests.support.runtime import FakeClock
from tests.support.world import CLIENTS, World, new_world

URI = "https://example.com/"


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[FailingDisk]:
    with failing_disk() as made:
        yield made


@pytest.fixture
async def shaky(disk: FailingDisk, tmp_path: Path) -> AsyncIterator[World]:
    """A server on the disk."""
    async with new_world(tmp_path / "data") as made:
        await made.admin.log_in()
        yield made
        disk.failing.clear()


async def create(world: World, name: str) -> tuple[int, str, bool]:
    """Try to create a client; status, code, and whether it is to be tried again."""
    body = {"name": name, "authorizedGrantType": "SAML2-BEARER", "registeredRedirectUri": [URI]}
    answer = await world.admin.call("POST", CLIENTS, body)
    document = answer.json()
    return answer.status_code, document.get("code", ""), "retry-after" in answer.headers


async def names(world: World) -> set[str]:
    return {c["name"] for c in (await world.admin.get(CLIENTS))["entities"]}


@pytest.mark.parametrize("what", ["write", "sync"])
async def test_case_85_a_disk_that_takes_nothing_is_told_as_503(
    shaky: World, disk: FailingDisk, what: str
) -> None:
    assert (await create(shaky, "before"))[0] == 200
    disk.failing = {what}
    for _ in range(3):
        status, code, again = await create(shaky, "meanwhile")
        assert (status, code) in [(503, "service.unavailable"), (503, "service.outcome.unknown")]
        assert again == (code == "service.unavailable")
    assert disk.failed
    # What needs no write is served.
    assert (await shaky.ask_token(shaky.admin.client_id, shaky.admin.secret)).status_code == 200
    assert await names(shaky) == {"First client", "before"}
    disk.failing = set()
    assert (await create(shaky, "after"))[0] == 200
    assert await names(shaky) == {"First client", "before", "after"}
    check_rows(SqliteRows(shaky.file))


async def test_case_85_a_change_that_may_come_back_after_a_crash_is_not_called_undone(
    shaky: World, disk: FailingDisk, tmp_path: Path
) -> None:
    assert (await create(shaky, "before"))[0] == 200  # the log has its beginning
    disk.failing = {"sync"}
    status, code, again = await create(shaky, "in the log")
    assert (status, code, again) == (503, "service.outcome.unknown", False)
    # As after a crash: the files as they are now, opened by nobody before.
    copy = tmp_path / "copy"
    copy.mkdir(0o700)
    for name in ("grantory.db", "grantory.db-wal"):
        (copy / name).write_bytes((shaky.file.parent / name).read_bytes())
    disk.failing = set()
    found = SqliteRows(copy / "grantory.db").query("SELECT name FROM clients")
    assert ("in the log",) in found, "it could have been called refused"
    check_rows(SqliteRows(copy / "grantory.db"))


async def test_case_85_a_disk_that_cannot_be_read_is_told_as_503(
    shaky: World, disk: FailingDisk, tmp_path: Path
) -> None:
    assert (await create(shaky, "before"))[0] == 200
    disk.failing = {"read"}
    answer = await shaky.admin.call("GET", f"{CLIENTS}/{shaky.admin.client_id}")
    assert answer.status_code in (200, 503)  # SQLite may have the pages
    status, code, _ = await create(shaky, "meanwhile")
    assert (status, code) in [(200, ""), (503, "service.unavailable")]
    disk.failing = set()
    assert (await create(shaky, "after"))[0] == 200
    check_rows(SqliteRows(shaky.file))


# Closing such a file SQLite tries to write once more; the driver tells of what SQLite leaves aside.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_case_85_a_file_that_cannot_be_written_is_told_at_the_start(
    disk: FailingDisk, tmp_path: Path
) -> None:
    # Later it would be too late: SQLite reads such a file, and never asks again.
    file = tmp_path / "grantory.db"
    schema.upgrade(file)
    disk.read_only = True
    with pytest.raises(SetupError, match=r"cannot write .*grantory\.db"):
        SqliteStore(file, FakeClock())
    disk.read_only = False
    await SqliteStore(file, FakeClock()).close()
