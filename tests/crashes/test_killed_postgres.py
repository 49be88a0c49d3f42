"""kill -9 of the server, of PostgreSQL and of both: what was acknowledged is there."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from tests.crashes.checker import check
from tests.crashes.load import Load
from tests.crashes.rows import PostgresRows
from tests.crashes.test_killed_workers import QUIET, assert_all_was_tried
from tests.support.postgres import Cluster
from tests.support.postgres_process import wait_for
from tests.support.server import RunningServer

WORKERS = 2
SLOW_COMMITS = {"commit_delay": "10000", "commit_siblings": "0"}
"""A commit takes 10 ms, so that most of what is under way is in the middle of one."""


class Pair(NamedTuple):
    """A server on a PostgreSQL of its own."""

    cluster: Cluster
    server: RunningServer
    load: Load
    rows: PostgresRows


@contextmanager
def a_pair() -> Iterator[Pair]:
    """Both run, and nothing is under way."""
    with Cluster(durable=True, settings=SLOW_COMMITS) as cluster:
        database = cluster.create_database()
        environment = {"GRANTORY_DATABASE_URL": cluster.url(database), **QUIET}
        with RunningServer("--workers", str(WORKERS), environment=environment) as server:
            yield Pair(cluster, server, Load(server, 6), PostgresRows(cluster, database))


def wait_until_idle(cluster: Cluster) -> None:
    """Wait until PostgreSQL has finished what a killed process had asked of it."""
    busy = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'grantory'"
    busy += " AND state <> 'idle'"
    wait_for(lambda: cluster.psql(busy) == "0", "transactions to end")


def look(pair: Pair) -> None:
    """Check when nothing is under way any more."""
    wait_until_idle(pair.cluster)
    check(pair.server, pair.load, pair.rows)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_case_85_every_acknowledged_change_outlives_a_killed_worker_on_postgresql() -> None:
    with a_pair() as pair:
        for number in pair.load.rounds(2, 40):
            with pair.load.running():
                for _ in range(3):
                    wait_for(lambda: len(pair.server.workers()) == WORKERS, "every worker")
                    pair.load.wait_for(40 + number)
                    os.kill(pair.server.workers()[0], signal.SIGKILL)
                pair.load.wait_for(40)
            look(pair)
        assert_all_was_tried(pair.load)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_case_85_every_acknowledged_change_outlives_a_killed_server_on_postgresql() -> None:
    with a_pair() as pair:
        for number in pair.load.rounds(2, 40):
            with pair.load.running():
                pair.load.wait_for(60 + number)
                pair.server.kill()
                pair.server.start()
                pair.load.wait_for(20)
            look(pair)
        assert pair.load.left_open(), "nothing was ever under way"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_case_85_every_acknowledged_change_outlives_a_killed_postgresql() -> None:
    with a_pair() as pair:
        for number in pair.load.rounds(2, 40):
            with pair.load.running():
                pair.load.wait_for(60 + number)
                pair.cluster.kill()
                pair.cluster.start()
                pair.load.wait_for(40)  # the server goes on by itself
            look(pair)
        assert pair.load.left_open(), "nothing was ever under way"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_case_85_every_acknowledged_change_outlives_both_killed_at_once() -> None:
    with a_pair() as pair:
        for number in pair.load.rounds(2, 40):
            with pair.load.running():
                pair.load.wait_for(60 + number)
                for kill in (pair.cluster.kill, pair.server.kill)[:: 1 if number % 2 else -1]:
                    kill()
                pair.cluster.start()
                pair.server.start()
                pair.load.wait_for(20)
            look(pair)
        assert pair.load.left_open(), "nothing was ever under way"
