"""A full disk and a locked file, on the embedded store: nothing acknowledged is lost."""

import threading
import time
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from tests.crashes.checker import check
from tests.crashes.load import Load
from tests.crashes.request import CLIENTS, TOKEN
from tests.crashes.rows import SqliteRows
from tests.crashes.small_disk import file_limit, filled, small_file_system
from tests.crashes.test_killed_workers import QUIET, assert_whole
from tests.support.server import Reply, RunningServer
from tests.support.soak import rounds

ENDINGS = ("service.unavailable", "service.outcome.unknown")
LOCK_SECONDS = 6.5
"""Longer than a write waits for a lock."""


def large_client(load: Load) -> dict[str, object]:
    """A client that needs a page of its own, so that room is soon used up."""
    roles = [{"roleId": load.base_role, "divisionId": "*"}]
    grant = {"authorizedGrantType": "CLIENT-CREDENTIALS", "roleDivisions": roles}
    return {"name": "large", "description": "x" * 2000, **grant}


def assert_reads_are_served(server: RunningServer, load: Load) -> None:
    """Tokens are given and looked at, and clients are listed."""
    token = server.token()
    assert server.call("GET", TOKEN, token=token).status == 200
    assert server.call("GET", f"{CLIENTS}?pageSize=5", token=load.admin).status == 200


def assert_refused(answer: Reply) -> None:
    """503 in the platform's body."""
    assert answer.status == 503, answer
    document = answer.json()
    assert set(document) >= {"message", "code", "status", "contextId", "details", "errors"}
    assert document["code"] in ENDINGS
    assert ("retry-after" in answer.headers) == (document["code"] == "service.unavailable")


def wait_for_a_refusal(server: RunningServer, load: Load) -> None:
    """Write until there is no room."""
    for _ in range(1000):
        answer = server.call("POST", CLIENTS, large_client(load), token=load.admin)
        if answer.status != 200:
            assert_refused(answer)
            return
    raise AssertionError("there is room without end")


def remove_the_large(server: RunningServer, load: Load) -> None:
    """Take those clients out again that no writer knows of."""
    for client in server.call("GET", CLIENTS, token=load.admin).json()["entities"]:
        if client["name"] == "large":
            path = f"{CLIENTS}/{client['id']}"
            assert server.call("DELETE", path, token=load.admin).status == 204


def wait_for_service(load: Load, count: int) -> None:
    """Let writers write where everything works again."""
    with load.running():
        load.wait_for(count)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_case_85_files_that_may_not_grow_lose_nothing() -> None:
    with RunningServer("--workers", "2", environment=QUIET) as server:
        load, file = Load(server), server.data_dir / "grantory.db"
        log = file.with_name("grantory.db-wal")
        for _ in range(rounds(3, 30)):
            wait_for_service(load, 60)
            # So that the log of what is written is larger than that of what is said.
            limit = max(log.stat().st_size, len(server.log_text()) + 200_000) + 4096 * 20
            with file_limit(server, limit), load.running():
                wait_for_a_refusal(server, load)
                assert_reads_are_served(server, load)
                time.sleep(0.3)  # writers go on where nothing can be written
            remove_the_large(server, load)
            wait_for_service(load, 20)
            check(server, load, SqliteRows(file))
        refused = sum(n for (_, outcome), n in load.counted().items() if outcome != "done")
        assert refused
        assert_whole(server)


@pytest.mark.slow
def test_case_85_a_full_file_system_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    with small_file_system(folder, rounds(8_000_000, 64_000_000)):
        try_a_full_file_system(folder)


def try_a_full_file_system(folder: Path) -> None:
    """What the test is; the folder is a file system of its own."""
    data = folder / "data"
    with RunningServer("--workers", "2", environment=QUIET, data_dir=data) as server:
        load, file = Load(server), data / "grantory.db"
        for _ in range(rounds(3, 30)):
            wait_for_service(load, 40)
            with filled(folder), load.running():
                wait_for_a_refusal(server, load)
                assert_reads_are_served(server, load)
                time.sleep(0.3)
            remove_the_large(server, load)
            wait_for_service(load, 20)
            check(server, load, SqliteRows(file))
        with filled(folder), load.running():
            wait_for_a_refusal(server, load)
            server.kill()
        server.start()
        remove_the_large(server, load)
        wait_for_service(load, 20)
        check(server, load, SqliteRows(file))
        assert_whole(server)


@pytest.mark.slow
def test_case_85_a_store_locked_by_another_process_loses_nothing() -> None:
    with RunningServer("--workers", "2", environment=QUIET) as server:
        load, file = Load(server), server.data_dir / "grantory.db"
        wait_for_service(load, 40)
        body = large_client(load)
        answers: list[Reply] = []

        def create() -> None:
            answers.append(server.call("POST", CLIENTS, body, token=load.admin))

        with closing(apsw.Connection(str(file))) as other:
            other.execute("BEGIN IMMEDIATE")
            asking = threading.Thread(target=create)
            asking.start()
            with load.running():
                began = time.monotonic()
                while time.monotonic() < began + LOCK_SECONDS:
                    assert_reads_are_served(server, load)
                    time.sleep(0.1)
                other.execute("ROLLBACK")
                load.wait_for(20)
            asking.join(30)
        assert_refused(answers[0])
        assert answers[0].json()["code"] == "service.unavailable"
        check(server, load, SqliteRows(file))
        names = [c["name"] for c in server.call("GET", CLIENTS).json()["entities"]]
        assert "large" not in names, "it was done after it had been refused"
