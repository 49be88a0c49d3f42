"""What goes where: to the client, to a page for the person, or on to the login."""

import asyncio
from collections import Counter

import httpx2 as httpx
import pytest

from tests.support.visitor import PKCE, REDIRECT, Visitor, make_app, page_of, told
from tests.support.world import CLIENTS, World

UNKNOWN = "11111111-2222-4333-8444-555555555555"


async def test_what_makes_the_address_doubtful_is_told_to_the_person(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    for wrong, word in (
        ({"client_id": None}, "client_id is missing"),
        ({"client_id": UNKNOWN}, "the client is not known here"),
        ({"redirect_uri": "https://other.example"}, "redirect_uri is not registered"),
    ):
        answer = await visitor.authorize(app, **wrong)
        assert answer.status_code == 400
        assert word in answer.text
        assert answer.headers["inin-correlation-id"] in answer.text


@pytest.mark.parametrize(
    ("wrong", "error", "word"),
    [
        ({"response_type": None}, "invalid_request", "code or token"),
        ({"response_type": "id_token"}, "unsupported_response_type", "code or token"),
        ({"response_type": "token"}, "unauthorized_client", "response type"),
        ({"scope": "nonsense"}, "invalid_scope", "scope"),
        ({"org": "Example"}, "invalid_request", "come together"),
        ({"provider": "x"}, "invalid_request", "come together"),
        ({"org": "Another", "provider": "x"}, "invalid_request", "organisation"),
        ({"code_challenge": "x"}, "invalid_request", "code_challenge_method"),
        ({"code_challenge_method": "S256"}, "invalid_request", "code_challenge is missing"),
        ({**PKCE, "code_challenge_method": "plain"}, "invalid_request", "S256"),
        ({"prompt": "none"}, "login_required", "logged in"),
    ],
)
async def test_anything_else_is_told_to_the_client(
    world: World, wrong: dict[str, str | None], error: str, word: str
) -> None:
    app, visitor = await make_app(world), Visitor(world)
    answer = await visitor.authorize(app, **wrong)
    given = told(answer)
    assert {*given} == {"error", "error_description", "state", "iss"}
    assert (given["error"], given["state"]) == (error, "s 1")
    assert word in given["error_description"]
    # In the fragment where a token was asked for, and nowhere else.
    mark = "#" if wrong.get("response_type") == "token" else "?"
    assert answer.headers["location"].startswith(f"{REDIRECT}{mark}error=")
    without = told(await visitor.authorize(app, **{**wrong, "state": None}))
    assert "state" not in without


@pytest.mark.parametrize("state", ["inactive", "disabled"])
async def test_a_client_that_gains_no_tokens_is_told_so(world: World, state: str) -> None:
    app, visitor = await make_app(world), Visitor(world)
    login = await visitor.authorize(app)
    consent = await visitor.log_in(login)
    body = {"name": "a", "authorizedGrantType": "CODE", "registeredRedirectUri": [REDIRECT]}
    await world.admin.put(f"{CLIENTS}/{app.client_id}", {**body, "state": state})
    answers = [
        await visitor.authorize(app),
        await visitor.submit(consent, decision="allow"),
        await visitor.submit(login, email=visitor.email, password=visitor.password),
    ]
    for answer in answers:
        assert told(answer)["error"] == "unauthorized_client"


async def test_the_parameters_of_official_clients_are_understood(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    name = world.founding.organization.name
    for more in (
        {"org": name, "provider": "x", "target": "y"},
        {"org": name.upper(), "provider": "x"},
        {"org": world.founding.organization.id, "provider": "x"},
        {"login_hint": "a@example.com", "prompt": "login"},
        {"nonsense": "1", "state": ""},
    ):
        page = await visitor.authorize(app, **more)
        assert page.status_code == 200
        assert page_of(page).fields["email"] == more.get("login_hint", "")


async def test_a_wrong_password_is_told_on_the_page_alone(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    login = await visitor.authorize(app)
    pages = [
        await visitor.submit(login, email=visitor.email, password="wrong"),
        await visitor.submit(login, email="nobody@example.com", password="wrong"),
    ]
    texts = [page.text.replace(visitor.email, "x@example.com") for page in pages]
    assert texts[0] == texts[1].replace("nobody@example.com", "x@example.com")
    for page in pages:
        assert page.status_code == 403
        assert "The e-mail address or the password is wrong." in page.text
        assert page_of(page).action == "login"
    assert (await visitor.submit(login, email="", password="x")).status_code == 400
    assert page_of(await visitor.log_in(pages[1])).action == "consent"


async def throttled(visitor: Visitor, login: httpx.Response) -> httpx.Response:
    return await visitor.submit(login, email=visitor.email, password=visitor.password)


async def test_guessing_is_slowed_down_by_user_and_address(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    login = await visitor.authorize(app)
    for number in range(world.settings.throttle_logins_per_user_and_address):
        spelling = visitor.email.upper() if number % 2 else f" {visitor.email} "
        wrong = await visitor.submit(login, email=spelling, password="wrong")
        assert wrong.status_code == 403
    answer = await throttled(visitor, login)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "60"
    assert "Try again in 60 seconds" in answer.text
    # From another address the right password is good, and here again after a minute.
    elsewhere = Visitor(world, "192.0.2.7")
    assert (await throttled(elsewhere, await elsewhere.authorize(app))).status_code == 303
    world.clock.advance(60)
    assert (await throttled(visitor, login)).status_code == 303


async def test_only_get_asks_and_only_post_answers(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    await visitor.arrive(app)
    query = {"client_id": app.client_id, "response_type": "code", "redirect_uri": REDIRECT}
    codes = "SELECT count(*) FROM authorization_codes"
    before = await world.rows(codes)
    head = await visitor.http.head("/oauth/authorize", params=query)
    assert (head.status_code, head.content) == (400, b"")
    assert "location" not in head.headers
    assert (await visitor.http.post("/oauth/authorize", params=query)).status_code == 405
    for path in ("/oauth/login", "/oauth/consent"):
        assert (await visitor.http.get(path, params=query)).status_code == 404
    assert await world.rows(codes) == before


async def test_guesses_at_the_same_moment_are_counted_each(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    page = await visitor.authorize(app)
    answers = await asyncio.gather(
        *(visitor.log_in(page, f"guess number {number}") for number in range(25))
    )
    statuses = Counter(answer.status_code for answer in answers)
    assert statuses == {403: 10, 429: 15}
