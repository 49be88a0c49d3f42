"""Attack cases 67 and 68: no file, log line, metric or span holds what would let somebody in.

One server does everything that there is to do, right and wrong; what it left behind is
searched for every credential that it gave out, in every spelling that a careless line of code
could have made of it.
"""

import base64
import itertools
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import apsw
import pytest

from grantory.domain.token import key_context
from grantory.http.operation import Operation
from grantory.master_key_file import find_master_key
from grantory.settings import Settings
from tests.support.collector import Collector, attributes
from tests.support.people import USERS
from tests.support.processes import wait_until
from tests.support.server import Reply, RunningServer, basic
from tests.support.world import CLIENTS, ROLES, declared_operations

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNKNOWN = "11111111-2222-4333-8444-555555555555"


@cache
def spellings(credential: str) -> set[bytes]:
    """The ways in which a text can be written down by accident."""
    found: set[bytes] = set()
    for text in {credential, credential[4:]} if credential[3:4] == "_" else {credential}:
        raw = text.encode()
        found |= {raw, raw[::-1], raw.hex().encode(), raw.hex().upper().encode()}
        found |= {text.encode("utf-16-le"), text.upper().encode(), text.lower().encode()}
        for shift in range(3):
            # At any place in a longer text; the characters at the ends depend on neighbours.
            encoded = base64.b64encode(b"\x00" * shift + raw)[4 if shift else 0 : -4]
            found |= {encoded, encoded.translate(bytes.maketrans(b"+/", b"-_"))}
    if credential.startswith("gat_"):
        token = base64.urlsafe_b64decode(credential[4:] + "=" * (-len(credential[4:]) % 4))
        found |= {token, token[-32:], token[-32:].hex().encode()}
    return found


class Run(NamedTuple):
    """What a server was seen to do, and what it left behind."""

    credentials: dict[str, str]
    log: str
    data_dir: Path
    files: dict[str, bytes]
    modes: dict[str, int]
    """Of the files, as they were when the server was killed, and of their folder."""
    routes: set[tuple[str, str]]
    metrics: dict[str, bytes]
    """By the form that they were asked for in."""
    traces: Collector
    answers: list[Reply]


