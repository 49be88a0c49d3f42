"""One of several threads that ask for changes, on a server that fails and comes back."""

import http.client
import json
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple, Protocol
from urllib.parse import urlencode

from tests.crashes.drawing import Drawing
from tests.crashes.families import FORM, App, code_in, digest_of, form_of, outcome_of_form
from tests.crashes.ledger import Code, Ledger
from tests.crashes.request import FAMILY_CHANGES, Document, Request
from tests.support.server import HOST, basic

PAUSE = 0.02
PATIENCE = 60.0
REQUESTS_ON_ONE_CONNECTION = 25
"""Then a new one is made, so that every worker gets its share."""
JSON = "application/json"


class Answer(NamedTuple):
    """What came back: a status, or 0 where the connection broke."""

    status: int
    document: Document
    headers: dict[str, str]


class Common(Protocol):
    """What all writers share."""

    admin: str
    app: App
    acknowledged: threading.Semaphore
    stopping: threading.Event


class Writer(threading.Thread):
    """Asks for one change after the other, and writes down what it was told."""

    def __init__(self, load: Common, ledger: Ledger, drawing: Drawing, port: int) -> None:
        super().__init__(daemon=True, name=drawing.name)
        self._load = load
        self._port = port
        self._ledger = ledger
        self._drawing = drawing
        self._connection: http.client.HTTPConnection | None = None
        self._sent = 0
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._load.stopping.is_set():
                self._step(self._drawing.next())
        except BaseException as error:
            self.failure = error
        finally:
            self._disconnect()

    def _step(self, request: Request) -> None:
        if request.kind == "token":
            self._log_in(request.subject)
        elif request.kind == "authorize":
            self._get_code()
        elif request.kind == "refused":
            self._be_refused(request.text)
        elif request.kind in FAMILY_CHANGES:
            self._use(request)
        else:
            self._change(request)

    def _change(self, request: Request) -> None:
        began = time.monotonic()
        answer = self._ask(*request.http(self._load.admin))
        if answer is None:  # there was nobody to ask
            self._drawing.put_back(request)
            return
        outcome = outcome_of(answer)
        assert outcome != "refused" or answer.status == 503, f"{request.kind}: {answer}"
        self._note(request, outcome, answer, began)

    def _use(self, request: Request) -> None:
        """Use a code, or a token of a family."""
        began = time.monotonic()
        path, form = form_of(request, self._ledger)
        answer = self._send("POST", path, urlencode(form), form_headers(self._load.app.login))
        if answer is None:
            self._drawing.put_back(request)
            return
        again = "retry-after" in answer.headers
        outcome = outcome_of_form(request.kind, answer.status, answer.document, again=again)
        self._note(request, outcome, answer, began)

    def _note(self, request: Request, outcome: str, answer: Answer, began: float) -> None:
        if outcome == "done":
            self._ledger.done(request, answer.document)
            self._ledger.times.append((request.kind, began, time.monotonic()))
            self._load.acknowledged.release()
        elif outcome == "open":
            self._ledger.open.append(request)
        else:
            self._ledger.not_done(request)
            self._drawing.put_back(request, at_the_end=True)
        self._ledger.counted[request.kind, outcome] += 1

    def _be_refused(self, text: str) -> None:
        """Ask for what cannot be: nothing of it may be found later."""
        path, document = self._drawing.refusable(text)
        answer = self._ask("POST", path, document, self._load.admin)
        if answer is not None:
            assert answer.status in (0, 400, 409, 503), answer
            self._ledger.refused.add(text)
            self._ledger.counted["refused", str(answer.status)] += 1

    def _log_in(self, client_id: str) -> None:
        began = time.monotonic()
        client = self._ledger.clients[client_id]
        form = urlencode({"grant_type": "client_credentials"})
        headers = form_headers(basic(client.id, client.secret))
        answer = self._send("POST", "/oauth/token", form, headers)
        if answer is not None and answer.status == 200:
            client.token = answer.document["access_token"]
            self._ledger.times.append(("token", began, time.monotonic()))

    def _get_code(self) -> None:
        app = self._load.app
        answer = self._send("GET", app.address, None, {"Cookie": app.cookie})
        if answer is None:
            return
        # Another page would say that the login, or the consent, is lost.
        assert answer.status in (0, 303, 503), answer.status
        if answer.status == 303:
            code = code_in(answer.headers["location"])
            self._ledger.codes[digest_of(code)] = Code(digest_of(code), code, time.monotonic())

    def _ask(self, method: str, path: str, document: Document | None, token: str) -> Answer | None:
        body = None if document is None else json.dumps(document)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": JSON}
        return self._send(method, path, body, headers)

    def _send(
        self, method: str, path: str, body: str | None, headers: Mapping[str, str]
    ) -> Answer | None:
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
        is_json = fields.get("content-type", "").startswith(JSON)
        return Answer(response.status, json.loads(data) if data and is_json else {}, fields)

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._sent = 0


def form_headers(login: str) -> dict[str, str]:
    """The headers of a form that a client sends."""
    return {"Authorization": login, "Content-Type": FORM}


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
