"""Attack cases 9, 10, 12, 17, 18 and 21: what a request to the authorization endpoint may say."""

import re
from urllib.parse import quote, urlencode

import httpx2 as httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grantory.protocol.authorization.answers import NowhereToGo
from grantory.protocol.authorization.request import MAX_PARAMETERS, MAX_QUERY, _parsed
from tests.security.login.visits import nothing_failed, page, sent_back, stays_here
from tests.support.visitor import CHALLENGE, PKCE, REDIRECT, App, Visitor, make_app, page_of, told
from tests.support.world import World

MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{7*7}}${7*7}"
ISSUER = "http://127.0.0.1:8080"


async def raw(visitor: Visitor, query: str) -> httpx.Response:
    return await visitor.http.get(f"/oauth/authorize?{query}")


def query_of(app: App, **more: str) -> str:
    values = {"client_id": app.client_id, "response_type": "code", "redirect_uri": REDIRECT}
    return urlencode({**values, **more}, quote_via=quote)


@pytest.mark.parametrize("name", ["client_id", "redirect_uri"])
async def test_case_09_twice_what_decides_the_address(world: World, name: str) -> None:
    app, visitor = await make_app(world), Visitor(world)
    escaped = name.replace("_", "%5F")
    for value in ("", "x", app.client_id, REDIRECT, "https://evil.test"):
        for spelling in (name, escaped):
            stays_here(await raw(visitor, f"{query_of(app)}&{spelling}={quote(value)}"))
            stays_here(await raw(visitor, f"{spelling}={quote(value)}&{query_of(app)}"))
        stays_here(await raw(visitor, f"{query_of(app)}&{name}"))
    await nothing_failed(world)


ANYTHING_ELSE = ("response_type", "state", "scope", "prompt", "code_challenge", "response_mode")


@pytest.mark.parametrize("name", ANYTHING_ELSE)
async def test_case_09_twice_anything_else(world: World, name: str) -> None:
    app, visitor = await make_app(world), Visitor(world)
    for one, other in (("code", "code"), ("", "code"), ("x", "")):
        query = f"client_id={app.client_id}&redirect_uri={quote(REDIRECT)}"
        answer = await raw(visitor, f"{query}&state=s&{name}={one}&{name}={other}")
        values = sent_back(answer, "invalid_request")
        # Of two states neither is repeated.
        assert values.get("state") == (None if name == "state" else "s")


