"""The official JavaScript SDK's browser build: where it sends a browser, what it reads there."""

import hashlib
from base64 import urlsafe_b64encode
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from playwright.async_api import Page

from tests.browser.spa import GRANTS, Application, outcome
from tests.support.server import RunningServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.compat]
CLIENT_ID = "5a2e0f6e-8f1c-4a2c-9c6b-1d1f4d6c7a10"
STATE = "back to /here?a=b&c=d#e %2F+ä"


async def led_to(page: Page, server: RunningServer, path: str) -> dict[str, list[str]]:
    """The query with which a browser came to a path of the server."""
    await page.wait_for_url(lambda address: address.startswith(f"{server.url}{path}?"))
    return parse_qs(urlsplit(page.url).query, strict_parsing=True)


@pytest.mark.parametrize("login_path", ["", "/login"])
async def test_the_implicit_grant_begins_at_authorize(
    page: Page, server: RunningServer, login_path: str
) -> None:
    options = {"state": STATE, "prompt": "login", "login_hint": "ada@example.com:northwind"}
    with Application(server.port, CLIENT_ID, login_path=login_path, options=options) as spa:
        await page.goto(f"{spa.url}/implicit")
        assert await led_to(page, server, f"{login_path}/oauth/authorize") == {
            "client_id": [CLIENT_ID],
            "redirect_uri": [f"{spa.url}/implicit"],
            "response_type": ["token"],
            **{name: [value] for name, value in options.items()},
        }


async def test_pkce_begins_at_authorize_and_keeps_its_verifier(
    page: Page, server: RunningServer
) -> None:
    with Application(server.port, CLIENT_ID, options={"state": STATE}) as spa:
        await page.goto(f"{spa.url}/pkce")
        query = await led_to(page, server, "/oauth/authorize")
        challenge = query.pop("code_challenge")
        assert query == {
            "client_id": [CLIENT_ID],
            "redirect_uri": [f"{spa.url}/pkce"],
            "response_type": ["code"],
            "code_challenge_method": ["S256"],
            "state": [STATE],
        }
        await page.goto(f"{spa.url}/bye")
        verifier = await page.evaluate(
            "() => sessionStorage.getItem('purecloud_pkce_code_verifier')"
        )
        digest = hashlib.sha256(verifier.encode()).digest()
        assert len(verifier) == 128
        assert challenge == [urlsafe_b64encode(digest).decode().rstrip("=")]


@pytest.mark.parametrize("grant", GRANTS)
async def test_a_refusal_is_read(page: Page, server: RunningServer, grant: str) -> None:
    """In the fragment, which the SDK decodes twice, and in the query."""
    mark = {"implicit": "#", "pkce": "?"}[grant]
    said = quote("The person said no.")
    with Application(server.port, CLIENT_ID) as spa:
        await page.goto(
            f"{spa.url}/{grant}{mark}error=access_denied&error_description={said}&state=s"
        )
        assert await outcome(page) == (
            "failed",
            {"message": "[access_denied] The person said no.", "code": None},
        )


async def test_logout_tells_the_client_and_where_to_go(page: Page, server: RunningServer) -> None:
    with Application(server.port, CLIENT_ID) as spa:
        await page.goto(f"{spa.url}/implicit#error=access_denied&error_description=no")
        await page.get_by_role("button", name="Log out").click()
        assert await led_to(page, server, "/logout") == {
            "client_id": [CLIENT_ID],
            "redirect_uri": [f"{spa.url}/bye"],
        }


@pytest.mark.parametrize(("grant", "response_type"), [("implicit", "token"), ("pkce", "code")])
async def test_a_login_in_a_window_of_its_own_begins_at_authorize(
    page: Page, server: RunningServer, grant: str, response_type: str
) -> None:
    with Application(server.port, CLIENT_ID) as spa:
        await page.goto(f"{spa.url}/{grant}-window")
        async with page.expect_popup() as opened:
            await page.get_by_role("button", name="Start").click()
        query = await led_to(await opened.value, server, "/oauth/authorize")
        assert query["redirect_uri"] == [f"{spa.url}/window"]
        assert query["response_type"] == [response_type]
