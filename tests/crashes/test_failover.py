"""A primary that dies, and a standby that takes over or does not answer."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from tests.crashes.checker import check
from tests.crashes.load import Load
from tests.crashes.request import CLIENTS, TOKEN
from tests.crashes.rows import PostgresRows
from tests.crashes.test_full_disk import large_client
from tests.crashes.test_killed_postgres import WORKERS
from tests.crashes.test_killed_workers import QUIET
from tests.support.ports import HOST
from tests.support.postgres import Cluster
from tests.support.postgres_process import wait_for
from tests.support.processes import postgres_site
from tests.support.server import Reply, RunningServer
from tests.support.soak import rounds

WAITING = "application_name = 'grantory' AND wait_event = 'SyncRep'"
LONGEST_ANSWER = 20.0
"""Seconds; a COMMIT is waited for five, and the machine may be slow."""


HEARD_WITHIN = 1.0
"""Seconds; what docs/operations.md promises."""
QUESTIONS = 8
"""So many reach every worker of a node."""


class Trio(NamedTuple):
    """A server, a primary and a synchronous standby."""

    server: RunningServer
    load: Load
    primary: Cluster
    standby: Cluster
    database: str


class Servers(NamedTuple):
    """A primary and a synchronous standby."""

    primary: Cluster
    standby: Cluster
    database: str
    url: str
    """It names both of them."""


@contextmanager
def two_servers() -> Iterator[Servers]:
    """Both run, and the database is empty."""
    with Cluster(durable=True) as primary, primary.standby() as standby:
        primary.wait_for_commits_by(standby)
        database = primary.create_database()
        hosts = [f"{HOST}:{primary.port}", f"{HOST}:{standby.port}"]
        yield Servers(primary, standby, database, primary.url(database, hosts=hosts))


@contextmanager
def a_trio() -> Iterator[Trio]:
    """All run, and nothing is under way."""
    with two_servers() as (primary, standby, database, url):
        environment = {"GRANTORY_DATABASE_URL": url, **QUIET}
        with RunningServer("--workers", str(WORKERS), environment=environment) as server:
            yield Trio(server, Load(server), primary, standby, database)


@contextmanager
def two_nodes() -> Iterator[tuple[Trio, RunningServer]]:
    """The same with a second node, to which half of the writers go."""
    with two_servers() as (primary, standby, database, url), postgres_site(url) as site:
        first, second = site.nodes
        yield Trio(first, Load(first, others=[second]), primary, standby, database), second


def assert_it_hears(node: RunningServer, maker: RunningServer, load: Load) -> float:
    """A client that is made on another node works on this one, until soon after it is deleted."""
    client = maker.call("POST", CLIENTS, large_client(load), token=load.admin).json()
    token = node.token(client["id"], client["secret"])

    def asked() -> set[int]:
        return {node.call("HEAD", TOKEN, token=token).status for _ in range(QUESTIONS)}

    assert asked() == {200}
    path = f"{CLIENTS}/{client['id']}"
    assert maker.call("DELETE", path, token=load.admin).status == 204
    deleted = began = time.monotonic()
    while asked() != {401}:
        assert began < deleted + HEARD_WITHIN, "the token of a deleted client is good"
        began = time.monotonic()
    return began - deleted


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_case_85_a_synchronous_standby_takes_over_without_a_loss() -> None:
    for _ in range(rounds(1, 20)):
        with two_nodes() as (trio, second):
            load = trio.load
            revoked = trio.server.token()
            with load.running():
                load.wait_for(80)
                assert trio.server.call("DELETE", TOKEN, token=revoked).status in (200, 204)
                trio.primary.kill()
                killed = time.monotonic()
                trio.standby.promote()
                promoted = time.monotonic()
                load.wait_for(60)
                wait_for(lambda: load.every_node_goes_on(killed), "changes and tokens of both")
            heard = [
                assert_it_hears(second, trio.server, load),
                assert_it_hears(trio.server, second, load),
            ]
            # First: it waits until every process has heard of everything.
            check(trio.server, load, PostgresRows(trio.standby, trio.database))
            for node in (trio.server, second):
                assert node.call("GET", TOKEN, token=revoked).status == 401
            print(
                f"promotion {promoted - killed:.2f} s after the kill; first change "
                f"{load.first('change', killed) - killed:.2f} s, first token "
                f"{load.first('token', killed) - killed:.2f} s after the kill; "
                f"the other node heard of a deletion after {max(heard):.2f} s; "
                f"{load.left_open()} changes of unknown outcome"
            )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_case_85_a_change_that_no_standby_has_is_never_acknowledged() -> None:
    with a_trio() as trio:
        with trio.load.running():
            trio.load.wait_for(20)
        trio.standby.pause()
        try:
            began = time.monotonic()
            assert_unknown(create(trio))
            taken = time.monotonic() - began
            assert taken < LONGEST_ANSWER
            # Reading, and so giving out tokens, needs no standby.
            assert trio.server.call("GET", TOKEN, token=trio.server.token()).status == 200
        finally:
            trio.standby.resume()
        with trio.load.running():
            trio.load.wait_for(20)
        check(trio.server, trio.load, PostgresRows(trio.primary, trio.database))
        print(f"a COMMIT that nobody confirmed was told as unknown after {taken:.1f} s")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("end", ["pg_cancel_backend", "pg_terminate_backend"])
def test_case_85_a_commit_whose_wait_is_ended_is_not_acknowledged(end: str) -> None:
    with a_trio() as trio:
        with trio.load.running():
            trio.load.wait_for(20)
        trio.standby.pause()
        with Asking(trio) as asking:

            def end_waits() -> bool:
                """Also those of what the server does by itself, which may wait, too."""
                trio.primary.psql(f"SELECT {end}(pid) FROM pg_stat_activity WHERE {WAITING}")
                return not asking.is_alive()

            wait_for(end_waits, "an answer")
        trio.standby.resume()
        assert asking.answer is not None
        assert_unknown(asking.answer)
        with trio.load.running():
            trio.load.wait_for(20)
        check(trio.server, trio.load, PostgresRows(trio.primary, trio.database))
        names = [c["name"] for c in trio.server.call("GET", CLIENTS).json()["entities"]]
        assert names.count("large") == 1, "kept by the primary, and done once"


class Asking(threading.Thread):
    """A create under way."""

    def __init__(self, trio: Trio) -> None:
        super().__init__(daemon=True)
        self._trio = trio
        self.answer: Reply | None = None

    def run(self) -> None:
        self.answer = create(self._trio)

    def __enter__(self) -> "Asking":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.join(LONGEST_ANSWER)


def create(trio: Trio) -> Reply:
    """Ask for a client that is no writer's."""
    return trio.server.call("POST", CLIENTS, large_client(trio.load), token=trio.load.admin)


def assert_unknown(answer: Reply) -> None:
    """503 that tells nobody to try again."""
    assert answer.status == 503, answer
    assert answer.json()["code"] == "service.outcome.unknown"
    assert "retry-after" not in answer.headers
