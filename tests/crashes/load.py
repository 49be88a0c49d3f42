"""Changes of every kind from several threads, on a server that fails and comes back."""

import http.client
import itertools
import json
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlencode

from tests.crashes.ledger import CHANGES, CLIENTS, REGENERATIONS, ROLES, Client, Ledger, Request
from tests.support.server import HOST, RunningServer, basic
from tests.support.soak import rounds

PAUSE = 0.02
PATIENCE = 60.0
MORE_ROUNDS = 6
REQUESTS_ON_ONE_CONNECTION = 25
"""Then a new one is made, so that every worker gets its share."""

Document = dict[str, Any]


class Answer(NamedTuple):
    """What came back: a status, or 0 where the connection broke."""

    status: int
    document: Document
    headers: dict[str, str]


class Writer(threading.Thread):
    """Asks for one change after the other, and writes down what it was told."""

    def __init__(self, load: "Load", ledger: Ledger, port: int, name: str) -> None:
        super().__init__(daemon=True, name=name)
        self._load = load
        self._port = port
        self._ledger = ledger
        self._random = random.Random(name)
        self._count = 0
        self._connection: http.client.HTTPConnection | None = None
        self._sent = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._load.stopping.is_set():
                self._step()
        except BaseException as error:
            self.failure = error
        finally:
            self._disconnect()

    def _step(self) -> None:
        request = self._request()
        if request is None:
            self._log_in()
        elif request.kind == "refused":
            self._be_refused(request.text)
        else:
            self._change(request)

    def _request(self) -> Request | None:
        """What to ask for next; None for a token."""
        ledger, draw = self._ledger, self._random
        self._count += 1
        text = f"{self.name} step {self._count}"
        kind = draw.choice((*CHANGES, "create client", "create role", "token", "refused"))
        roles = ledger.idle_roles()
        held = frozenset(role.id for role in draw.sample(roles, min(len(roles), 2)))
        held |= {ledger.base_role}
        if kind in ("create role", "refused"):
            return Request(kind, text)
        if kind == "create client":
            return Request(kind, text, roles=held)
        if kind in ("put role", "patch role", "delete role"):
            if not roles:
                return Request("create role", text)
            return Request(kind, "" if kind == "delete role" else text, draw.choice(roles).id)
        fitting = [client for client in ledger.idle_clients() if fits(kind, client)]
        if not fitting:
            return Request("create client", text, roles=held)
        return self._about(kind, draw.choice(fitting), text, held)

    def _about(self, kind: str, client: Client, text: str, held: frozenset[str]) -> Request | None:
        if kind == "token":
            self._client = client
            return None
        if kind == "revoke":
            return Request(kind, "", client.id, token=client.token)
        if kind in (*REGENERATIONS, "delete client"):
            return Request(kind, "", client.id)
        state = {"disable": "disabled", "enable": "active"}.get(kind, client.state)
        return Request(kind, text, client.id, held, state)

    def _change(self, request: Request) -> None:
        began = time.monotonic()
        answer = self._ask(*request.http(self._load.admin))
        if answer is None:
            return  # there was nobody to ask
        outcome = outcome_of(answer)
        if outcome == "done":
            self._ledger.done(request, answer.document)
            self._ledger.times.append((request.kind, began, time.monotonic()))
            self._load.acknowledged.release()
        elif outcome == "open":
            self._ledger.open.append(request)
        else:
            assert answer.status == 503, f"{request}: {answer}"
            self._ledger.not_done(request)
        self._ledger.counted[request.kind, outcome] += 1

    def _be_refused(self, text: str) -> None:
        """Ask for what cannot be: nothing of it may be found later."""
        bad_role = {"roleDivisions": [{"roleId": "no-such-role", "divisionId": "*"}]}
        client: Document = {"name": text, "authorizedGrantType": "CLIENT-CREDENTIALS", **bad_role}
        role: Document = {"name": "Administrator", "description": text}
        path, document = self._random.choice([(CLIENTS, client), (ROLES, role)])
        answer = self._ask("POST", path, document, self._load.admin)
        if answer is not None:
            assert answer.status in (0, 400, 409, 503), answer
            self._ledger.refused.add(text)
            self._ledger.counted["refused", str(answer.status)] += 1

    def _log_in(self) -> None:
        began = time.monotonic()
        client = self._client
        form = urlencode({"grant_type": "client_credentials"})
        answer = self._send("POST", "/oauth/token", form, basic(client.id, client.secret))
        if answer is not None and answer.status == 200:
            client.token = answer.document["access_token"]
            self._ledger.times.append(("token", began, time.monotonic()))

    def _ask(self, method: str, path: str, document: Document | None, token: str) -> Answer | None:
        body = None if document is None else json.dumps(document)
        return self._send(method, path, body, f"Bearer {token}")

    def _send(self, method: str, path: str, body: str | None, login: str) -> Answer | None:
        """Send a request; None where nobody took the connection."""
        if self._connection is None or self._sent >= REQUESTS_ON_ONE_CONNECTION:
            self._disconnect()
            self._connection = http.client.HTTPConnection(HOST, self._port, timeout=PATIENCE)
            try:
                self._connection.connect()
            except OSError:
                self._disconnect()
                self._load.stopping.wait(PAUSE)
                return None
        self._sent += 1
        kind = "x-www-form-urlencoded" if path == "/oauth/token" else "json"
        headers = {"Authorization": login, "Content-Type": f"application/{kind}"}
        try:
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            data = response.read()
        except (OSError, http.client.HTTPException):
            self._disconnect()
            return Answer(0, {}, {})
        fields = {name.lower(): value for name, value in response.getheaders()}
        if response.status == 503:
            self._load.stopping.wait(PAUSE)
        return Answer(response.status, json.loads(data) if data else {}, fields)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._sent = 0


