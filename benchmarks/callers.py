"""A client of a server under test, and what it asks for."""

import base64
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx

from benchmarks.wrk import Target

CLIENTS = "/api/v2/oauth/clients"
ROLES = "/api/v2/authorization/roles"
TOKEN = "/oauth/token"
INTROSPECT = "/oauth/introspect"
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MACHINE_FORM = "grant_type=client_credentials"


def basic(client_id: str, secret: str) -> str:
    """Writes the Authorization header of a client (RFC 6749 section 2.3.1)."""
    return "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()


def post_form(url: str, body: str, authorization: str) -> Target:
    """Makes the request that posts a form, as OAuth's endpoints take it."""
    return Target(url=url, method="POST", body=body, content_type=FORM, authorization=authorization)


def ask(target: Target) -> httpx.Response:
    """Sends a request once."""
    headers = {"Authorization": target.authorization} if target.authorization else {}
    if target.content_type:
        headers["Content-Type"] = target.content_type
    return httpx.request(
        target.method, target.url, content=target.body, headers=headers, trust_env=False
    )


class Caller:
    """A client that holds every permission of an organisation, with a token."""

    def __init__(self, url: str, credentials: dict[str, str]) -> None:
        self.id = credentials["id"]
        self.basic = basic(self.id, credentials["secret"])
        self._url = url
        answer = ask(self.token_request)
        self.token: str = answer.raise_for_status().json()["access_token"]
        self.bearer = f"Bearer {self.token}"

    @property
    def token_request(self) -> Target:
        """Client credentials with HTTP Basic."""
        return post_form(self._url + TOKEN, MACHINE_FORM, self.basic)

    def bearers(self, count: int) -> Iterator[str]:
        """Asks for tokens, over one connection; each comes as an Authorization header."""
        asked = self.token_request
        headers = {"Authorization": asked.authorization, "Content-Type": asked.content_type}
        with httpx.Client(headers=headers, trust_env=False) as connection:
            for _ in range(count):
                answer = connection.post(asked.url, content=asked.body)
                yield f"Bearer {answer.raise_for_status().json()['access_token']}"

    def call(self, method: str, path: str, document: Any = None) -> Any:
        """One call of the management API that must succeed; returns its JSON."""
        answer = httpx.request(
            method,
            self._url + path,
            json=document,
            headers={"Authorization": self.bearer},
            trust_env=False,
        )
        return answer.raise_for_status().json()

    def count_clients(self) -> int:
        """How many clients the organisation has."""
        return int(self.call("GET", f"{CLIENTS}?pageSize=1")["total"])
