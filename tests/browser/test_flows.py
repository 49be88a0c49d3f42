"""People at a running server: they log in, are refused, consent, refuse, and log out."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import Browser, Page

from tests.browser.chromium import Album, open_page
from tests.browser.site import Site, plain
from tests.support.server import RunningServer
from tests.support.visitor import PKCE

pytestmark = pytest.mark.asyncio(loop_scope="module")
CALLBACK = "/callback"


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    """One server for the tests of this file."""
    with RunningServer() as running:
        yield running


class Application:
    """A client with a web site of its own, to which people come back."""

    def __init__(self, server: RunningServer, site: Site, **fields: Any) -> None:
        self.site = site
        self.redirect_uri = f"{site.url}{CALLBACK}"
        body = {
            "name": "Holiday planner",
            "description": "Plans the holidays of a whole team",
            "authorizedGrantType": "CODE",
            "registeredRedirectUri": [self.redirect_uri],
            "scope": ["users:readonly", "oauth"],
            **fields,
        }
        reply = server.call("POST", "/api/v2/oauth/clients", body)
        assert reply.status == 200, reply.body
        self.id: str = reply.json()["id"]

    def address(self, server: RunningServer) -> str:
        """Where it sends people."""
        values = {
            "client_id": self.id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "state": "holiday",
            **PKCE,
        }
        query = "&".join(f"{name}={value}" for name, value in values.items())
        return f"http://127.0.0.1:{server.port}/oauth/authorize?{query}"

    def told(self) -> dict[str, str]:
        """What it was told last."""
        return self.site.of("GET", CALLBACK)[-1].query


@pytest.fixture
def application(server: RunningServer) -> Iterator[Application]:
    with Site({f"GET {CALLBACK}": plain("Back at the planner")}) as site:
        yield Application(server, site)


async def fill_in(page: Page, server: RunningServer, password: str = "") -> None:
    """Fill in the login form and send it."""
    user = server.first_start["admin"]
    await page.get_by_label("E-mail address").fill(user["email"])
    await page.get_by_label("Password").fill(password or user["password"])
    await page.get_by_role("button", name="Sign in").click()


async def test_a_person_logs_in_consents_and_comes_back(
    page: Page, server: RunningServer, application: Application, album: Album
) -> None:
    await page.goto(application.address(server))
    await album.take(page, "flow-login")
    await fill_in(page, server)
    await page.get_by_role("button", name="Allow").wait_for()
    assert "Holiday planner" in await page.inner_text("main")
    assert "Read users" in await page.inner_text("main")
    await album.take(page, "flow-consent")
    await page.get_by_role("button", name="Allow").click()
    await page.get_by_text("Back at the planner").wait_for()
    given = application.told()
    assert {*given} == {"code", "state", "iss"}
    assert given["state"] == "holiday"
    (came,) = application.site.of("GET", CALLBACK)
    assert "referer" not in came.headers


async def test_who_has_consented_goes_straight_back_also_after_a_restart(
    page: Page, server: RunningServer, application: Application
) -> None:
    await page.goto(application.address(server))
    await fill_in(page, server)
    await page.get_by_role("button", name="Allow").click()
    await page.get_by_text("Back at the planner").wait_for()
    first = application.told()["code"]
    server.restart()
    await page.goto(application.address(server))
    await page.get_by_text("Back at the planner").wait_for()
    assert application.told()["code"] != first


async def test_a_wrong_password_is_told_beside_the_form(
    page: Page, server: RunningServer, application: Application, album: Album
) -> None:
    await page.goto(application.address(server))
    await fill_in(page, server, "not the password")
    alert = page.get_by_role("alert")
    await alert.wait_for()
    assert "wrong" in await alert.inner_text()
    assert await page.get_by_label("Password").input_value() == ""
    await album.take(page, "flow-wrong-password")
    await fill_in(page, server)
    await page.get_by_role("button", name="Allow").wait_for()


async def test_whoever_tries_too_often_waits(page: Page, album: Album) -> None:
    limits = {"GRANTORY_THROTTLE_LOGINS_PER_USER_AND_ADDRESS": "2"}
    with (
        RunningServer(environment=limits) as server,
        Site({f"GET {CALLBACK}": plain("Back")}) as site,
    ):
        await page.goto(Application(server, site).address(server))
        for _ in range(2):
            await fill_in(page, server, "not the password")
            await page.get_by_role("alert").wait_for()
        await fill_in(page, server)
        await page.get_by_text("too many attempts").wait_for()
        await album.take(page, "flow-throttled")
        assert not site.of("GET", CALLBACK)


async def test_a_refusal_is_told_to_the_application(
    page: Page, server: RunningServer, application: Application
) -> None:
    await page.goto(application.address(server))
    await fill_in(page, server)
    await page.get_by_role("button", name="Deny").click()
    await page.get_by_text("Back at the planner").wait_for()
    assert application.told()["error"] == "access_denied"


async def test_a_logout_asks_for_the_password_again(
    page: Page, server: RunningServer, application: Application, album: Album
) -> None:
    await page.goto(application.address(server))
    await fill_in(page, server)
    await page.get_by_role("button", name="Allow").click()
    await page.get_by_text("Back at the planner").wait_for()
    await page.goto(f"http://127.0.0.1:{server.port}/logout")
    await album.take(page, "flow-logged-out")
    await page.goto(application.address(server))
    assert await page.get_by_label("Password").count() == 1
    address = f"client_id={application.id}&redirect_uri={application.redirect_uri}"
    await page.goto(f"http://127.0.0.1:{server.port}/logout?{address}")
    await page.get_by_text("Back at the planner").wait_for()


async def test_a_foreign_address_is_told_to_the_person_alone(
    page: Page, server: RunningServer, application: Application, album: Album
) -> None:
    address = application.address(server).replace(CALLBACK, "/elsewhere")
    await page.goto(address)
    assert "redirect_uri is not registered" in await page.inner_text("main")
    await album.take(page, "flow-error")
    assert not application.site.asked


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (1280, "dark")])
async def test_every_page_of_the_way_fits_every_window(
    browser: Browser,
    server: RunningServer,
    application: Application,
    album: Album,
    width: int,
    scheme: Any,
) -> None:
    async with open_page(browser, width=width, scheme=scheme) as page:
        await page.goto(application.address(server))
        await _fits(page, album, f"login-{scheme}-{width}")
        await fill_in(page, server, "not the password")
        await page.get_by_role("alert").wait_for()
        await _fits(page, album, f"wrong-{scheme}-{width}")
        await fill_in(page, server)
        await page.get_by_role("button", name="Allow").wait_for()
        await _fits(page, album, f"consent-{scheme}-{width}")
        await page.goto(f"http://127.0.0.1:{server.port}/logout")
        await _fits(page, album, f"logged-out-{scheme}-{width}")
        await page.goto(f"http://127.0.0.1:{server.port}/oauth/authorize?client_id=nobody")
        await _fits(page, album, f"error-{scheme}-{width}")


async def _fits(page: Page, album: Album, name: str) -> None:
    await album.take(page, name)
    wide = await page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert wide <= 0, f"{name} is {wide} pixels too wide"
