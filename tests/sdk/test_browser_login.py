"""Somebody logs in with a browser: what comes back to this machine, and what else may come."""

import asyncio
import threading
import time
from urllib.parse import parse_qsl, urlsplit

import httpx2 as httpx
import pytest

from grantory_sdk import (
    AsyncGrantory,
    AuthorizationCode,
    ConfigurationError,
    Grantory,
    LoginFailed,
    TokenRefused,
)
from grantory_sdk.loopback import Loopback
from tests.support.scripted import URL, Hand, Scripted, answer, token

GOOD = answer(200, {"id": "1"})


class Browser:
    """Comes back from a login at once.

    Args:
        brings: what it brings besides the state.
    """

    def __init__(self, **brings: str) -> None:
        self.brings = brings or {"code": "the-code"}
        self.asked: list[dict[str, str]] = []
        self.pages: list[httpx.Response] = []

    def __call__(self, address: str) -> None:
        parts = urlsplit(address)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == URL + "/oauth/authorize"
        parameters = dict(parse_qsl(parts.query))
        self.asked.append(parameters)
        brings = {"state": parameters["state"], **self.brings}
        self.pages.append(get(parameters["redirect_uri"], **brings))


def get(address: str, **parameters: str) -> httpx.Response:
    return httpx.get(address, params=parameters, trust_env=False)


def client(server: Scripted, hand: Hand, auth: AuthorizationCode) -> Grantory:
    return Grantory(URL, auth=auth, transport=server.transport, runtime=hand.blocking)


def forms(server: Scripted) -> list[dict[str, str]]:
    return [dict(parse_qsl(request.content.decode())) for request in server.token_requests]


def test_a_code_is_redeemed_with_the_verifier() -> None:
    server, browser = Scripted(GOOD), Browser()
    with client(server, Hand(), AuthorizationCode("id", open_browser=browser)) as grantory:
        grantory.oauth_clients.get("1")
        grantory.oauth_clients.get("1")
    [asked], [form] = browser.asked, forms(server)
    assert asked["code_challenge_method"] == "S256"
    assert asked["redirect_uri"].startswith("http://127.0.0.1:")
    assert form["code"] == "the-code"
    assert form["redirect_uri"] == asked["redirect_uri"]
    assert form["client_id"] == asked["client_id"] == "id"
    assert len(form["code_verifier"]) >= 43
    [page] = browser.pages
    assert page.status_code == 200
    assert "You are logged in" in page.text
    assert "the-code" not in page.text


def test_the_browser_is_opened_again_only_where_no_refresh_token_is_good() -> None:
    refusal = answer(400, {"error": "invalid_grant", "error_description": "used"})
    server = Scripted(
        GOOD,
        tokens=[
            token("one", 100, refresh_token="r1"),
            token("two", 100, refresh_token="r2"),
            refusal,
            token("three", 100),
            token("four", 100),
        ],
    )
    browser, hand, kept = Browser(), Hand(), list[str]()
    auth = AuthorizationCode("id", "s", open_browser=browser, on_renewed=kept.append)
    with client(server, hand, auth) as grantory:
        for _ in range(4):
            grantory.oauth_clients.get("1")
            hand.now += 100
    assert server.bearers == ["one", "two", "three", "four"]
    assert [form["grant_type"] for form in forms(server)] == [
        "authorization_code",
        "refresh_token",
        "refresh_token",
        "authorization_code",
        "authorization_code",
    ]
    assert len(browser.asked) == 3
    assert kept == ["r1", "r2"]


def test_a_login_that_is_refused_is_told() -> None:
    server = Scripted(GOOD)
    browser = Browser(error="access_denied", error_description="They <said> no.")
    auth = AuthorizationCode("id", open_browser=browser)
    with (
        client(server, Hand(), auth) as grantory,
        pytest.raises(LoginFailed, match="access_denied"),
    ):
        grantory.oauth_clients.get("1")
    assert "They &lt;said&gt; no." in browser.pages[0].text
    assert not server.token_requests


