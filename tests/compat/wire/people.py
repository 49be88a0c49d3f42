"""Clients that act for people, written byte for byte, and what they keep of the answers."""

import base64
import hashlib
from typing import Any, NamedTuple

from tests.compat.arrange import unique
from tests.compat.wire.raw_http import RawReply, assert_token, exchange
from tests.compat.wire.writers import Writer
from tests.support.person import Person
from tests.support.server import RunningServer

# Each client escapes what is in it in a way of its own.
REDIRECT = "https://app.example.com/back?for=you%20and~me&to=(all)!"
TOKENS_ME = "/api/v2/tokens/me"
# As long as a verifier may be, with every character that these clients draw.
VERIFIER = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._~".ljust(128, "~")
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=")
PKCE = {"code_challenge": CHALLENGE.decode(), "code_challenge_method": "S256"}
MOST_REFRESHES = 3
"""The SDKs have no bound: a client that reaches this one would go on for ever."""


class App(NamedTuple):
    """A client that acts for people."""

    id: str
    secret: str


def make_app(server: RunningServer, grant_type: str = "CODE", **fields: Any) -> App:
    """Register a client that acts for people."""
    body = {
        "name": unique("app"),
        "authorizedGrantType": grant_type,
        "registeredRedirectUri": [REDIRECT],
        "scope": ["users", "oauth"],
        **fields,
    }
    reply = server.call("POST", "/api/v2/oauth/clients", body)
    assert reply.status == 200, reply.body
    made: dict[str, Any] = reply.json()
    return App(made["id"], made["secret"])


def new_code(
    server: RunningServer, app: App, redirect_uri: str = REDIRECT, **parameters: str
) -> str:
    """A code, from a person who has logged in and consented."""
    with Person(server) as person:
        return person.authorize(app.id, redirect_uri, **parameters)["code"]


class Session:
    """An SDK that holds tokens of a person, and what it does on a 401.

    Go, .NET and Java do the same: whoever has a refresh token uses it, and then makes the call
    again.

    Args:
        client: how it writes.
        server: where.
        app: its id and secret.
    """

    def __init__(self, client: Writer, server: RunningServer, app: App) -> None:
        self._client = client
        self._server = server
        self._app = app
        self.token = ""
        self.refresh_token = ""
        self.refreshes = 0

    def redeem(self, code: str, *, redirect_uri: str = REDIRECT) -> RawReply:
        """Redeem a code with the secret."""
        return self._login(grant_type="authorization_code", code=code, redirect_uri=redirect_uri)

    def redeem_publicly(self, code: str, verifier: str) -> RawReply:
        """Redeem a code with a verifier, without an Authorization header."""
        form = self._client.form(
            grant_type="authorization_code",
            code=code,
            code_verifier=verifier,
            client_id=self._app.id,
            redirect_uri=REDIRECT,
        )
        return exchange(self._server.port, self._client.public_login(self._server.port, form))

    def refresh(self) -> RawReply:
        """Ask for new tokens, and keep them."""
        return self._login(grant_type="refresh_token", refresh_token=self.refresh_token)

    def keep(self, reply: RawReply) -> None:
        """Keep the tokens of an answer."""
        self.token = assert_token(reply)
        self.refresh_token = reply.json().get("refresh_token", "")

    def call(self, start: str) -> RawReply:
        """Make a call, as often as it takes to get another answer than 401."""
        reply = self._client.ask(self._server, start, token=self.token)
        if reply.status != 401 or not self.refresh_token:
            return reply
        self.refreshes += 1
        assert self.refreshes < MOST_REFRESHES, "it goes on for ever"
        renewed = self.refresh()
        if renewed.status != 200:
            return renewed
        self.keep(renewed)
        return self.call(start)

    def _login(self, **fields: str) -> RawReply:
        port, form = self._server.port, self._client.form(**fields)
        request = self._client.login(port, self._app.id, self._app.secret, form=form)
        return exchange(port, request)