async def test_case_09_a_query_with_each_once_is_fine(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    page(await raw(visitor, f"&&{query_of(app)}&state=&scope=&unknown=1&"))


PAIRS = st.lists(st.tuples(st.text(max_size=3), st.text(max_size=3)), max_size=6)


@given(PAIRS)
def test_case_09_no_query_hides_a_second_value(pairs: list[tuple[str, str]]) -> None:
    try:
        found = _parsed(urlencode(pairs))
    except NowhereToGo:
        assert any("\x00" in value for _, value in pairs)
        return
    names = [name for name, _ in pairs]
    assert found.repeated == {name for name in names if names.count(name) > 1}
    for name, value in pairs:
        if name not in found.repeated:
            assert found.values.get(name, "") == value


@given(st.text(max_size=40))
def test_case_09_any_query_is_read_or_refused(query: str) -> None:
    try:
        found = _parsed(query)
    except NowhereToGo:
        return
    assert all(found.values.values())
    assert query.isascii()
    assert not any(character.isspace() for character in query)


async def test_case_09_the_size_of_a_request_is_bounded(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    query = query_of(app)
    fill = MAX_QUERY - len(query) - len("&state=")
    page(await raw(visitor, f"{query}&state={'x' * fill}"))
    stays_here(await raw(visitor, f"{query}&state={'x' * (fill + 1)}"))
    many = "".join(f"&p{number}=1" for number in range(MAX_PARAMETERS - 3))
    page(await raw(visitor, query + many))
    stays_here(await raw(visitor, f"{query}{many}&one=more"))
    for odd in ("&x=%00", "&x=%ff", "&x=%ed%a0%80", "&x=\u00e9", "&x=%"):
        answer = await raw(visitor, query + odd)
        assert answer.status_code in (200, 400)
        assert "location" not in answer.headers
    await nothing_failed(world)


async def test_case_09_the_longest_request_outlives_the_login(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    query = query_of(app, prompt="login")
    # A colon may stand in a query as it is, and would be three times as long if it were escaped.
    fill = ":" * (MAX_QUERY - len(query) - len("&state="))
    login = await raw(visitor, f"{query}&state={fill}")
    consent = await visitor.log_in(login)
    assert page_of(consent).action == "consent"
    assert told(await visitor.submit(consent, decision="allow"))["state"] == fill


async def test_case_10_plain_and_odd_challenges_are_refused(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    for method in ("plain", "PLAIN", "s256", "S256 ", "S512", "none", None):
        answer = await visitor.authorize(
            app, code_challenge=CHALLENGE, code_challenge_method=method
        )
        sent_back(answer, "invalid_request")
    for challenge in ("x", CHALLENGE[:-1], f"{CHALLENGE}=", f"{CHALLENGE}A", CHALLENGE[:-1] + "+"):
        answer = await visitor.authorize(
            app, code_challenge=challenge, code_challenge_method="S256"
        )
        sent_back(answer, "invalid_request")
    sent_back(await visitor.authorize(app, code_challenge_method="S256"), "invalid_request")
    token = await make_app(world, "TOKEN")
    sent_back(await visitor.authorize(token, response_type="token", **PKCE), "invalid_request")


async def test_case_12_whatever_a_page_shows_is_text(world: World) -> None:
    app = await make_app(world, name=MARKUP, description=MARKUP, scope=["users"])
    visitor = Visitor(world)
    login = await visitor.authorize(app, login_hint=MARKUP, state=MARKUP)
    pages = [login, await visitor.submit(login, email=MARKUP, password="wrong" + MARKUP)]
    pages.append(await visitor.submit(login, email="", password=""))
    consent = await visitor.log_in(login)
    pages.append(consent)
    for answer in pages:
        text = page(answer, answer.status_code)
        assert MARKUP not in text
        assert "<img" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
        assert "{{7*7}}${7*7}" in text
    assert f"wrong{MARKUP}" not in pages[1].text
    assert "&lt;img" not in pages[1].text.partition('type="password"')[2].partition(">")[0]
    for parameter in ("client_id", "redirect_uri", "error_description", "x" + MARKUP):
        given = {**({} if parameter == "client_id" else {"client_id": "x"}), parameter: MARKUP}
        text = stays_here(await raw(visitor, urlencode(given)))
        assert "alert" not in text
    sent_back(await visitor.authorize(app, org=MARKUP, provider=MARKUP), "invalid_request")
    assert "alert" not in page(await visitor.http.get("/logout", params={"client_id": MARKUP}))
    answer = await visitor.http.get("/logout", params={"redirect_uri": MARKUP})
    assert "alert" not in page(answer, 400)


async def test_case_17_nobody_is_asked_where_nobody_is_to_be_asked(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    sent_back(await visitor.authorize(app, prompt="none"), "login_required")
    consent = await visitor.log_in(await visitor.authorize(app))
    sent_back(await visitor.authorize(app, prompt="none"), "consent_required")
    await visitor.submit(consent, decision="allow")
    assert told(await visitor.authorize(app, prompt="none"))["code"]
    world.clock.advance(43_200)
    sent_back(await visitor.authorize(app, prompt="none"), "login_required")


async def test_case_17_a_login_is_asked_for_again_and_leaving_gives_nothing(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    await visitor.arrive(app)
    before = visitor.http.cookies["grantory-session"]
    login = await visitor.authorize(app, prompt="login", login_hint="a@example.com")
    assert page_of(login).fields["email"] == "a@example.com"
    # A wrong password or none is no login; the request stays one that asks for it.
    wrong = await visitor.log_in(login, "wrong")
    assert wrong.status_code == 403
    assert "password" in page_of(wrong).fields
    none = await visitor.submit(login, email="", password="")
    assert none.status_code == 400
    assert "password" in page_of(await visitor.authorize(app, prompt="login")).fields
    assert visitor.http.cookies["grantory-session"] == before
    assert "code" in told(await visitor.log_in(wrong))
    assert visitor.http.cookies["grantory-session"] != before


async def test_case_17_another_account_can_be_used_whatever_the_prompt(world: World) -> None:
    app = await make_app(world)
    for prompt in (None, "login", "consent", "login consent", "select_account"):
        visitor = Visitor(world)
        consent = await visitor.log_in(await visitor.authorize(app, prompt=prompt))
        link = re.search(r'<a href="([^"]+)">Not you', consent.text)
        assert link
        address = f"/oauth/{link[1].replace('&amp;', '&')}"
        again = await visitor.http.get(address)
        assert page_of(again).action == "login", again.headers
        assert page_of(await visitor.log_in(again)).action == "consent"


@pytest.mark.parametrize(("grant", "kind"), [("CODE", "code"), ("TOKEN", "token")])
async def test_case_18_every_answer_says_who_gives_it(world: World, grant: str, kind: str) -> None:
    app, visitor = await make_app(world, grant), Visitor(world)
    given = {"response_type": kind}
    login = await visitor.authorize(app, **given)
    answers = [
        await visitor.authorize(app, prompt="none", **given),
        await visitor.authorize(app, scope="nonsense", **given),
        await visitor.authorize(app, org="x", **given),
        await visitor.authorize(app, response_type="none"),
        await visitor.submit(await visitor.log_in(login), decision="deny"),
        await visitor.submit(await visitor.authorize(app, **given), decision="allow"),
    ]
    for answer in answers:
        assert told(answer)["iss"] == ISSUER
        assert answer.headers["location"].count("iss=") == 1
    headers = {"host": "evil.test", "x-forwarded-host": "evil.test", "forwarded": "host=evil.test"}
    query = query_of(app, response_type=kind, iss="https://evil.test")
    answer = await visitor.http.get(f"/oauth/authorize?{query}", headers=headers)
    assert told(answer)["iss"] == ISSUER
    assert "evil" not in answer.headers["location"]


ODD_MODES = (
    "form_post",
    "form_post.jwt",
    "jwt",
    "web_message",
    "Query",
    "fragment query",
    "\u00e9",
)


@pytest.mark.parametrize(("grant", "kind"), [("CODE", "code"), ("TOKEN", "token")])
async def test_case_21_an_answer_stands_where_it_may_and_in_no_form(
    world: World, grant: str, kind: str
) -> None:
    app, visitor = await make_app(world, grant), Visitor(world)
    mark = {"code": "?", "token": "#"}[kind]
    await visitor.arrive(app, response_type=kind)
    bad = (*ODD_MODES, MARKUP, "\r\nX: y", *(["query"] if kind == "token" else []))
    for mode in bad:
        answer = await visitor.authorize(app, response_type=kind, response_mode=mode)
        sent_back(answer, "invalid_request")
        assert answer.content == b""
        assert answer.headers["location"].startswith(f"{REDIRECT}{mark}error=")
        assert "alert" not in answer.headers["location"]
    # Of two modes neither counts, whichever comes first.
    for one, other in (("query", "fragment"), ("fragment", "query"), ("", "fragment")):
        modes = f"response_mode={one}&response_mode={other}"
        answer = await raw(visitor, f"{query_of(app, response_type=kind)}&{modes}")
        sent_back(answer, "invalid_request")
        assert answer.headers["location"].startswith(f"{REDIRECT}{mark}error=")
