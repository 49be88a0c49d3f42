"""docs/guides/implicit.md, as it stands, with a person in Chromium."""

from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.browser.site import Site
from tests.compat.guides.application import allow, log_in, page_answers
from tests.compat.guides.guide import Guide, register
from tests.support.fixtures import FreshServer
from tests.support.person import Person
from tests.support.server import RunningServer, basic

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.compat]
GUIDE = Guide("implicit")
REGISTER, PAGE, OFF = GUIDE.block("sh"), GUIDE.block("html"), GUIDE.block("toml")
HERE = "http://127.0.0.1:4711/"


async def test_no_block_is_left_out() -> None:
    assert GUIDE.left() == []


async def test_the_page_has_a_token(page: Page, server: RunningServer, tmp_path: Path) -> None:
    with Site() as site:
        client = register(REGISTER, server, tmp_path, site.port)
        site.answers |= page_answers(PAGE, server, client["id"])
        await page.goto(f"{site.url}/")
        await log_in(page, server)
        await allow(page)
        await page.get_by_text("You are ").wait_for()
        assert page.url == f"{site.url}/"


async def test_it_can_be_turned_off(page: Page, fresh_server: FreshServer, tmp_path: Path) -> None:
    file = tmp_path / "grantory.toml"
    file.write_text(OFF)
    server = fresh_server("--config", str(file))
    with Site() as site:
        client = register(REGISTER, server, tmp_path, site.port)
        site.answers |= page_answers(PAGE, server, client["id"])
        await page.goto(f"{site.url}/")
        await page.get_by_text("No login: [unauthorized_client]").wait_for()
        assert await page.locator("#who").inner_text() in told_by_the_page()


def told_by_the_page() -> list[str]:
    """What the page says for each row of the table."""
    rows = [line.split("`") for line in GUIDE.text.splitlines() if line.startswith("| back with")]
    return [f"No login: [{row[1]}] {row[3]}" for row in rows]


async def test_the_warning_and_the_refusals_are_those_of_the_guide(
    server: RunningServer, tmp_path: Path
) -> None:
    body = {"name": "old page", "authorizedGrantType": "TOKEN"}
    retiring = server.call("POST", "/api/v2/oauth/clients", body)
    assert "is being retired" in retiring.headers["warning"]
    client = register(REGISTER.replace("TOKEN", "CODE"), server, tmp_path, 4711)
    with Person(server) as person:
        told = person.authorize(client["id"], HERE, response_type="token")
    assert GUIDE.names(told["error"], told["error_description"])
    reply = server.request(
        "POST",
        "/oauth/token",
        body=b"grant_type=implicit",
        headers={
            "Authorization": basic(client["id"], client["secret"]),
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    assert GUIDE.names(reply.json()["error"])
