"""The login form, as somebody uses it who has a keyboard and no script."""

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Request, expect

from grantory.http.login.pages import Pages
from grantory.http.login.sources import source_of
from tests.browser.chromium import open_page
from tests.browser.look import focused, outline, tab_order
from tests.browser.site import Site, plain, see_other
from tests.support.login_pages import EMAIL, a_consent, a_login

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAGES = Pages()
PROBLEM = "The e-mail address or the password is not right."


async def test_every_field_has_a_name(page: Page) -> None:
    with Site({"GET /oauth/authorize": PAGES.login(a_login())}) as site:
        await page.goto(f"{site.url}/oauth/authorize")
        fields = page.locator("input:not([type=hidden])")
        assert await fields.count() == 2
        for name in ("E-mail address", "Password"):
            assert await page.get_by_label(name, exact=True).count() == 1
        assert await page.get_by_role("button", name="Sign in").count() == 1
        assert await page.get_by_role("heading", level=1).inner_text() == "Sign in"


async def test_the_keyboard_goes_from_the_address_to_the_password_to_the_button(
    page: Page,
) -> None:
    with Site({"GET /oauth/authorize": PAGES.login(a_login())}) as site:
        await page.goto(f"{site.url}/oauth/authorize")
        assert await outline(page) >= 2
        assert await tab_order(page) == ["email", "password", "Sign in"]


async def test_a_known_address_leaves_the_password_to_be_typed(page: Page) -> None:
    view = a_login(email=EMAIL, problem=PROBLEM, status=403)
    with Site({"GET /oauth/authorize": PAGES.login(view)}) as site:
        await page.goto(f"{site.url}/oauth/authorize")
        assert await focused(page) == "password"
        assert await page.get_by_label("E-mail address").input_value() == EMAIL
        assert await page.get_by_role("alert").inner_text() == PROBLEM
        described = page.get_by_label("Password").and_(page.locator("[aria-describedby=problem]"))
        assert await described.count() == 1


@pytest.mark.parametrize("prefix", ["", "/login", "/a/b"])
async def test_enter_sends_the_form_to_login_beside_the_page(page: Page, prefix: str) -> None:
    answers = {
        f"GET {prefix}/oauth/authorize": PAGES.login(a_login(request="r" * 8192)),
        f"POST {prefix}/oauth/login": PAGES.login(a_login(email=EMAIL, problem=PROBLEM)),
    }
    with Site(answers) as site:
        await page.goto(f"{site.url}{prefix}/oauth/authorize?client_id=x")
        await expect(page.get_by_label("E-mail address")).to_be_focused()
        await page.keyboard.type(EMAIL)
        await page.keyboard.press("Tab")
        await page.keyboard.type("correct horse")
        await page.keyboard.press("Enter")
        await page.get_by_role("alert").wait_for()
        await expect(page.get_by_label("Password")).to_be_focused()
        await page.keyboard.type("battery staple")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
        first, second = site.of("POST", f"{prefix}/oauth/login")
    known = {"request": "r" * 8192, "csrf": "csrf-of-this-browser", "email": EMAIL}
    assert first.form == {**known, "password": "correct horse"}
    assert second.form == {**known, "request": "what-was-asked-for", "password": "battery staple"}
    assert first.headers["content-type"] == "application/x-www-form-urlencoded"
    assert first.headers["sec-fetch-site"] == "same-origin"
    assert first.headers["origin"] == "null"  # as browsers send it under no-referrer
    assert "referer" not in first.headers


async def test_an_empty_form_is_not_sent(page: Page) -> None:
    with Site({"GET /oauth/authorize": PAGES.login(a_login())}) as site:
        await page.goto(f"{site.url}/oauth/authorize")
        await page.get_by_role("button", name="Sign in").click()
        assert await focused(page) == "email"
        assert await page.locator("input:invalid").count() == 2
        assert [each.method for each in site.asked] == ["GET"]


