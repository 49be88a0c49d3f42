"""What the clients of a server that fails know: what was acknowledged, refused, or left open."""

import time
from collections import Counter
from typing import Any, NamedTuple

import msgspec

CLIENTS = "/api/v2/oauth/clients"
ROLES = "/api/v2/authorization/roles"
TOKEN = "/api/v2/tokens/me"
CHANGES = (
    *("create client", "update client", "disable", "enable", "delete client"),
    *("regenerate", "regenerate and end tokens", "revoke"),
    *("create role", "put role", "patch role", "delete role"),
)
REGENERATIONS = ("regenerate", "regenerate and end tokens")


class Role(msgspec.Struct):
    """A role as it was acknowledged. Its text is its name, its description and its policy's."""

    id: str
    text: str


class Client(msgspec.Struct):
    """A client as it was acknowledged. Its text is its name and its description."""

    id: str
    text: str
    roles: frozenset[str]
    state: str
    secret: str
    token: str = ""
    renewed_at: float = 0.0
    """When it was enabled, or its tokens ended: another node may hear of it a second later."""


class Request(NamedTuple):
    """One change that is asked for; what it is to make is in it."""

    kind: str
    text: str
    subject: str = ""
    """The id of what is changed; empty for what is new."""
    roles: frozenset[str] = frozenset()
    state: str = "active"
    token: str = ""

    def http(self, admin: str) -> tuple[str, str, dict[str, Any] | None, str]:
        """Method, path, document and bearer token."""
        method, path = {
            "create client": ("POST", CLIENTS),
            "update client": ("PUT", f"{CLIENTS}/{self.subject}"),
            "disable": ("PUT", f"{CLIENTS}/{self.subject}"),
            "enable": ("PUT", f"{CLIENTS}/{self.subject}"),
            "regenerate": ("POST", f"{CLIENTS}/{self.subject}/secret"),
            "regenerate and end tokens": (
                "POST",
                f"{CLIENTS}/{self.subject}/secret?revokeTokens=true",
            ),
            "delete client": ("DELETE", f"{CLIENTS}/{self.subject}"),
            "create role": ("POST", ROLES),
            "put role": ("PUT", f"{ROLES}/{self.subject}"),
            "patch role": ("PATCH", f"{ROLES}/{self.subject}"),
            "delete role": ("DELETE", f"{ROLES}/{self.subject}"),
            "revoke": ("DELETE", TOKEN),
        }[self.kind]
        document: dict[str, Any] | None = None
        if self.kind in ("create client", "update client", "disable", "enable"):
            document = {
                "name": self.text,
                "description": self.text,
                "authorizedGrantType": "CLIENT-CREDENTIALS",
                "roleDivisions": [{"roleId": r, "divisionId": "*"} for r in sorted(self.roles)],
                "state": self.state,
            }
        elif self.kind in ("create role", "put role", "patch role"):
            document = {
                "name": self.text,
                "description": self.text,
                "permissionPolicies": [policy(self.text)],
            }
        return method, path, document, self.token or admin


def policy(text: str) -> dict[str, Any]:
    """The one policy of a role with this text."""
    action = "".join(letter for letter in text if letter.isalnum())
    return {"domain": "oauth", "entityName": "client", "actionSet": ["view", action]}


class Ledger:
    """What one writer knows. What an open request is about is left alone until it is settled."""

    def __init__(self, base_role: str) -> None:
        self.base_role = base_role
        self.clients: dict[str, Client] = {}
        self.roles: dict[str, Role] = {}
        self.gone: set[str] = set()
        """Ids whose deletion was acknowledged."""
        self.ended: list[str] = []
        """Tokens that must be refused."""
        self.refused: set[str] = set()
        """Texts that must be nowhere."""
        self.open: list[Request] = []
        self.counted: Counter[tuple[str, str]] = Counter()
        self.times: list[tuple[str, float, float]] = []
        """What was acknowledged, when it was sent and when it was answered."""

    def is_open(self, subject: str) -> bool:
        """Whether a request about this one may or may not have been done."""
        return any(request.subject == subject for request in self.open)

    def idle_clients(self) -> list[Client]:
        """Clients about which everything is known."""
        return [client for client in self.clients.values() if not self.is_open(client.id)]

    def idle_roles(self) -> list[Role]:
        """Roles about which everything is known."""
        return [role for role in self.roles.values() if not self.is_open(role.id)]

    def done(self, request: Request, answer: dict[str, Any]) -> None:
        """Notes what a request has made; the answer is needed for what it gave away."""
        kind, subject = request.kind, request.subject
        if kind == "create client":
            new = answer["id"]
            self.clients[new] = Client(
                new, request.text, request.roles, request.state, answer["secret"]
            )
        elif kind in ("update client", "disable", "enable"):
            client = self.clients[subject]
            client.text, client.roles = request.text, request.roles
            client.state = request.state
            if kind == "disable":
                self._end(client)
            elif kind == "enable":
                client.renewed_at = time.monotonic()
        elif kind in REGENERATIONS:
            self.regenerated(request, answer["secret"])
        elif kind == "delete client":
            self._end(self.clients.pop(subject))
            self.gone.add(subject)
        elif kind == "create role":
            self.roles[answer["id"]] = Role(answer["id"], request.text)
        elif kind in ("put role", "patch role"):
            self.roles[subject].text = request.text
        elif kind == "delete role":
            del self.roles[subject]
            self.gone.add(subject)
            for client in self.clients.values():
                client.roles -= {subject}
        elif kind == "revoke":
            self.ended.append(request.token)
            self.clients[subject].token = ""

    def regenerated(self, request: Request, secret: str) -> None:
        """Notes what a new secret has brought."""
        client = self.clients[request.subject]
        client.secret = secret
        if request.kind == "regenerate and end tokens":
            self._end(client)
            client.renewed_at = time.monotonic()

    def _end(self, client: Client) -> None:
        if client.token:
            self.ended.append(client.token)
            client.token = ""

    def not_done(self, request: Request) -> None:
        """Notes that a request has made nothing."""
        if request.kind != "revoke" and request.text:
            self.refused.add(request.text)
