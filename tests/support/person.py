"""A person with a browser that knows no script, at a server in a process of its own."""

from types import TracebackType
from typing import Any, Self
from urllib.parse import urljoin

import httpx2 as httpx

from tests.support.server import RunningServer
from tests.support.visitor import page_of, told


class Person:
    """The administrator of a server's first start, or whoever is named.

    Args:
        server: where.
        email: whose; by default the administrator's.
        password: the same.
        login_path: what stands before the addresses of the login side.
    """

    def __init__(
        self, server: RunningServer, email: str = "", password: str = "", *, login_path: str = ""
    ) -> None:
        self.email = email or server.first_start["admin"]["email"]
        self.password = password or server.first_start["admin"]["password"]
        self._path = login_path
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{server.port}", trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    @property
    def cookie(self) -> str:
        """What the browser sends of itself: who is logged in, and which forms it was given."""
        return "; ".join(f"{each.name}={each.value}" for each in self._http.cookies.jar)

    def visit(self, address: str) -> dict[str, str]:
        """Go where a client sends people; returns what the client is told in the end."""
        return told(self._forms(self._http.get(address)))

    def authorize(self, client_id: str, redirect_uri: str, **parameters: str) -> dict[str, str]:
        """Let a client act for this person; returns what it is told."""
        values: dict[str, Any] = {
            "response_type": "code",
            "client_id": client_id,
            "redirect_uri": redirect_uri,
            **parameters,
        }
        answer = self._http.get(f"{self._path}/oauth/authorize", params=values)
        return told(self._forms(answer))

    def is_asked_for_a_password(self, client_id: str, redirect_uri: str) -> bool:
        """Whether a client's request leads to the login page."""
        values = {"response_type": "code", "client_id": client_id, "redirect_uri": redirect_uri}
        answer = self._http.get(f"{self._path}/oauth/authorize", params=values)
        return answer.status_code == 200 and "password" in page_of(answer).fields

    def _forms(self, answer: httpx.Response) -> httpx.Response:
        while answer.status_code == 200:
            page = page_of(answer)
            values = {**page.fields, "decision": "allow"}
            if "password" in page.fields:
                values |= {"email": self.email, "password": self.password}
            sent = self._http.post(urljoin(page.address, page.action), data=values)
            answer = sent
            if sent.status_code == 303 and "authorize?" in sent.headers["location"]:
                answer = self._http.get(urljoin(page.address, sent.headers["location"]))
        return answer
