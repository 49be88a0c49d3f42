"""The official JavaScript SDK's browser build logs people in: implicit and code with PKCE."""

import pytest
from playwright.async_api import Page, expect

from tests.browser.spa import GRANTS, Application, outcome
from tests.browser.test_flows import fill_in
from tests.compat.arrange import unique
from tests.support.server import RunningServer

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.compat]
REGISTERED_FOR = {"implicit": "TOKEN", "pkce": "CODE"}
STATE = "back to /here?a=b&c=d"


def register(server: RunningServer, grant: str) -> str:
    """A client that is registered for a grant, and for no address yet."""
    body = {
        "name": unique("spa"),
        "authorizedGrantType": REGISTERED_FOR[grant],
        "scope": ["users:readonly"],
    }
    reply = server.call("POST", "/api/v2/oauth/clients", body)
    assert reply.status == 200, reply.body
    client_id: str = reply.json()["id"]
    return client_id


def settle(server: RunningServer, grant: str, client_id: str, spa: Application) -> None:
    """Register the addresses of an application, now that its port is known."""
    body = {
        "name": unique("spa"),
        "authorizedGrantType": REGISTERED_FOR[grant],
        "scope": ["users:readonly"],
        "registeredRedirectUri": spa.redirect_uris,
    }
    reply = server.call("PUT", f"/api/v2/oauth/clients/{client_id}", body)
    assert reply.status == 200, reply.body


@pytest.mark.parametrize("grant", GRANTS)
async def test_the_sdk_logs_a_person_in(page: Page, server: RunningServer, grant: str) -> None:
    client_id = register(server, grant)
    with Application(server.port, client_id, options={"state": STATE}) as spa:
        settle(server, grant, client_id, spa)
        await page.goto(f"{spa.url}/{grant}")
        await fill_in(page, server)
        await page.get_by_role("button", name="Allow").click()
        name, found = await outcome(page)
        assert name == "done", found
        assert found["me"]["email"] == server.first_start["admin"]["email"]
        assert found["expires"] > 0
        assert found["address"] == f"{spa.url}/{grant}"  # no code and no token stays in it
        if grant == "implicit":
            assert found["state"] == STATE


@pytest.mark.parametrize("grant", GRANTS)
async def test_the_sdk_logs_a_person_in_by_a_window_of_its_own(
    page: Page, server: RunningServer, grant: str
) -> None:
    client_id = register(server, grant)
    with Application(server.port, client_id, options={"state": STATE}) as spa:
        settle(server, grant, client_id, spa)
        await page.goto(f"{spa.url}/{grant}-window")
        async with page.expect_popup() as opened:
            await page.get_by_role("button", name="Start").click()
        popup = await opened.value
        await fill_in(popup, server)
        await popup.get_by_role("button", name="Allow").click()
        name, found = await outcome(page)
        assert name == "done", found
        assert found["me"]["email"] == server.first_start["admin"]["email"]


@pytest.mark.parametrize("grant", GRANTS)
async def test_a_refusal_reaches_the_sdk(page: Page, server: RunningServer, grant: str) -> None:
    client_id = register(server, grant)
    with Application(server.port, client_id, options={"state": STATE}) as spa:
        settle(server, grant, client_id, spa)
        await page.goto(f"{spa.url}/{grant}")
        await fill_in(page, server)
        await page.get_by_role("button", name="Deny").click()
        name, found = await outcome(page)
        assert name == "failed"
        assert found["message"] == "[access_denied] the user has refused"


async def test_the_sdks_logout_ends_the_login_and_comes_back(
    page: Page, server: RunningServer
) -> None:
    client_id = register(server, "pkce")
    with Application(server.port, client_id) as spa:
        settle(server, "pkce", client_id, spa)
        await page.goto(f"{spa.url}/pkce")
        await fill_in(page, server)
        await page.get_by_role("button", name="Allow").click()
        await outcome(page)
        await page.get_by_role("button", name="Log out").click()
        await page.wait_for_url(f"{spa.url}/bye")
        await page.goto(f"{spa.url}/pkce")
        await expect(page.get_by_label("Password")).to_be_visible()