class Everything:
    """Calls every operation of a real server, well and badly, with credentials in odd places."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.credentials: dict[str, str] = {}
        self.answers: list[Reply] = []
        self._numbers = itertools.count()
        founding = server.first_start
        self.keep(founding["admin"]["password"])
        self.keep(server.client_secret)
        self.token = self.new_token(server.client_id, server.client_secret)

    def keep(self, credential: str) -> str:
        self.credentials[f"{next(self._numbers)} {credential[:4]}"] = credential
        return credential

    def new_token(self, client_id: str, secret: str) -> str:
        return self.keep(self.server.token(client_id, secret))

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        headers = {"authorization": f"Bearer {self.token}", **headers}
        data = (
            body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        )
        headers.setdefault("content-type", "application/json")
        answer = self.server.request(method, path, body=data, headers=headers)
        self.answers.append(answer)
        return answer

    def do_the_job(self) -> None:
        """Credentials are made, replaced, used and ended as they should be."""
        policies = [{"domain": "routing", "entityName": "queue", "actionSet": ["view"]}]
        name = f"role {next(self._numbers)}"
        role = self.send("POST", ROLES, {"name": name, "permissionPolicies": policies}).json()
        for number in range(5):
            body = {
                "name": f"client {number}",
                "authorizedGrantType": "CLIENT-CREDENTIALS",
                "roleIds": [role["id"]],
            }
            client = self.send("POST", CLIENTS, body).json()
            path = f"{CLIENTS}/{client['id']}"
            self.keep(client["secret"])
            self.new_token(client["id"], client["secret"])
            second = self.keep(self.send("POST", f"{path}/secret").json()["secret"])
            token = self.new_token(client["id"], second)
            self.send("PUT", path, {**body, "secret": second, "description": "changed"})
            self.send("GET", path)
            self.send("DELETE", "/api/v2/tokens/me", authorization=f"Bearer {token}")
            self.send("GET", "/api/v2/tokens/me", authorization=f"Bearer {token}")
            self._people(number)
            if number % 2:
                self.send("PUT", path, {**body, "state": "disabled"})
                self.server.ask_token(client["id"], second)
                self.send("DELETE", path)

    def _people(self, number: int) -> None:
        """A user gets a password, then another; and one that may not be chosen."""
        first, second = (self.keep(f"{word} {uuid4().hex}") for word in ("quiet", "harbor"))
        body = {"name": "Ann", "email": f"{uuid4()}@example.com", "password": first}
        path = f"{USERS}/{self.send('POST', USERS, body).json()['id']}"
        self.send("POST", f"{path}/password", {"newPassword": second})
        self.send("POST", f"{path}/password", {"newPassword": second * 9})
        self.send("POST", f"{USERS}/me/password", {"newPassword": first, "oldPassword": second})
        self.send("PATCH", path, {"title": f"number {number}", "password": second})
        self.send("POST", USERS, {**body, "email": f"{second} {first}"})
        self.send("GET", path)
        if number % 2:
            self.send("DELETE", path)

    def do_it_wrong(self, operations: tuple[Operation, ...]) -> None:
        """Every operation gets credentials where none belong."""
        secret, token = self.server.client_secret, self.token
        for operation in operations:
            bodies = (None, {"secret": secret}, {"state": secret, "name": [token]})
            for value in (UNKNOWN, secret, token, f"{secret}%00", "%ff" + token):
                path = value.join(re.split(r"\{\w+\}", operation.path))
                query = f"access_token={token}&client_secret={secret}&pageSize={secret}&%00={token}"
                # A body is read alike whatever the path says.
                for body in bodies if value == UNKNOWN else bodies[1:2]:
                    for authorization in ("", secret, f"Bearer {secret}", basic("a", secret)):
                        self.send(operation.method, path, body, authorization=authorization)
                    if operation.id != "deleteTokensMe":
                        self.send(operation.method, path, body)
                        self.send(operation.method, f"{path}?{query}", body, cookie=f"t={token}")
            if operation.id != "deleteTokensMe":
                self.send(operation.method, operation.path, b'{"secret":"%s' % secret.encode())
            self.send("TRACE", operation.path)
        form = f"grant_type=client_credentials&client_secret={secret}"
        mime = {"content-type": "application/x-www-form-urlencoded"}
        for text in (form, f"{form}&{form}", f"{form}&client_id={token}", f"grant_type={secret}"):
            for authorization in (basic(token, secret), basic(secret, token), f"Basic {secret}"):
                for path in ("/oauth/token", f"/oauth/token?{form}", f"/oauth/token/{secret}"):
                    self.send("POST", path, text.encode(), authorization=authorization, **mime)
        for path in (f"/{secret}", f"/?{secret}", f"/health/ready?{token}"):
            self.send("GET", path, referer=f"http://a/?{token}", **{"user-agent": secret})
            told = {"tracestate": f"a={secret[:250]}", "baggage": f"token={token}"}
            self.send("GET", path, traceparent=PARENT, **told)
            self.send("GET", path, traceparent=f"00-{secret}-{token}-01")

    def break_the_store(self, file: Path) -> None:
        """Failures that nobody foresaw, with a stack trace in the log."""
        body = {"name": "a", "authorizedGrantType": "CODE", "secret": self.server.client_secret}
        connection = apsw.Connection(str(file))
        connection.setbusytimeout(5000)
        try:
            for table in ("audit_events", "clients", "denied_tokens"):
                connection.execute(f"ALTER TABLE {table} RENAME TO hidden")
                failed = self.send("POST", CLIENTS, body)
                self.send("GET", CLIENTS)
                self.server.ask_token(UNKNOWN, self.server.client_secret)
                connection.execute(f"ALTER TABLE hidden RENAME TO {table}")
                assert table == "denied_tokens" or failed.status == 500
        finally:
            connection.close()


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """One run of everything, with the server stopped and its files still there."""
    environment = {
        "GRANTORY_THROTTLE_FAILURES_PER_ADDRESS": "0",
        "GRANTORY_THROTTLE_FAILURES_PER_CLIENT_AND_ADDRESS": "0",
    }
    with (
        Collector() as collector,
        RunningServer(environment={**environment, **collector.environment}) as server,
    ):
        operations = declared_operations()
        everything = Everything(server)
        everything.do_the_job()
        everything.do_it_wrong(operations)
        everything.break_the_store(server.data_dir / "grantory.db")
        everything.do_the_job()
        metrics = {
            form: server.request("GET", "/metrics", headers={"accept": form}).body
            for form in ("text/plain", "application/openmetrics-text")
        }
        last = everything.answers[-1].headers["inin-correlation-id"].encode()
        wait_until(lambda: any(last in body for body in collector.bodies), "the last span")
        # Killed, so that the write-ahead log is still there to be searched.
        server.kill()
        routes = {(operation.method, operation.path) for operation in operations}
        folder = server.data_dir
        yield Run(
            credentials=everything.credentials,
            log=server.log_text(),
            data_dir=folder,
            files={path.name: path.read_bytes() for path in folder.iterdir()},
            modes={path.name: path.stat().st_mode & 0o777 for path in (folder, *folder.iterdir())},
            routes=routes,
            metrics=metrics,
            traces=collector,
            answers=everything.answers,
        )


def holders(credentials: dict[str, str], data: bytes) -> list[str]:
    return [
        name
        for name, credential in credentials.items()
        if any(spelling in data for spelling in spellings(credential))
    ]


def test_case_67_the_store_holds_no_credential(run: Run) -> None:
    assert {"grantory.db", "grantory.db-wal", "master.key"} <= set(run.files)
    assert len(run.credentials) > 40

    for name, data in run.files.items():
        assert name == "first-start.json" or not holders(run.credentials, data), name


def test_case_67_the_search_would_find_one(run: Run) -> None:
    for credential in run.credentials.values():
        alone = {"it": credential}
        for shift in range(3):
            wrapped = base64.b64encode(b"x" * shift + credential.encode() + b"yy")
            assert holders(alone, b"..." + wrapped) == ["it"]
        assert holders(alone, credential.encode().hex().encode()) == ["it"]
        assert holders(alone, credential.encode()) == ["it"]
    # And what is given out at the first start is where it should be.
    assert len(holders(run.credentials, run.files["first-start.json"])) == 2


def test_case_67_the_store_holds_no_key_in_the_clear(run: Run) -> None:
    master_key = find_master_key(Settings(data_dir=run.data_dir))
    assert master_key is not None
    connection = apsw.Connection(str(run.data_dir / "grantory.db"))
    rows: list[Any] = connection.execute(
        "SELECT key_id, organization_id, sealed FROM keys"
    ).fetchall()
    connection.close()
    materials = [
        master_key.open(bytes(sealed), key_context(bytes(key_id), organization_id))
        for key_id, organization_id, sealed in rows
    ]
    master = run.files["master.key"].strip()
    secret_bytes = {*materials, master, base64.urlsafe_b64decode(master)}
    secret_bytes |= {base64.b64encode(value) for value in secret_bytes}
    secret_bytes |= {value.hex().encode() for value in secret_bytes}
    assert materials
    assert {len(material) for material in materials} == {32}

    for name, data in run.files.items():
        if name != "master.key":
            assert not any(value in data for value in secret_bytes), name


def test_case_67_the_files_are_the_owners_alone(run: Run) -> None:
    assert {"master.key", "first-start.json", "grantory.db", "grantory.db-wal"} <= set(run.modes)
    assert not any(mode & 0o077 for mode in run.modes.values()), run.modes


def test_case_68_the_log_holds_no_credential(run: Run) -> None:
    lines = run.log.splitlines()
    requests = [json.loads(line) for line in lines if '"event":"request"' in line]
    assert {(line["method"], line["route"]) for line in requests} >= run.routes
    assert {200, 204, 400, 401, 404, 405, 500} <= {line["status"] for line in requests}
    assert "Traceback" in run.log

    assert not holders(run.credentials, run.log.encode())
    assert "gcs_" not in run.log
    assert "gat_" not in run.log


def test_case_68_errors_hold_no_credential(run: Run) -> None:
    errors = [answer for answer in run.answers if answer.status >= 400]
    assert len(errors) > 500
    # An answer may name the id that it was asked for; whatever else it holds is its own.
    failures = [answer for answer in errors if answer.status >= 500]
    assert failures

    for answer in failures:
        assert not holders(run.credentials, answer.body)
        assert b"Traceback" not in answer.body
        assert b"audit_events" not in answer.body
    for answer in errors:
        head = "".join(answer.headers.values()).encode()
        assert not holders(run.credentials, head)


def test_case_68_audit_events_hold_no_credential(run: Run) -> None:
    connection = apsw.Connection(str(run.data_dir / "grantory.db"))
    rows = connection.execute("SELECT * FROM audit_events").fetchall()
    connection.close()
    actions = {row[6] for row in rows}
    assert {"Create", "Update", "Delete", "Regenerate", "Revoke"} <= actions

    text = "\n".join(str(value) for row in rows for value in row)

    assert not holders(run.credentials, text.encode())
    assert "gcs_" not in text
    assert "gat_" not in text


def test_case_68_metrics_hold_no_credential(run: Run) -> None:
    for text in run.metrics.values():
        assert b'route="/oauth/token",status="401"' in text
        assert b'grant_type="other",outcome="unsupported_grant_type"' in text

        assert not holders(run.credentials, text)
        for word in (b"gcs_", b"gat_", UNKNOWN.encode(), b"client 0"):
            assert word not in text


def test_case_68_traces_hold_no_credential(run: Run) -> None:
    spans = run.traces.spans()
    described = [attributes(span) for span in spans]
    routes = {(span.get("http.request.method"), span.get("http.route")) for span in described}
    assert routes >= run.routes
    assert {"token issue", "store read", "store write", "store scan"} <= {s.name for s in spans}
    assert any(span.trace_id.hex() == PARENT[3:35] for span in spans)

    for body in run.traces.bodies:
        assert not holders(run.credentials, body)
        for word in (b"gcs_", b"gat_", UNKNOWN.encode(), b"client 0"):
            assert word not in body
    assert not any(span.trace_state or span.events for span in spans)
