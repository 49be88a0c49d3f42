"""A server that answers in the vendor's shapes, as its public clients know them."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qs, urlsplit

ROLE = "00000000-0000-4000-8000-00000000000a"
HOME = "00000000-0000-4000-8000-00000000000b"
NIGHTLY = "11111111-1111-4111-8111-111111111111"
PORTAL = "22222222-2222-4222-8222-222222222222"
OLD = "33333333-3333-4333-8333-333333333333"
MADE = "44444444-4444-4444-8444-444444444444"
SECRET = "Zm9yIHRlc3RzIGFsb25lLCBub3Qgc2VjcmV0IGF0IGFsbA"
_PEOPLE = "/api/v2/users/55555555-5555-4555-8555-555555555555"


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str
    body: Any


def client(client_id: str, name: str, grant: str, state: str, **more: Any) -> dict[str, Any]:
    """A client as the vendor's cloud answers it."""
    who = {"id": _PEOPLE.rpartition("/")[2], "selfUri": _PEOPLE}
    return {
        "id": client_id,
        "name": name,
        "accessTokenValiditySeconds": 86400,
        "dateCreated": "2021-03-04T05:06:07.000Z",
        "dateModified": "2024-01-02T03:04:05.000Z",
        "createdBy": who,
        "modifiedBy": who,
        "authorizedGrantType": grant,
        "state": state,
        **more,
        "selfUri": f"/api/v2/oauth/clients/{client_id}",
    }


def error(status: int, code: str, message: str) -> tuple[int, Any]:
    """The vendor's ErrorBody."""
    return status, {
        "message": message,
        "code": code,
        "status": status,
        "messageParams": {},
        "contextId": "6d1f9bd5-5b1a-4c8f-9f3e-000000000001",
        "details": [],
        "errors": [],
    }


def listing(entities: list[dict[str, Any]], path: str) -> dict[str, Any]:
    """The vendor's listing of everything in one page."""
    return {
        "entities": entities,
        "pageSize": 25,
        "pageNumber": 1,
        "total": len(entities),
        "firstUri": f"{path}?pageSize=25&pageNumber=1",
        "lastUri": f"{path}?pageSize=25&pageNumber=1",
        "selfUri": f"{path}?pageSize=25&pageNumber=1",
        "pageCount": 1,
    }


class Cloud:
    """Such a server on a free port; a context manager."""

    def __init__(self) -> None:
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
        role = {"id": ROLE, "name": "report", "description": "Reads reports.", "userCount": 0}
        home = {"id": HOME, "name": "Home", "description": "", "homeDivision": True}
        self.roles: dict[str, dict[str, Any]] = {ROLE: role}
        self.divisions: dict[str, dict[str, Any]] = {HOME: home}
        self.refused_name = ""
        """Of a role or division that is refused."""
        self._made = 0
        self.page_size = 0
        """How many clients are in a page; 0 for all in one, as the vendor's cloud has it."""
        self.asked: list[Asked] = []
        self.change_asked = threading.Event()
        self.may_answer_changes = threading.Event()
        self.may_answer_changes.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        """The address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

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

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
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

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """What it answers: a status and a document; None for nothing."""
        self.asked.append(asked)
        path = asked.path.partition("?")[0]
        if path == "/oauth/token":
            return 200, {"access_token": "t", "token_type": "bearer", "expires_in": 86399}
        if not path.startswith("/api/v2/"):
            return error(404, "not.found", "The requested resource could not be found.")
        if asked.method != "GET":
            self.change_asked.set()
            self.may_answer_changes.wait(60)
        names = path.removeprefix("/api/v2/").split("/")
        of_kind: dict[str, Callable[[Asked, list[str]], tuple[int, Any]]] = {
            "oauth": self._oauth,
            "authorization": self._authorization,
            "tokens": self._tokens,
        }
        if names[0] not in of_kind:
            return error(404, "not.found", "The requested resource could not be found.")
        return of_kind[names[0]](asked, names[1:])

    def _oauth(self, asked: Asked, names: list[str]) -> tuple[int, Any]:
        match asked.method, names:
            case "GET", ["clients"]:
                return 200, self._page(asked)
            case "POST", ["clients"]:
                made = {**client(self._new_id(self.clients), "", "", "active"), **asked.body}
                self.clients[made["id"]] = made
                return 200, {**made, "secret": SECRET}
            case _, ["clients", client_id, *_] if client_id in self.clients:
                return self._client(asked, client_id, names[2:])
        return error(404, "not.found", "Unable to find a client with that id")

    def _page(self, asked: Asked) -> dict[str, Any]:
        entities = [*self.clients.values()]
        made = listing(entities, "/api/v2/oauth/clients")
        if self.page_size:
            number = int(parse_qs(urlsplit(asked.path).query)["pageNumber"][0])
            start = (number - 1) * self.page_size
            made["entities"] = entities[start : start + self.page_size]
            made["pageNumber"] = number
            made["pageCount"] = -(-len(entities) // self.page_size)
        return made

    def _client(self, asked: Asked, client_id: str, names: list[str]) -> tuple[int, Any]:
        match asked.method, names:
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
        return 200, self.clients[client_id]

    def _authorization(self, asked: Asked, names: list[str]) -> tuple[int, Any]:
        there = self.roles if names[0] == "roles" else self.divisions
        if asked.body and asked.body.get("name") == self.refused_name:
            return error(409, "general.conflict", "The name is taken.")
        match asked.method, names[1:]:
            case "GET", []:
                return 200, listing([*there.values()], asked.path.partition("?")[0])
            case "POST", []:
                made = {"id": self._new_id(there), **asked.body}
                there[made["id"]] = made
                return 200, made
            case "GET", ["home"]:
                return 200, there[HOME]
            case "PUT", [known] if known in there:
                there[known] = {**there[known], **asked.body}
                return 200, there[known]
            case "DELETE", [known] if known in there:
                del there[known]
                return 204, None
            case "GET", [known] if known in there:
                return 200, there[known]
        return error(404, "not.found", "There is none with that id.")

    def _new_id(self, there: dict[str, Any]) -> str:
        self._made += 1
        return MADE if MADE not in there else f"44444444-4444-4444-8444-{self._made:012d}"

    def _tokens(self, asked: Asked, names: list[str]) -> tuple[int, Any]:
        del names
        organization = {"id": "66666666-6666-4666-8666-666666666666", "name": "Example"}
        own = {"id": NIGHTLY, "name": "nightly export", "organization": organization}
        if asked.method == "DELETE":
            return 200, None
        return 200, {"organization": organization, "OAuthClient": own}


def _handler(cloud: Cloud) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_json = "json" in self.headers.get("Content-Type", "")
            body = json.loads(content) if content and is_json else None
            status, document = cloud.answer(Asked(self.command, self.path, body))
            text = b"" if document is None else json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.send_header("ININ-Correlation-Id", "6d1f9bd5-5b1a-4c8f-9f3e-000000000001")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    for method in ("GET", "POST", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._answer)
    return Handler