@pytest.mark.parametrize("decision", ["allow", "deny"])
async def test_an_answer_leads_to_the_application(page: Page, decision: str) -> None:
    with Site({"GET /cb": plain("back")}) as application, Site() as site:
        view = a_consent(sources=(source_of(f"{application.url}/cb"),))
        site.answers["GET /oauth/authorize"] = PAGES.consent(view)
        site.answers["POST /oauth/consent"] = see_other(f"{application.url}/cb?state=s")
        await page.goto(f"{site.url}/oauth/authorize")
        await page.get_by_role("button", name=decision.capitalize(), exact=True).click()
        await page.wait_for_url(f"{application.url}/cb?state=s")
        [asked] = site.of("POST", "/oauth/consent")
        assert asked.form == {
            "request": "what-was-asked-for",
            "csrf": "csrf-of-this-browser",
            "decision": decision,
        }
        [came] = application.of("GET", "/cb")
        assert "referer" not in came.headers


async def test_an_answer_leads_to_an_application_with_a_scheme_of_its_own(page: Page) -> None:
    with Site() as site:
        view = a_consent(sources=(source_of("com.acme.desk:/cb"),))
        site.answers["GET /oauth/authorize"] = PAGES.consent(view)
        site.answers["POST /oauth/consent"] = see_other("com.acme.desk:/cb?code=c")
        await page.goto(f"{site.url}/oauth/authorize")
        async with page.expect_event("requestfailed", _of_application):  # nobody is installed
            await page.get_by_role("button", name="Allow").click()


async def test_a_login_in_a_window_of_its_own_can_tell_who_opened_it(page: Page) -> None:
    """The SDK's popup posts what it was given to its opener, once it is back."""
    answers = {"GET /": plain("open"), "GET /cb": plain("back")}
    with Site(answers) as application, Site() as site:
        view = a_login(email=EMAIL, sources=(source_of(f"{application.url}/cb"),))
        site.answers["GET /oauth/authorize"] = PAGES.login(view)
        site.answers["POST /oauth/login"] = see_other(f"{application.url}/cb")
        await page.goto(application.url)
        async with page.expect_popup() as opened:
            await page.evaluate(
                "(address) => { window.open(address) }", f"{site.url}/oauth/authorize"
            )
        window = await opened.value
        await window.get_by_label("Password").fill("correct horse")
        await window.keyboard.press("Enter")
        await window.wait_for_url(f"{application.url}/cb")
        assert await window.evaluate("() => opener.document.title") == "open"


async def test_the_keyboard_comes_to_the_other_account_before_the_decision(page: Page) -> None:
    with Site({"GET /oauth/authorize": PAGES.consent(a_consent())}) as site:
        await page.goto(f"{site.url}/oauth/authorize")
        await page.keyboard.press("Tab")
        assert await tab_order(page) == ["Not you? Use another account", "Allow", "Deny"]
        assert await page.get_by_role("list", name="It asks for").count() == 1


async def test_a_form_leads_nowhere_but_to_the_sources(browser: Browser) -> None:
    """The browser follows no redirect after a form to an address that the page does not name."""
    with Site({"GET /cb": plain("back")}) as stranger, Site() as site:
        site.answers["GET /oauth/authorize"] = PAGES.login(a_login(email=EMAIL))
        site.answers["POST /oauth/login"] = see_other(f"{stranger.url}/cb")
        async with open_page(browser) as page:
            await page.goto(f"{site.url}/oauth/authorize")
            await page.get_by_label("Password").fill("correct horse")
            async with page.expect_console_message(_of_forms) as told:
                await page.keyboard.press("Enter")
            assert (await told.value).type == "error"
        assert len(site.of("POST", "/oauth/login")) == 1
        assert stranger.asked == []


def _of_forms(message: ConsoleMessage) -> bool:
    return "form-action" in message.text


def _of_application(request: Request) -> bool:
    return request.url == "com.acme.desk:/cb?code=c"
