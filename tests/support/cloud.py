"""A server that answers in the shapes of the vendor's published models, as its cloud does.

The shapes were not recorded: they are those of the models and examples that the vendor publishes
with its SDKs, and tests/cli/test_vendors_cloud.py holds them to docs/compatibility/models.md.
"""

import json
import ssl
import sys
import threading
from collections.abc import Callable
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self

from tests.support.cloud_documents import (
    CORRELATION,
    HOME,
    MADE,
    NIGHTLY,
    OLD,
    PORTAL,
    ROLE,
    SECRET,
    client,
    division,
    error,
    listing,
    role,
    token_info,
    unknown,
    without_policies,
)
from tests.support.cloud_people import People


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str
    body: Any


class Instead(NamedTuple):
    """What one request is answered with that would be answered otherwise."""

    path: str
    status: int
    content: Any
    headers: dict[str, str]


class Cloud:
    """Such a server on a free port; a context manager.

    Args:
        context: for a server that speaks TLS.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        roles = [{"roleId": ROLE, "divisionId": HOME}]
        self.clients = {
            each["id"]: each
            for each in (
                client(NIGHTLY, "nightly export", "CLIENT-CREDENTIALS", "active",
                       roleIds=[ROLE], roleDivisions=roles),
                client(PORTAL, "customers' portal of the north and of the south", "CODE", "active",
                       registeredRedirectUri=["https://portal.example/"], scope=["users:readonly"],
                       laterField={"kept": True}),
                client(OLD, "old \x1b[31mpage\u4e16\u754c", "TOKEN", "inactive",
                       registeredRedirectUri=["https://old.example/"]),
            )
        }  # fmt: skip
        self.roles = {ROLE: role(ROLE, "report", description="Reads reports.")}
        self.divisions = {HOME: division(HOME, "Home", homeDivision=True)}
        self.people = People(self.clients, self.roles, self.divisions)
        self.refused_name = ""
        """Of a role or division that is refused."""
        self.instead: list[Instead] = []
        """Each is for one request, the first that fits."""
        self.page_size = 0
        """How many clients are in a page; 0 for all in one, as the vendor's cloud has it."""
        self.asked: list[Asked] = []
        self.change_asked = threading.Event()
        self.may_answer_changes = threading.Event()
        self.may_answer_changes.set()
        self.before_answer: Callable[[Asked], object] = lambda _asked: None
        """Is called on a thread of the server's, once a request has come."""
        self._made = 0
        self._scheme = "http" if context is None else "https"
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        if context is not None:
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The address."""
        return f"{self._scheme}://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """Variables that lead there."""
        return {
            "GRANTORY_URL": self.url,
            "GRANTORY_CLIENT_ID": NIGHTLY,
            "GRANTORY_CLIENT_SECRET": SECRET,
        }

    def changes(self) -> list[Asked]:
        """The requests that were to change something."""
        return [
            each for each in self.asked if each.method != "GET" and "oauth/token" not in each.path
        ]

    def refuse(
        self,
        path: str,
        status: int,
        code: str = "",
        message: str = "",
        *,
        times: int = 1,
        text: str = "",
        **headers: str,
    ) -> None:
        """Lets requests fail.

        Args:
            path: of which, ``*`` being any text.
            status: of the answer.
            code: of the ErrorBody.
            message: of the ErrorBody.
            times: how many of them.
            text: a gateway's answer in place of an ErrorBody.
            headers: of the answer, with ``_`` for ``-``.
        """
        content = text.encode() if text else error(status, code, message)[1]
        kept = {name.replace("_", "-"): value for name, value in headers.items()}
        self.instead += [Instead(path, status, content, kept)] * times

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.005,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.may_answer_changes.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, asked: Asked) -> tuple[int, Any, dict[str, str]]:
        """What it answers: a status, a document (None for nothing) or bytes, and headers."""
        self.asked.append(asked)
        self.before_answer(asked)
        path = asked.path.partition("?")[0]
        for instead in self.instead:
            if fnmatchcase(path, instead.path):
                self.instead.remove(instead)
                return instead.status, instead.content, instead.headers
        if path == "/oauth/token":
            return 200, {"access_token": "t", "token_type": "bearer", "expires_in": 86399}, {}
        if not path.startswith("/api/v2/"):
            return *error(404, "not.found", "The requested resource could not be found."), {}
        if asked.method != "GET":
            self.change_asked.set()
            self.may_answer_changes.wait(60)
        return *self._of_the_api(asked, path.removeprefix("/api/v2/").split("/")), {}

    def _of_the_api(self, asked: Asked, names: list[str]) -> tuple[int, Any]:
        method, path, body = asked
        match names:
            case ["oauth", "clients", *rest]:
                return self._clients(asked, rest)
            case ["oauth", "authorizations", *rest]:
                return self.people.of_authorizations(method, path, rest)
            case ["users", *rest]:
                return self.people.of_users(method, path, rest, body)
            case ["authorization", "subjects", *rest] if rest:
                return self.people.of_subjects(method, rest)
            case ["authorization", "roles" | "divisions" as kind, *rest]:
                return self._authorization(asked, kind, rest)
            case ["tokens", whose]:
                return self._tokens(method, whose)
        return error(404, "not.found", "The requested resource could not be found.")

    def _clients(self, asked: Asked, names: list[str]) -> tuple[int, Any]:
        match asked.method, names:
            case "GET", []:
                found = listing([*self.clients.values()], asked.path, self.page_size)
                return 200, found
            case "POST", []:
                made = client(self._new_id(self.clients), "", "", "active")
                self.clients[made["id"]] = made | asked.body
                return 200, {**self.clients[made["id"]], "secret": SECRET}
            case _, [client_id, *rest] if client_id in self.clients:
                return self._client(asked, client_id, rest)
        return unknown("client")

    def _client(self, asked: Asked, client_id: str, names: list[str]) -> tuple[int, Any]:
        match asked.method, names:
            case "GET", []:
                return 200, self.clients[client_id]
            case "PUT", []:
                self.clients[client_id] = {**self.clients[client_id], **asked.body}
                return 200, self.clients[client_id]
            case "POST", ["secret"]:
                return 200, {**self.clients[client_id], "secret": SECRET}
            case "DELETE", []:
                if self.clients[client_id]["state"] == "active":
                    return error(400, "cannot.delete.client", "The client must be inactive.")
                del self.clients[client_id]
                return 204, None
        return error(404, "not.found", "The requested resource could not be found.")

    def _authorization(self, asked: Asked, kind: str, names: list[str]) -> tuple[int, Any]:
        there = self.roles if kind == "roles" else self.divisions
        if asked.body and asked.body.get("name") == self.refused_name:
            return error(409, "general.conflict", "The name is taken.")
        match asked.method, names:
            case "GET", []:
                shown = [without_policies(each) for each in there.values()]
                return 200, listing(shown, asked.path)
            case "POST", []:
                make = role if kind == "roles" else division
                made_id = self._new_id(there)
                there[made_id] = make(made_id, "") | asked.body
                return 200, there[made_id]
            case "GET", ["home"]:
                return 200, there[HOME]
            case "PATCH", [_] if kind == "divisions":
                return error(405, "method.not.allowed", "HTTP 405 Method Not Allowed")
            case _, [known] if known in there:
                return _change(asked, there, known)
        return unknown("role" if kind == "roles" else "division")

    def _new_id(self, there: dict[str, Any]) -> str:
        self._made += 1
        return MADE if MADE not in there else f"44444444-4444-4444-8444-{self._made:012d}"

    def _tokens(self, method: str, whose: str) -> tuple[int, Any]:
        if method == "DELETE":
            return (200, None) if whose in {"me", *self.people.users} else unknown("user")
        if whose == "me":
            return 200, token_info(self.clients[NIGHTLY])
        return error(404, "not.found", "The requested resource could not be found.")


def _change(asked: Asked, there: dict[str, dict[str, Any]], known: str) -> tuple[int, Any]:
    if asked.method == "DELETE":
        del there[known]
        return 204, None
    there[known] |= asked.body or {}
    return 200, there[known]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of callers that hang up."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _handler(cloud: Cloud) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_json = "json" in self.headers.get("Content-Type", "")
            body = json.loads(content) if content and is_json else None
            status, document, headers = cloud.answer(Asked(self.command, self.path, body))
            kind, text = "application/json", b""
            if isinstance(document, bytes):
                kind, text = "text/html", document
            elif document is not None:
                text = json.dumps(document).encode()
            self.send_response(status)
            given = {"Content-Type": kind, "Content-Length": str(len(text)), **headers}
            for name, value in {"ININ-Correlation-Id": CORRELATION, **given}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._answer)
    return Handler
