"""kill -9 in the middle of the work: every acknowledged change is there afterwards."""

import http.client
import json
import random
import threading
from contextlib import closing
from typing import Any

import apsw
import msgspec
import pytest

from tests.support.server import HOST, RunningServer, command_line

CLIENTS = "/api/v2/oauth/clients"
ROUNDS = 20
WORKERS = 4


class Known(msgspec.Struct):
    """What was acknowledged of one client."""

    text: str
    secret: str
    changes: int = 1
    deleted: bool = False


class Pending(msgspec.Struct):
    """The request that was not answered when the server was killed."""

    kind: str
    text: str
    client_id: str = ""


class Worker(threading.Thread):
    """Creates, changes, regenerates and deletes clients of its own until the server is gone."""

    def __init__(self, seed: int, acknowledged: threading.Semaphore) -> None:
        super().__init__(daemon=True)
        self.random = random.Random(seed)
        self.acknowledged = acknowledged
        self.seed = seed
        self.clients: dict[str, Known] = {}
        self.pending: Pending | None = None
        self.failure: BaseException | None = None
        self.count = 0

    def aim(self, server: RunningServer, role_id: str) -> None:
        self.token, self.port, self.role_id = server.token(), server.port, role_id

    def run(self) -> None:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        try:
            while True:
                self.step(connection)
        except (OSError, http.client.HTTPException):
            return  # the server was killed
        except BaseException as error:
            self.failure = error
        finally:
            connection.close()

    def step(self, connection: http.client.HTTPConnection) -> None:
        living = [key for key, known in self.clients.items() if not known.deleted]
        kinds = ["create"] if not living else ["create", "change", "regenerate", "delete"]
        kind = self.random.choice(kinds)
        client_id = "" if kind == "create" else self.random.choice(living)
        self.count += 1
        text = f"worker {self.seed} step {self.count}"
        self.pending = Pending(kind, text, client_id)
        answer = self.send(connection, kind, client_id, text)
        if kind == "create":
            self.clients[answer["id"]] = Known(text, answer["secret"])
        else:
            known = self.clients[client_id]
            known.changes += 1
            if kind == "change":
                known.text = text
            elif kind == "regenerate":
                known.secret = answer["secret"]
            else:
                known.deleted = True
        self.pending = None
        self.acknowledged.release()

    def send(
        self, connection: http.client.HTTPConnection, kind: str, client_id: str, text: str
    ) -> Any:
        method, path = {
            "create": ("POST", CLIENTS),
            "change": ("PUT", f"{CLIENTS}/{client_id}"),
            "regenerate": ("POST", f"{CLIENTS}/{client_id}/secret"),
            "delete": ("DELETE", f"{CLIENTS}/{client_id}"),
        }[kind]
        body = {
            "name": text,
            "description": text,
            "authorizedGrantType": "CLIENT-CREDENTIALS",
            "roleDivisions": [{"roleId": self.role_id, "divisionId": "*"}],
        }
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        content = json.dumps(body) if kind in ("create", "change") else None
        connection.request(method, path, content, headers)
        response = connection.getresponse()
        data = response.read()
        assert response.status in (200, 204), f"{kind}: {response.status} {data!r}"
        return json.loads(data) if data else None


def check(server: RunningServer, worker: Worker, listed: dict[str, dict[str, Any]]) -> None:
    """Compare what a worker knows with what the server has after its restart."""
    pending = worker.pending
    for client_id, known in worker.clients.items():
        open_kind = pending.kind if pending and pending.client_id == client_id else ""
        found = listed.get(client_id)
        if known.deleted:
            assert found is None, "an acknowledged deletion was undone"
            continue
        if found is None:
            assert open_kind == "delete", "an acknowledged client is gone"
            known.deleted = True
            known.changes += 1
            continue
        assert found["name"] == found["description"], "half a change was kept"
        if found["name"] != known.text:
            assert pending is not None
            assert (open_kind, found["name"]) == ("change", pending.text), "a change was lost"
            known.text = pending.text
            known.changes += 1
        if not is_right(server, client_id, known.secret):
            assert open_kind == "regenerate", "an acknowledged secret does not work"
            made = server.call("POST", f"{CLIENTS}/{client_id}/secret").json()
            known.secret = made["secret"]
            known.changes += 2
    if pending is not None and pending.kind == "create":
        for client in listed.values():
            if client["name"] == pending.text:
                assert client["description"] == pending.text
                assert client["roleIds"] == [worker.role_id]
                made = server.call("POST", f"{CLIENTS}/{client['id']}/secret").json()
                worker.clients[client["id"]] = Known(pending.text, made["secret"], changes=2)


def is_right(server: RunningServer, client_id: str, secret: str) -> bool:
    status = server.ask_token(client_id, secret).status
    assert status in (200, 401)
    return status == 200


def check_rows(server: RunningServer, workers: list[Worker]) -> None:
    """Each living client has one live secret and its role; each change has its event."""
    file = server.data_dir / "grantory.db"
    known = {key: value for worker in workers for key, value in worker.clients.items()}
    with closing(apsw.Connection(str(file))) as connection:

        def counted(sql: str) -> dict[str, int]:
            return {str(key): int(str(number)) for key, number in connection.execute(sql)}

        secrets = counted(
            "SELECT client_id, count(*) FROM client_secrets WHERE ended_at IS NULL"
            " GROUP BY client_id"
        )
        grants = counted("SELECT subject_id, count(*) FROM grants GROUP BY subject_id")
        events = counted("SELECT entity_id, count(*) FROM audit_events GROUP BY entity_id")
    for client_id, client in known.items():
        expected = 0 if client.deleted else 1
        assert secrets.get(client_id, 0) == expected
        assert grants.get(client_id, 0) == expected
        assert events[client_id] == client.changes, "a change and its event parted"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_acknowledged_change_outlives_a_killed_server() -> None:
    with RunningServer(environment={"GRANTORY_THROTTLE_FAILURES_PER_ADDRESS": "0"}) as server:
        role = {"name": "viewer", "permissions": ["oauth:client:view"]}
        role_id = server.call("POST", "/api/v2/authorization/roles", role).json()["id"]
        known: list[dict[str, Known]] = [{} for _ in range(WORKERS)]
        kinds: set[str] = set()
        for number in range(ROUNDS):
            acknowledged = threading.Semaphore(0)
            workers = []
            for index in range(WORKERS):
                worker = Worker(number * WORKERS + index, acknowledged)
                worker.clients = known[index]
                worker.aim(server, role_id)
                workers.append(worker)
            for worker in workers:
                worker.start()
            for _ in range(30 + 7 * number):
                assert acknowledged.acquire(timeout=30), [w.failure for w in workers]
            server.kill()
            for worker in workers:
                worker.join(30)
                assert worker.failure is None, worker.failure
                if worker.pending is not None:
                    kinds.add(worker.pending.kind)
            server.start()
            page = server.call("GET", CLIENTS).json()
            listed = {client["id"]: client for client in page["entities"]}
            assert len(listed) == len(page["entities"]) == page["total"]
            for worker in workers:
                check(server, worker, listed)
            check_rows(server, workers)
        assert kinds == {"create", "change", "regenerate", "delete"}
        server.stop()
        result = command_line("db", "check", "--data-dir", str(server.data_dir))
        assert result.returncode == 0, result.stderr
