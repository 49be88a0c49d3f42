"""A person with a browser that knows no script: follows pages, fills forms, keeps cookies."""

import asyncio
import base64
import hashlib
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx2 as httpx

from tests.support.world import ADDRESS, CLIENTS, World

REDIRECT = "https://app.example.com/callback"
VERIFIER = "a-verifier-that-is-long-enough-for-rfc-7636.0123456789"
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
PKCE = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}


TRIES = 100
PAUSE_SECONDS = 0.05


class Patient(httpx.AsyncBaseTransport):
    """Asks again where the store had no room or was slow: nothing was done then, as 503 says."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        for _ in range(TRIES):
            if answer.status_code != 503 or "retry-after" not in answer.headers:
                break
            await asyncio.sleep(PAUSE_SECONDS)
            answer = await self._inner.handle_async_request(request)
        return answer


class App(NamedTuple):
    """A client that acts for people."""

    client_id: str
    secret: str


async def make_app(world: World, grant_type: str = "CODE", **fields: Any) -> App:
    """Register a client as the administrator."""
    body = {
        "name": f"app {world.count()}",
        "authorizedGrantType": grant_type,
        "registeredRedirectUri": [REDIRECT],
        **fields,
    }
    created = await world.admin.post(CLIENTS, body)
    return App(created["id"], created["secret"])


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given["action"]
        elif tag == "input" and "name" in given:
            self.fields[given["name"]] = given.get("value", "")


class Page(NamedTuple):
    """A page with its first form."""

    address: str
    status: int
    text: str
    action: str
    fields: dict[str, str]


class Visitor:
    """Goes from page to page."""

    def __init__(self, world: World, address: str = "127.0.0.1") -> None:
        transport = Patient(httpx.ASGITransport(app=world.application, client=(address, 4711)))
        self.http = httpx.AsyncClient(transport=transport, base_url=ADDRESS)
        self._api = httpx.AsyncClient(transport=transport, base_url=ADDRESS)
        self.email = world.founding.email
        self.password = world.founding.password.reveal()

    async def authorize(self, app: App, **parameters: str | None) -> httpx.Response:
        """Ask for a code, or for what the parameters say; None leaves one out."""
        values = {
            "client_id": app.client_id,
            "response_type": "code",
            "redirect_uri": REDIRECT,
            "state": "s 1",
            **parameters,
        }
        given = {name: value for name, value in values.items() if value is not None}
        return await self.http.get("/oauth/authorize", params=given)

    async def submit(self, page: httpx.Response, **values: str) -> httpx.Response:
        """Send the form of a page with these values."""
        form = page_of(page)
        address = urljoin(form.address, form.action)
        return await self.http.post(address, data={**form.fields, **values})

    async def follow(self, answer: httpx.Response) -> httpx.Response:
        """Follow a redirect within the server."""
        assert answer.status_code == 303, answer.text
        address = urljoin(str(answer.request.url), answer.headers["location"])
        assert address.startswith(str(self.http.base_url)), address
        return await self.http.get(address)

    async def log_in(self, page: httpx.Response, password: str = "") -> httpx.Response:
        """Fill in the login page; returns what comes after it."""
        answer = await self.submit(page, email=self.email, password=password or self.password)
        return await self.follow(answer) if answer.status_code == 303 else answer

    async def arrive(self, app: App, **parameters: str | None) -> dict[str, str]:
        """Log in and consent as far as it is asked for; returns what the client is told."""
        answer = await self.authorize(app, **parameters)
        if answer.status_code == 200 and "password" in page_of(answer).fields:
            answer = await self.log_in(answer)
        if answer.status_code == 200:
            answer = await self.submit(answer, decision="allow")
        return told(answer)

    async def redeem(self, app: App, code: str, **form: str | None) -> httpx.Response:
        """Redeem a code with the secret."""
        values = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            **form,
        }
        given = {name: value for name, value in values.items() if value is not None}
        return await self._api.post("/oauth/token", data=given, auth=(app.client_id, app.secret))

    async def redeem_public(self, app: App, code: str, **form: str | None) -> httpx.Response:
        """Redeem a code with the verifier alone."""
        values = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": REDIRECT,
            "client_id": app.client_id,
            "code_verifier": VERIFIER,
            **form,
        }
        given = {name: value for name, value in values.items() if value is not None}
        return await self._api.post("/oauth/token", data=given)

    async def refresh(self, app: App, token: str, **form: str) -> httpx.Response:
        """Ask for new tokens."""
        values = {"grant_type": "refresh_token", "refresh_token": token, **form}
        return await self._api.post("/oauth/token", data=values, auth=(app.client_id, app.secret))

    async def tokens(self, app: App, **parameters: str | None) -> dict[str, Any]:
        """All the way to tokens."""
        given = await self.arrive(app, **parameters)
        answer = await self.redeem(app, given["code"])
        assert answer.status_code == 200, answer.text
        document: dict[str, Any] = answer.json()
        return document

    async def use(self, token: str, path: str = "/api/v2/tokens/me") -> int:
        """The status of a call with an access token."""
        headers = {"Authorization": f"Bearer {token}"}
        return (await self._api.get(path, headers=headers)).status_code


def page_of(answer: httpx.Response) -> Page:
    """Read a page's form."""
    reader = _Forms()
    reader.feed(answer.text)
    return Page(
        str(answer.request.url), answer.status_code, answer.text, reader.action, reader.fields
    )


def told(answer: httpx.Response) -> dict[str, str]:
    """What a redirect to the client tells it, in query or fragment."""
    assert answer.status_code == 303, answer.text
    parts = urlsplit(answer.headers["location"])
    assert not (parts.query and parts.fragment)
    return dict(parse_qsl(parts.query or parts.fragment, strict_parsing=True))