def fits(kind: str, client: Client) -> bool:
    """Whether a kind of request makes sense for a client."""
    if kind == "enable":
        return client.state == "disabled"
    if kind == "revoke":
        return bool(client.token)
    if kind == "token":
        # Within that second another node may not have heard that the client was enabled, or
        # give it a token of the kind that was ended.
        return client.state == "active" and time.monotonic() > client.renewed_at + 1
    return kind != "disable" or client.state == "active"


def outcome_of(answer: Answer) -> str:
    """``done``, ``refused`` (so nothing may have changed) or ``open``."""
    if answer.status in (200, 204):
        return "done"
    if answer.status == 0:
        return "open"
    assert answer.status < 500 or answer.status == 503, answer
    assert set(answer.document) >= {"code", "message", "contextId", "status"}, answer
    if answer.document["code"] == "service.outcome.unknown":
        assert "retry-after" not in answer.headers, answer
        return "open"
    if answer.status == 503:
        assert answer.document["code"] == "service.unavailable", answer
        assert answer.headers["retry-after"], answer
    return "refused"


class Load:
    """Writers that go on through whatever happens to the server; their ledgers outlive them.

    Args:
        server: that the store was set up by.
        writers: how many there are.
        others: further nodes; the writers are dealt out to all of them in turn.
    """

    def __init__(
        self, server: RunningServer, writers: int = 4, others: Sequence[RunningServer] = ()
    ) -> None:
        role = {"name": "base role", "permissions": ["oauth:client:view"]}
        self.base_role: str = server.call("POST", ROLES, role).json()["id"]
        self._ports = [node.port for node in (server, *others)]
        self.admin = server.token()
        self.ledgers = [Ledger(self.base_role) for _ in range(writers)]
        self.acknowledged = threading.Semaphore(0)
        self.stopping = threading.Event()
        self._writers: list[Writer] = []
        self._round = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Writers write while the context lasts; when it ends, every request has its outcome."""
        self.stopping.clear()
        self._round += 1
        names = [f"round {self._round} writer {n}" for n in range(len(self.ledgers))]
        ports = itertools.cycle(self._ports)
        self._writers = [
            Writer(self, ledger, port, name)
            for ledger, port, name in zip(self.ledgers, ports, names, strict=False)
        ]
        for writer in self._writers:
            writer.start()
        try:
            yield
        finally:
            self.stopping.set()
            for writer in self._writers:
                writer.join(2 * PATIENCE)
        self._look_for_failures()
        assert not any(writer.is_alive() for writer in self._writers)

    def wait_for(self, count: int) -> None:
        """Wait until so many more changes have been acknowledged."""
        while self.acknowledged.acquire(blocking=False):
            pass
        deadline = time.monotonic() + PATIENCE
        while count:
            self._look_for_failures()
            assert time.monotonic() < deadline, f"no more is acknowledged: {self.counted()}"
            count -= self.acknowledged.acquire(timeout=0.5)

    def _look_for_failures(self) -> None:
        for writer in self._writers:
            if writer.failure is not None:
                raise writer.failure

    def counted(self) -> Counter[tuple[str, str]]:
        """How often each kind of change had each outcome."""
        total: Counter[tuple[str, str]] = Counter()
        for ledger in self.ledgers:
            total.update(ledger.counted)
        return total

    def rounds(self, short: int, long: int) -> Iterator[int]:
        """Numbers rounds; some more than asked for while, by chance, none has cut anything off."""
        wanted = rounds(short, long)
        for number in range(wanted + MORE_ROUNDS):
            if number >= wanted and self.left_open():
                return
            yield number

    def left_open(self) -> int:
        """How many changes had an unknown outcome."""
        return sum(n for (_, outcome), n in self.counted().items() if outcome == "open")

    def first(self, what: str, after: float) -> float:
        """When the first change (or token) that was asked for after a moment was answered."""
        nodes = range(len(self._ports))
        return min(min(self._answered(what, after, node), default=math.inf) for node in nodes)

    def every_node_goes_on(self, after: float) -> bool:
        """Whether each has made a change and given a token that were asked for after a moment."""
        return all(
            self._answered(what, after, node)
            for what in ("change", "token")
            for node in range(len(self._ports))
        )

    def _answered(self, what: str, after: float, node: int) -> list[float]:
        return [
            answered
            for ledger in self.ledgers[node :: len(self._ports)]
            for kind, sent, answered in list(ledger.times)
            if sent > after and (kind == "token") == (what == "token")
        ]
