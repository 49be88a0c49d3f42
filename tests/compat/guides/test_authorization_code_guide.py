"""docs/guides/authorization-code.md, as it stands, with a person in Chromium."""

import json
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.compat.guides.application import allow, log_in, running
from tests.compat.guides.guide import Guide, python_program, register, shell
from tests.support.person import Person
from tests.support.ports import free_port
from tests.support.server import Reply, RunningServer, basic

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.compat]
GUIDE = Guide("authorization-code")
REGISTER, REFRESH_BY_CURL = GUIDE.block("sh"), GUIDE.block("sh", 2)
APPLICATION, REFRESH = GUIDE.block("python"), GUIDE.block("python", 2)
PORT = free_port()
HERE = f"http://127.0.0.1:{PORT}"
CALLBACK = f"{HERE}/callback"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guide")


@pytest.fixture
def client(server: RunningServer, folder: Path) -> dict[str, str]:
    """A client as the guide registers it: what its programs find in their environment."""
    made = register(REGISTER, server, folder, PORT)
    assert json.loads(made["registeredRedirectUri"]) == [CALLBACK, f"{HERE}/"]
    return {"CLIENT_ID": made["id"], "CLIENT_SECRET": made["secret"]}


async def test_no_block_is_left_out() -> None:
    assert GUIDE.left() == []


async def test_a_person_logs_in_and_out(
    page: Page, server: RunningServer, client: dict[str, str], folder: Path
) -> None:
    with running(APPLICATION, server, PORT, folder, client) as program:
        assert program.address == f"{HERE}/"
        await page.goto(program.address)
        await page.get_by_role("link", name="Log in").click()
        await log_in(page, server)
        assert "Everything that you may do" in await page.inner_text("main")
        await allow(page)
        await page.get_by_text("You are ").wait_for()
        assert page.url == program.address
        await page.reload()
        await page.get_by_role("link", name="Log out").click()
        await page.get_by_role("link", name="Log in").wait_for()
        assert page.url == program.address
        await page.get_by_role("link", name="Log in").click()
        await page.get_by_label("Password").wait_for()


async def test_whoever_says_no_comes_back_all_the_same(
    page: Page, server: RunningServer, client: dict[str, str], folder: Path
) -> None:
    with running(APPLICATION, server, PORT, folder, client) as program:
        await page.goto(f"{program.address}login")
        await log_in(page, server)
        await page.get_by_role("button", name="Deny").click()
        await page.get_by_text("No login: access_denied.").wait_for()


async def test_a_login_that_was_begun_elsewhere_is_refused(
    page: Page, server: RunningServer, client: dict[str, str], folder: Path
) -> None:
    with Person(server) as person:
        code = person.authorize(client["CLIENT_ID"], CALLBACK)["code"]
    with running(APPLICATION, server, PORT, folder, client) as program:
        for state in ("", "&state=guessed"):
            came = await page.goto(f"{program.address}callback?code={code}{state}")
            assert came is not None
            assert came.status == 400


async def test_the_application_goes_on_until_somebody_ends_the_login(
    page: Page, server: RunningServer, client: dict[str, str], folder: Path
) -> None:
    with running(APPLICATION, server, PORT, folder, client) as program:
        await page.goto(f"{program.address}login")
        await log_in(page, server)
        await allow(page)
        await page.get_by_text("You are ").wait_for()
        user_id = user_of(server)
        assert server.call("DELETE", f"/api/v2/tokens/{user_id}").status == 200
        await page.goto(program.address)
        await page.get_by_text("Your login has ended.").wait_for()


def user_of(server: RunningServer) -> str:
    """The id of the administrator."""
    email = server.first_start["admin"]["email"]
    users = server.call("GET", "/api/v2/users?pageSize=100").json()["entities"]
    return next(str(user["id"]) for user in users if user["email"] == email)


async def test_refreshing(server: RunningServer, client: dict[str, str], folder: Path) -> None:
    with Person(server) as person:
        code = person.authorize(client["CLIENT_ID"], CALLBACK)["code"]
    first = redeem(server, client, code).json()["refresh_token"]
    second = python_program(REFRESH, server, folder, **client, REFRESH_TOKEN=first).strip()
    answer = json.loads(shell(REFRESH_BY_CURL, server, folder, **client, REFRESH_TOKEN=second))
    assert len({first, second, answer["refresh_token"]}) == 3
    # The first is two steps old now: somebody else must have it.
    form = f"grant_type=refresh_token&refresh_token={first}"
    refused = ask(server, client, form)
    assert (refused.status, refused.json()["error"]) == (400, "invalid_grant")
    assert GUIDE.names("invalid_grant", refused.json()["error_description"])
    ended = server.call("GET", "/api/v2/tokens/me", token=answer["access_token"])
    assert ended.status == 401


async def test_the_refusals_are_those_of_the_table(
    page: Page, server: RunningServer, client: dict[str, str]
) -> None:
    with Person(server) as person:
        code = person.authorize(client["CLIENT_ID"], CALLBACK)["code"]
        scope = person.authorize(client["CLIENT_ID"], CALLBACK, scope="none")
        kind = person.authorize(client["CLIENT_ID"], CALLBACK, response_type="token")
    assert GUIDE.names(scope["error"])
    assert GUIDE.names(kind["error"])
    for reply in (
        redeem(server, {**client, "CLIENT_SECRET": "wrong"}, code),
        redeem(server, client, code, f"{HERE}/"),
    ):
        answer = reply.json()
        assert GUIDE.names(answer["error"], answer["error_description"]), answer
    for start, text in (
        (f"{client['CLIENT_ID']}&redirect_uri={CALLBACK}/", "redirect_uri is not registered"),
        (f"nobody&redirect_uri={CALLBACK}", "the client is not known here"),
    ):
        await page.goto(f"{server.url}/oauth/authorize?response_type=code&client_id={start}")
        assert text in await page.inner_text("main")
        assert text in GUIDE.text
    await page.goto(f"{server.url}/logout?client_id={client['CLIENT_ID']}&redirect_uri={HERE}/x")
    text = "You are logged out. The address to go on to is not registered for this client."
    assert text in await page.inner_text("main")
    assert GUIDE.names(text)


def redeem(
    server: RunningServer, client: dict[str, str], code: str, redirect_uri: str = CALLBACK
) -> Reply:
    """Redeem a code."""
    form = f"grant_type=authorization_code&code={code}&redirect_uri={redirect_uri}"
    return ask(server, client, form)


def ask(server: RunningServer, client: dict[str, str], form: str) -> Reply:
    """Ask for a token with the secret."""
    return server.request(
        "POST",
        "/oauth/token",
        body=form.encode(),
        headers={
            "Authorization": basic(client["CLIENT_ID"], client["CLIENT_SECRET"]),
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
