"""kill -9 in the middle of lists of changes: each is there as a whole, or not at all."""

import http.client
import json
import random
import threading
from collections import Counter

import pytest

from tests.crashes.rows import SqliteRows
from tests.crashes.test_killed_workers import QUIET, assert_whole
from tests.support.change_lists import CHANGES, client, role
from tests.support.server import HOST, RunningServer
from tests.support.soak import rounds

CLIENTS_EACH = 40
LATEST = 0.12
"""Seconds for which the server may go on after a list was acknowledged: that of several lists."""
PATIENCE = 60.0


class Lists(threading.Thread):
    """Asks for one list after the other, until a connection breaks.

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
        self.failure: BaseException | None = None

    def run(self) -> None:
        connection = http.client.HTTPConnection(HOST, self._port, timeout=PATIENCE)
        try:
            while True:
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
        assert answer.status == 200, text
        self.acknowledged.append(name)
        self.first.set()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_case_85_a_list_of_changes_outlives_a_killed_server_as_a_whole_or_not_at_all() -> None:
    draw = random.Random("lists")
    cut_off = 0
    with RunningServer(environment=QUIET) as server:
        rows, token = SqliteRows(server.data_dir / "grantory.db"), server.token()
        for number in range(rounds(5, 60)):
            lists = Lists(server, token, f"round {number}")
            lists.start()
            assert lists.first.wait(PATIENCE)
            lists.join(draw.uniform(0, LATEST))
            server.kill()
            lists.join(PATIENCE)
            assert lists.failure is None
            server.start()
            clients = Counter(name for (name,) in rows.query("SELECT name FROM clients"))
            roles = Counter(name for (name,) in rows.query("SELECT name FROM roles"))
            grants = Counter(
                name
                for (name,) in rows.query(
                    "SELECT roles.name FROM grants JOIN roles ON roles.id = grants.role_id"
                )
            )
            for name in lists.sent:
                there = (roles[name], clients[name], grants[name])
                whole = (1, CLIENTS_EACH, CLIENTS_EACH)
                assert there in (whole, (0, 0, 0)), name
                assert there == whole or name not in lists.acknowledged, name
            cut_off += len(lists.sent) - len(lists.acknowledged)
        assert cut_off, "nothing was ever under way"
        assert_whole(server)
