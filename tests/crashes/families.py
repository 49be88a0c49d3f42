"""A client that acts for somebody: how it gets codes, and uses what they lead to."""

from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from grantory.domain.opaque import OpaqueKind, digest_of_opaque
from tests.crashes.ledger import Ledger
from tests.crashes.request import CLIENTS, Document, Request
from tests.support.person import Person
from tests.support.server import Reply, RunningServer, basic

BACK = "https://app.example.com/callback"
FORM = "application/x-www-form-urlencoded"
REUSES = ("reuse code", "reuse refresh token")


class App(NamedTuple):
    """A client that may act for everybody, and the cookie of somebody who is logged in."""

    id: str
    secret: str
    cookie: str

    @property
    def address(self) -> str:
        """Where a browser is sent for a code."""
        values = {"response_type": "code", "client_id": self.id, "redirect_uri": BACK}
        return f"/oauth/authorize?{urlencode(values)}"

    @property
    def login(self) -> str:
        """What it shows of itself."""
        return basic(self.id, self.secret)

    def post(self, server: RunningServer, path: str, form: dict[str, str]) -> Reply:
        """Send a form as this client."""
        headers = {"Authorization": self.login, "Content-Type": FORM}
        return server.request("POST", path, body=urlencode(form).encode(), headers=headers)

    def knows_good(self, server: RunningServer, token: str) -> bool:
        """Whether the server says that a token of this client's is good."""
        answer = self.post(server, "/oauth/introspect", {"token": token})
        assert answer.status == 200, answer.status
        return bool(answer.json()["active"])


def make_app(server: RunningServer) -> App:
    """A new client for which the administrator is logged in."""
    document = {"name": "an app", "authorizedGrantType": "CODE", "registeredRedirectUri": [BACK]}
    made = server.call("POST", CLIENTS, document).json()
    path = f"/api/v2/oauth/authorizations/{made['id']}"
    assert server.call("PUT", path, {}).status == 200
    with Person(server) as person:
        assert "code" in person.authorize(made["id"], BACK)
        return App(made["id"], made["secret"], person.cookie)


def form_of(request: Request, ledger: Ledger) -> tuple[str, dict[str, str]]:
    """Path and form of a change of codes and families."""
    kind, subject = request.kind, request.subject
    if kind in ("redeem code", "reuse code"):
        known = ledger.codes.get(subject)
        code = ledger.families[subject].code if known is None else known.text
        grant = "authorization_code"
        return "/oauth/token", {"grant_type": grant, "code": code, "redirect_uri": BACK}
    tokens = ledger.families[subject].refresh_tokens
    if kind == "revoke family":
        return "/oauth/revoke", {"token": tokens[-1]}
    token = tokens[0 if kind == "reuse refresh token" else -1]
    return "/oauth/token", {"grant_type": "refresh_token", "refresh_token": token}


def outcome_of_form(kind: str, status: int, document: Document, *, again: bool) -> str:
    """``done``, ``refused`` (so nothing may have changed) or ``open``.

    Whoever uses a code or an old refresh token again is refused, and the family ends: that is
    what is done then. ``again`` is whether the answer says that it may be asked for again.
    """
    if status == 0:
        return "open"
    error = document.get("error", "")
    if status == 503:
        assert error == "temporarily_unavailable", error
        return "refused" if again else "open"
    wanted = (400, "invalid_grant") if kind in REUSES else (200, "")
    assert (status, error) == wanted, f"{kind}: {status} {error}"
    return "done"


def code_in(location: str) -> str:
    """The code in the address to which a browser is sent back."""
    assert location.startswith(BACK)
    return dict(parse_qsl(urlsplit(location).query))["code"]


def digest_of(code: str) -> str:
    """What the store keeps of a code."""
    digest = digest_of_opaque(OpaqueKind.CODE, code)
    assert digest is not None
    return digest.hex()
