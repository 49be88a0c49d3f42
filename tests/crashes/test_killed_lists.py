"""kill -9 in the middle of lists of changes: each is there as a whole, or not at all.

So are the lists of clients that are kept: their totals, and what finds parts of names.
"""

import http.client
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import quote

import pytest

from tests.crashes.request import CLIENTS
from tests.crashes.rows import PostgresRows, Rows, SqliteRows
from tests.crashes.test_killed_postgres import wait_until_idle
from tests.crashes.test_killed_workers import QUIET, assert_whole
from tests.support.change_lists import CHANGES, client, role
from tests.support.postgres import Cluster
from tests.support.postgres_process import wait_for
from tests.support.server import HOST, RunningServer
from tests.support.soak import rounds

CLIENTS_EACH = 40
LATEST = 0.12
"""Seconds for which the server may go on after a list was acknowledged: that of several lists."""
PATIENCE = 60.0
GRANTED = "SELECT roles.name FROM grants JOIN roles ON roles.id = grants.role_id"
MARKS = "SELECT count(*) FROM client_marks"


class Lists(threading.Thread):
    """Asks for one list after the other, until it is told to stop, or one is not acknowledged.

    Args:
        server: whom.
        token: an administrator's.
        name: what everything is called that is made here, and a number.
    """

    def __init__(self, server: RunningServer, token: str, name: str) -> None:
        super().__init__(daemon=True, name=name)
        self._port = server.port
        self._token = token
        self.sent: list[str] = []
        self.acknowledged: list[str] = []
        self.first = threading.Event()
        self.stopping = threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=PATIENCE)
        try:
            while not self.stopping.is_set():
                self._send(connection, f"{self.name} list {len(self.sent)}")
        except (OSError, http.client.HTTPException):
            pass
        except BaseException as error:
            self.failure = error
        finally:
            self.first.set()
            connection.close()

    def _send(self, connection: http.client.HTTPConnection, name: str) -> None:
        clients = [client(name, ("#r", "*")) for _ in range(CLIENTS_EACH)]
        body = json.dumps({"changes": [role(name, "routing:queue:view", key="r"), *clients]})
        login = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        self.sent.append(name)
        connection.request("POST", CHANGES, body, login)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status in (200, 503), text
        if answer.status == 503:
            self.stopping.set()
            return
        self.acknowledged.append(name)
        self.first.set()


class Place(NamedTuple):
    """A server on a store, and what can be killed."""

    server: RunningServer
    rows: Rows
    environment: dict[str, str]
    kills: list[Callable[[], None]]
    """Each kills something and brings it back; what was under way has come to its end then."""


@contextmanager
def on_sqlite() -> Iterator[Place]:
    """A server on a file."""
    with RunningServer(environment=QUIET) as server:

        def kill() -> None:
            server.kill()
            server.start()

        yield Place(server, SqliteRows(server.data_dir / "grantory.db"), {}, [kill])


@contextmanager
def on_postgresql() -> Iterator[Place]:
    """A server on a PostgreSQL of its own."""
    with Cluster(durable=True) as cluster:
        database = cluster.create_database()
        environment = {"GRANTORY_DATABASE_URL": cluster.url(database)}
        with RunningServer(environment={**environment, **QUIET}) as server:

            def kill_server() -> None:
                server.kill()
                server.start()
                wait_until_idle(cluster)

            def kill_postgresql() -> None:
                cluster.kill()
                cluster.start()
                wait_for(lambda: server.call("GET", CLIENTS).status == 200, "the server")

            yield Place(
                server, PostgresRows(cluster, database), environment, [kill_server, kill_postgresql]
            )


PLACES = {"sqlite": (on_sqlite, 5), "postgresql": (on_postgresql, 2)}
"""By the kind of database, a store and how often something is killed in every run."""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", PLACES)
def test_case_85_a_list_of_changes_outlives_a_kill_as_a_whole_or_not_at_all(kind: str) -> None:
    draw = random.Random("lists")
    cut_off = 0
    make, short = PLACES[kind]
    with make() as place:
        token = place.server.token()
        sent: list[str] = []
        for number in range(rounds(short, 60)):
            lists = Lists(place.server, token, f"round {number}")
            lists.start()
            assert lists.first.wait(PATIENCE)
            lists.join(draw.uniform(0, LATEST))
            place.kills[number % len(place.kills)]()
            lists.stopping.set()
            lists.join(PATIENCE)
            assert lists.failure is None
            assert_all_or_none(place.rows, lists)
            assert_listed(place, token, lists.sent)
            sent += lists.sent
            cut_off += len(lists.sent) - len(lists.acknowledged)
        assert cut_off, "nothing was ever under way"
        wait_for(lambda: place.rows.query(MARKS) == [("0",)], "all to be put into the list")
        assert_listed(place, token, sent)
        assert_whole(place.server, place.environment)


def assert_all_or_none(rows: Rows, lists: Lists) -> None:
    """Each list is there with all that it makes, or nothing of it is."""
    clients = counted(rows, "SELECT name FROM clients")
    roles = counted(rows, "SELECT name FROM roles")
    grants = counted(rows, GRANTED)
    for name in lists.sent:
        there = (roles[name], clients[name], grants[name])
        whole = (1, CLIENTS_EACH, CLIENTS_EACH)
        assert there in (whole, (0, 0, 0)), name
        assert there == whole or name not in lists.acknowledged, name


def assert_listed(place: Place, token: str, names: list[str]) -> None:
    """The list of clients counts them all, and finds them by parts of their names."""
    clients = counted(place.rows, "SELECT name FROM clients")
    for part in ("", *names):
        path = f"{CLIENTS}?pageSize=1&name={quote(part)}"
        found = place.server.call("GET", path, token=token).json()["total"]
        assert found == sum(n for name, n in clients.items() if part in name), part


def counted(rows: Rows, sql: str) -> Counter[str]:
    """How often each name is there."""
    return Counter(name for (name,) in rows.query(sql))
