"""A store that is made read-only while it runs: 503, nothing half done, and service after it."""

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.crashes.checker import check
from tests.crashes.load import Load
from tests.crashes.request import CLIENTS
from tests.crashes.rows import PostgresRows, SqliteRows
from tests.crashes.small_disk import unwritable
from tests.crashes.test_full_disk import (
    assert_reads_are_served,
    assert_refused,
    large_client,
    remove_the_large,
    wait_for_a_refusal,
    wait_for_service,
)
from tests.crashes.test_killed_workers import QUIET, assert_whole
from tests.support.memory_folder import DISK
from tests.support.postgres import Cluster
from tests.support.postgres_process import wait_for
from tests.support.server import RunningServer
from tests.support.soak import rounds

WORKERS = 2
TRIES = 5
PAUSE = 0.3
"""Seconds for which writers go on where nothing can be written."""
SETTING = "default_transaction_read_only"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_case_85_a_store_made_read_only_loses_nothing() -> None:
    with (
        tempfile.TemporaryDirectory(dir=DISK) as folder,
        RunningServer(
            *("--workers", str(WORKERS)), environment=QUIET, data_dir=Path(folder) / "data"
        ) as server,
    ):
        load, file = Load(server, 6), server.data_dir / "grantory.db"
        log = file.with_name("grantory.db-wal")
        for number in range(rounds(2, 30)):
            wait_for_service(load, 40)
            with unwritable(file, log), load.running():
                wait_for_a_refusal(server, load)
                for _ in range(TRIES):
                    answer = server.call("POST", CLIENTS, large_client(load), token=load.admin)
                    assert_refused(answer)
                    assert_reads_are_served(server, load)
                if number % 2:  # one that starts meanwhile can open nothing
                    os.kill(server.workers()[0], signal.SIGKILL)
                time.sleep(PAUSE)
            wait_for_service(load, 20)
            remove_the_large(server, load)
            check(server, load, SqliteRows(file))
        assert_refusals(load)
        assert_whole(server)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_case_85_a_database_made_read_only_loses_nothing() -> None:
    with Cluster() as cluster:
        database = cluster.create_database()
        environment = {"GRANTORY_DATABASE_URL": cluster.url(database), **QUIET}
        with RunningServer("--workers", str(WORKERS), environment=environment) as server:
            load, rows = Load(server), PostgresRows(cluster, database)
            for _ in range(rounds(1, 30)):
                wait_for_service(load, 20)
                with read_only(cluster), load.running():
                    wait_for_a_refusal(server, load)
                    for _ in range(TRIES):
                        answer = server.call("POST", CLIENTS, large_client(load), token=load.admin)
                        assert_refused(answer)
                        assert answer.json()["code"] == "service.unavailable"
                        # What its memory holds it can still be asked for.
                        assert server.ask_token(server.client_id, server.client_secret).status in (
                            200,
                            503,
                        )
                    time.sleep(PAUSE)
                wait_for_service(load, 20)
                remove_the_large(server, load)
                check(server, load, rows)
            assert_refusals(load)


@contextmanager
def read_only(cluster: Cluster) -> Iterator[None]:
    """A server of PostgreSQL that writes for nobody who does not insist."""

    def turn(value: str) -> None:
        cluster.psql(f"ALTER SYSTEM SET {SETTING} = {value}")
        cluster.psql("SELECT pg_reload_conf()")
        wait_for(lambda: cluster.psql(f"SHOW {SETTING}") == value, f"{SETTING} {value}")

    turn("on")
    try:
        yield
    finally:
        turn("off")


def assert_refusals(load: Load) -> None:
    """Writers were there when nothing could be written, too."""
    refused = sum(n for (_, outcome), n in load.counted().items() if outcome != "done")
    assert refused
