"""docs/guides/pkce.md, as it stands, with a person in Chromium."""

from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.async_api import Page

from tests.browser.site import Site
from tests.compat.guides.application import allow, log_in, page_answers, running
from tests.compat.guides.guide import Guide, register
from tests.support.person import Person
from tests.support.server import Reply, RunningServer
from tests.support.visitor import CHALLENGE, PKCE, VERIFIER

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.compat]
GUIDE = Guide("pkce")
REGISTER_PAGE, REGISTER_COMMAND = GUIDE.block("sh"), GUIDE.block("sh", 2)
PAGE, COMMAND = GUIDE.block("html"), GUIDE.block("python")
HERE = "http://127.0.0.1:4711/"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guide")


@pytest.fixture(scope="module")
def command(server: RunningServer, folder: Path) -> dict[str, str]:
    """The client of the command."""
    return register(REGISTER_COMMAND, server, folder, 0)


async def test_no_block_is_left_out() -> None:
    assert GUIDE.left() == []


async def test_a_person_logs_in_and_out_of_the_page(
    page: Page, server: RunningServer, folder: Path
) -> None:
    with Site() as site:
        client = register(REGISTER_PAGE, server, folder, site.port)
        site.answers |= page_answers(PAGE, server, client["id"])
        await page.goto(f"{site.url}/")
        await page.get_by_role("button", name="Log in").click()
        await log_in(page, server)
        await allow(page)
        await page.get_by_text("You are ").wait_for()
        assert page.url == f"{site.url}/"
        # The token is in memory alone; the login at the server is still there.
        await page.reload()
        await page.get_by_role("button", name="Log in").click()
        await page.get_by_text("You are ").wait_for()
        await page.get_by_role("button", name="Log out").click()
        await page.get_by_text("Nobody is logged in.").wait_for()
        await page.wait_for_load_state("load")  # before its script has run the button does nothing
        await page.get_by_role("button", name="Log in").click()
        await page.get_by_label("Password").wait_for()


async def test_the_page_tells_of_a_refusal_and_of_a_foreign_code(
    page: Page, server: RunningServer, folder: Path
) -> None:
    with Site() as site:
        client = register(REGISTER_PAGE, server, folder, site.port)
        site.answers |= page_answers(PAGE, server, client["id"])
        await page.goto(f"{site.url}/")
        await page.get_by_role("button", name="Log in").click()
        await log_in(page, server)
        await page.get_by_role("button", name="Deny").click()
        await page.get_by_text("No login: [access_denied]").wait_for()
        assert page.url == f"{site.url}/"
        with Person(server) as person:
            code = person.authorize(client["id"], f"{site.url}/", **PKCE)["code"]
        await page.goto(f"{site.url}/?code={code}")
        await page.get_by_text("No login: ").wait_for()


async def test_a_command_gets_a_token(
    page: Page, server: RunningServer, command: dict[str, str], folder: Path
) -> None:
    variables = {"CLIENT_ID": command["id"], "BROWSER": "true"}  # which opens nothing
    with running(COMMAND, server, 0, folder, variables) as program:
        await page.goto(program.address)
        await log_in(page, server)
        await allow(page)
        await page.get_by_text("Go back to the command").wait_for()
        assert parse_qs(urlsplit(page.url).query)["iss"] == [server.url]
        assert program.end().strip() == server.call("GET", me(server)).json()["name"]


def me(server: RunningServer) -> str:
    """The path of the administrator."""
    users = server.call("GET", "/api/v2/users?pageSize=100").json()["entities"]
    email = server.first_start["admin"]["email"]
    return next(f"/api/v2/users/{user['id']}" for user in users if user["email"] == email)


def redeem(server: RunningServer, command: dict[str, str], code: str, **form: str) -> Reply:
    """Redeem a code without a secret."""
    values = {"grant_type": "authorization_code", "code": code, "redirect_uri": HERE}
    return server.request(
        "POST",
        "/oauth/token",
        body=urlencode({**values, "client_id": command["id"], **form}).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )


async def test_a_code_is_redeemed_with_the_verifier(
    server: RunningServer, command: dict[str, str]
) -> None:
    with Person(server) as person:
        for secret, lasting in (({}, False), ({"client_secret": command["secret"]}, True)):
            code = person.authorize(command["id"], HERE, **PKCE)["code"]
            answer = redeem(server, command, code, code_verifier=VERIFIER, **secret).json()
            assert ("refresh_token" in answer) is lasting


async def test_the_refusals_are_those_of_the_table(
    server: RunningServer, command: dict[str, str]
) -> None:
    with Person(server) as person:
        for form in (
            {"code_verifier": "v" * 43},
            {"code_verifier": VERIFIER, "client_secret": "wrong"},
        ):
            code = person.authorize(command["id"], HERE, **PKCE)["code"]
            answer = redeem(server, command, code, **form).json()
            assert GUIDE.names(answer["error"], answer["error_description"]), answer
        code = person.authorize(command["id"], HERE)["code"]
        answer = redeem(server, command, code).json()
        assert GUIDE.names(answer["error"], answer["error_description"]), answer
        for wrong in (
            {"code_challenge": CHALLENGE},
            {"code_challenge": CHALLENGE, "code_challenge_method": "plain"},
            {"code_challenge": f"{CHALLENGE}=", "code_challenge_method": "S256"},
        ):
            told = person.authorize(command["id"], HERE, **wrong)
            assert GUIDE.names(told["error"], told["error_description"]), told


async def test_origins_of_redirect_uris_may_call(
    server: RunningServer, command: dict[str, str]
) -> None:
    assert command["id"]
    allowed = "access-control-allow-origin"
    for origin, may in (("http://127.0.0.1", True), ("http://localhost", False)):
        headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        reply = server.request("OPTIONS", "/oauth/token", headers=headers)
        assert reply.headers.get(allowed) == (origin if may else None)