def test_a_code_that_is_not_good_opens_no_second_browser() -> None:
    refusal = answer(400, {"error": "invalid_grant", "error_description": "expired"})
    server, browser = Scripted(GOOD, tokens=[refusal]), Browser()
    auth = AuthorizationCode("id", open_browser=browser)
    with client(server, Hand(), auth) as grantory, pytest.raises(TokenRefused):
        grantory.oauth_clients.get("1")
    assert len(browser.asked) == 1


def test_nobody_is_waited_for_for_ever() -> None:
    auth = AuthorizationCode("id", open_browser=lambda _address: None, wait_seconds=0.01)
    grantory = client(Scripted(GOOD), Hand(), auth)
    with grantory, pytest.raises(LoginFailed, match="Nobody logged in"):
        grantory.oauth_clients.get("1")


def test_what_else_comes_to_the_listener_ends_no_login() -> None:
    with Loopback("the-state", path="/back") as listener:
        address = f"http://127.0.0.1:{listener.port}"
        assert get(f"{address}/favicon.ico").status_code == 404
        assert get(f"{address}/back", code="c").status_code == 400
        assert get(f"{address}/back", code="c", state="another").status_code == 400
        assert get(f"{address}/back", state="the-state").status_code == 400
        assert httpx.post(f"{address}/back", trust_env=False).status_code == 501
        page = get(f"{address}/back", code="c", state="the-state")
        assert page.status_code == 200
        assert page.headers["cache-control"] == "no-store"
        assert listener.wait(5) == {"code": "c", "state": "the-state"}
        assert get(f"{address}/back", code="d", state="the-state").status_code == 400
        assert listener.wait(5)["code"] == "c"


async def test_a_login_that_is_cancelled_leaves_nothing_behind() -> None:
    opened, redirects = threading.Event(), list[str]()

    def open_browser(address: str) -> None:
        redirects.append(dict(parse_qsl(urlsplit(address).query))["redirect_uri"])
        opened.set()

    auth = AuthorizationCode("id", open_browser=open_browser)
    server, hand = Scripted(GOOD), Hand()
    async with AsyncGrantory(
        URL, auth=auth, transport=server.transport, runtime=hand.awaited
    ) as grantory:
        call = asyncio.ensure_future(grantory.oauth_clients.get("1"))
        assert await asyncio.to_thread(opened.wait, 30)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    await asyncio.to_thread(until_nobody_listens, redirects[0])


def until_nobody_listens(address: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            get(address)
        except httpx.ConnectError:
            return
        except httpx.TransportError:
            pass  # it was just closing
        time.sleep(0.01)
    raise AssertionError("it still listens")


@pytest.mark.parametrize(
    "uri", ["https://127.0.0.1/", "http://example.com/", "http://127.0.0.1/?a=b", "app:/back"]
)
def test_a_redirect_uri_must_lead_back_to_this_machine(uri: str) -> None:
    with pytest.raises(ConfigurationError, match="this machine"):
        AuthorizationCode("id", redirect_uri=uri)


def test_a_port_that_was_just_used_is_taken_again() -> None:
    with Loopback("state") as listener:
        port = listener.port
        assert get(f"http://127.0.0.1:{port}/", code="c", state="state").status_code == 200
    with Loopback("state", port) as again:
        assert get(f"http://127.0.0.1:{again.port}/", code="c", state="state").status_code == 200


def test_a_port_that_is_taken_is_told() -> None:
    with Loopback("state") as listener:
        auth = AuthorizationCode("id", redirect_uri=f"http://localhost:{listener.port}/")
        grantory = client(Scripted(GOOD), Hand(), auth)
        with grantory, pytest.raises(LoginFailed, match="Nothing can listen"):
            grantory.oauth_clients.get("1")
