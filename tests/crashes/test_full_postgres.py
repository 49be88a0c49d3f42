"""A full disk under PostgreSQL: 503, nothing acknowledged is lost, and service after it."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.crashes.checker import check
from tests.crashes.load import Load
from tests.crashes.rows import PostgresRows
from tests.crashes.small_disk import filled, small_file_system
from tests.crashes.test_full_disk import remove_the_large, wait_for_a_refusal, wait_for_service
from tests.crashes.test_killed_workers import QUIET
from tests.support.postgres import Cluster
from tests.support.postgres_process import USER, PostgresFailedError, wait_for
from tests.support.server import RunningServer
from tests.support.soak import rounds

SIZE = 120_000_000
SETTINGS = {"min_wal_size": "2MB", "max_wal_size": "8MB"}
"""Little of the log is kept for later use, so that it, too, needs room soon."""
MORE_REFUSALS = 3
NEXT_FILE = "SELECT pg_switch_wal()"
"""Has it go on in another file of its log, for which there must be room."""


@contextmanager
def cluster_on_a_small_disk(log_elsewhere: bool) -> Iterator[Cluster]:
    """A server whose whole folder is a file system of its own, but for its log if so wished."""
    with ExitStack() as stack:
        initdb = ["--wal-segsize=1"]
        if log_elsewhere:
            outside = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="grantory-wal-")))
            given_away(outside)
            initdb.append(f"--waldir={outside / 'log'}")
        cluster = Cluster(durable=True, settings=SETTINGS, initdb=initdb)
        stack.callback(cluster.close)
        stack.enter_context(small_file_system(cluster.folder, SIZE))
        given_away(cluster.folder)
        stack.callback(cluster.kill)
        cluster.start()
        yield cluster


def given_away(folder: Path) -> None:
    """Let the server's user have a folder."""
    if USER:
        shutil.chown(folder, USER)


def answers(cluster: Cluster, sql: str = "SELECT 1") -> bool:
    """Whether the server does what it is asked."""
    try:
        cluster.psql(sql)
    except PostgresFailedError:
        return False
    return True


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("log_elsewhere", [True, False], ids=["tables", "tables and log"])
def test_case_85_a_full_disk_under_postgresql_loses_nothing(log_elsewhere: bool) -> None:
    with cluster_on_a_small_disk(log_elsewhere) as cluster:
        database = cluster.create_database()
        environment = {"GRANTORY_DATABASE_URL": cluster.url(database), **QUIET}
        with RunningServer("--workers", "2", environment=environment) as server:
            load, rows = Load(server), PostgresRows(cluster, database)
            for _ in range(rounds(1, 30)):
                wait_for_service(load, 40)
                with filled(cluster.folder), load.running():
                    for _ in range(MORE_REFUSALS):
                        wait_for_a_refusal(server, load)
                    if not log_elsewhere:
                        wait_for(lambda: not answers(cluster, NEXT_FILE), "a log without room")
                        wait_for_a_refusal(server, load)
                    time.sleep(0.3)  # writers go on where nothing can be written
                # Without room for its log PostgreSQL gives up, and who watches it starts it.
                wait_for(lambda: not cluster.running or answers(cluster), "PostgreSQL's end or use")
                went_down = not cluster.running
                if went_down:
                    assert not log_elsewhere
                    cluster.start()
                wait_for_service(load, 20)  # the server goes on by itself
                remove_the_large(server, load)
                check(server, load, rows)
                print(f"PostgreSQL ended itself: {went_down}; {load.counted()}")
        assert "No space left on device" in cluster.log_text()
