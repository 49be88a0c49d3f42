"""kill -9 in the middle of the work, on the embedded store: what was acknowledged is there."""

import os
import signal
from collections.abc import Mapping

import pytest

from tests.crashes.checker import check
from tests.crashes.load import Load
from tests.crashes.request import CHANGES
from tests.crashes.rows import SqliteRows
from tests.support.postgres_process import wait_for
from tests.support.server import RunningServer, command_line
from tests.support.soak import rounds

WORKERS = 4
QUIET = {
    "GRANTORY_THROTTLE_FAILURES_PER_ADDRESS": "0",
    "GRANTORY_THROTTLE_FAILURES_PER_CLIENT_AND_ADDRESS": "0",
}


def assert_whole(server: RunningServer, environment: Mapping[str, str] | None = None) -> None:
    """The store is in order, and so are the lists that are kept in it."""
    server.stop()
    folder = str(server.data_dir)
    result = command_line("db", "check", "--data-dir", folder, environment=environment)
    assert result.returncode == 0, result.stderr


def assert_all_was_tried(load: Load, cut_off: int = 1) -> None:
    """Every kind of change was made, and at least as many as said were cut off."""
    counted = load.counted()
    assert all(counted[kind, "done"] for kind in CHANGES), counted
    assert load.left_open() >= cut_off, "nothing was ever under way"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_case_85_every_acknowledged_change_outlives_a_killed_server() -> None:
    with RunningServer(environment=QUIET) as server:
        load, rows = Load(server), SqliteRows(server.data_dir / "grantory.db")
        times = rounds(6, 100)
        for number in range(times):
            with load.running():
                load.wait_for(50 + 10 * number)
                server.kill()
                server.start()
                load.wait_for(20)
            check(server, load, rows)
        assert_all_was_tried(load, cut_off=times)
        assert_whole(server)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_case_85_every_acknowledged_change_outlives_four_workers_killed_at_once() -> None:
    with RunningServer("--workers", str(WORKERS), environment=QUIET) as server:
        load, rows = Load(server, writers=8), SqliteRows(server.data_dir / "grantory.db")
        for number in range(rounds(4, 100)):
            with load.running():
                load.wait_for(60 + 10 * number)
                if number % 2:  # the parent stays, and starts them all again
                    for worker in server.workers():
                        os.kill(worker, signal.SIGKILL)
                else:
                    server.kill()
                    server.start()
                load.wait_for(40)
            check(server, load, rows)
        assert_all_was_tried(load)
        assert_whole(server)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_case_85_every_acknowledged_change_outlives_a_killed_worker_of_four() -> None:
    with RunningServer("--workers", str(WORKERS), environment=QUIET) as server:
        load, rows = Load(server, writers=6), SqliteRows(server.data_dir / "grantory.db")
        for number in load.rounds(2, 40):
            with load.running():
                for _ in range(3):
                    wait_for(lambda: len(server.workers()) == WORKERS, "every worker")
                    load.wait_for(40 + number)
                    os.kill(server.workers()[0], signal.SIGKILL)
                load.wait_for(40)
            check(server, load, rows)  # nobody has started the server again
        assert_all_was_tried(load)
        server.restart()
        check(server, load, rows)
        assert_whole(server)
