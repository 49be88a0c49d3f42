"""Attack cases 13 to 16, 19, 20 and 69: the forms of the login side, and its cookies."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2 as httpx
import pytest

from grantory.http.login.forms import Form, form_token
from tests.security.answers import log_of
from tests.security.login.visits import (
    EVERYTHING,
    are_ended,
    nothing_failed,
    page,
    sent_back,
    stays_here,
    tokens_of,
)
from tests.support.soak import databases
from tests.support.visitor import PKCE, REDIRECT, App, Visitor, make_app, page_of, told
from tests.support.world import ADDRESS, World, new_world

SESSION, FORM = "grantory-session", "grantory-form"
OTHER_REDIRECT = "https://app.example.com/other"


async def at_consent(world: World, app: App, **more: str) -> tuple[Visitor, httpx.Response]:
    visitor = Visitor(world)
    return visitor, await visitor.log_in(await visitor.authorize(app, **more))


async def test_case_13_no_page_can_be_framed(world: World) -> None:
    app = await make_app(world)
    visitor, consent = await at_consent(world, app)
    login = await Visitor(world).authorize(app)
    page(login)
    page(consent)
    stays_here(await visitor.http.get("/oauth/authorize"))
    wrong = await visitor.log_in(await visitor.authorize(app, prompt="login"), "x")
    page(wrong, 403)
    page(await visitor.http.get("/logout"))
    page(await visitor.http.get("/logout", params={"redirect_uri": "https://evil.test"}), 400)
    # And a form's answer goes to the client that asked, and nowhere else.
    for answer in (login, consent):
        policy = answer.headers["content-security-policy"]
        assert policy.endswith("form-action 'self' https://app.example.com")


async def test_case_14_a_login_form_of_another_browser(world: World) -> None:
    app, mine, theirs = await make_app(world), Visitor(world), Visitor(world)
    values = {"email": mine.email, "password": mine.password}
    my_form, their_form = await mine.authorize(app), await theirs.authorize(app)
    assert page_of(my_form).fields["csrf"] != page_of(their_form).fields["csrf"]
    good = page_of(my_form).fields["csrf"]
    wrong = ["", "x", good[:-1], good + "A", good.swapcase(), page_of(their_form).fields["csrf"]]
    for csrf in (*wrong, "\u00e9", "x" * 60_000):
        page(await mine.submit(my_form, csrf=csrf, **values), 403)
    page(await mine.http.post("/oauth/login", data=values), 403)
    page(await mine.http.post("/oauth/login"), 403)
    # Without the cookie, or with one that fits no token.
    for cookie in ("", f"{FORM}=", f"{FORM}=x", f"{FORM}={'a' * 64}", f"{FORM}={'a' * 200}"):
        stranger = Visitor(world)
        if cookie:
            stranger.http.headers["cookie"] = cookie
        page(await stranger.submit(my_form, **values), 403)
    cookie = mine.http.cookies[FORM]
    twice = Visitor(world)
    twice.http.headers["cookie"] = f"{FORM}={'a' * 64}; {FORM}={cookie}"
    page(await twice.submit(my_form, **values), 403)
    assert SESSION not in mine.http.cookies
    assert (await mine.submit(my_form, **values)).status_code == 303
    await nothing_failed(world)


async def test_case_14_a_login_form_of_another_request(world: World) -> None:
    app, other = await make_app(world), await make_app(world)
    visitor = Visitor(world)
    one, two = await visitor.authorize(app), await visitor.authorize(other)
    values = {"email": visitor.email, "password": visitor.password}
    swapped = page_of(two).fields["request"]
    page(await visitor.submit(one, request=swapped, **values), 403)
    page(await visitor.submit(one, request=page_of(one).fields["request"] + "&x=1", **values), 403)
    # A token for another purpose, with the very same cookie and request.
    cookie, query = visitor.http.cookies[FORM], page_of(one).fields["request"]
    page(await visitor.submit(one, csrf=form_token(Form.CONSENT, cookie, query), **values), 403)


async def test_case_14_a_consent_form_of_another_session(world: World) -> None:
    app, other = await make_app(world), await make_app(world)
    mine, my_form = await at_consent(world, app)
    theirs, their_form = await at_consent(world, app)
    tokens = [
        "",
        "x",
        page_of(their_form).fields["csrf"],
        page_of(await mine.authorize(other)).fields["csrf"],
        form_token(Form.LOGIN, mine.http.cookies[SESSION], page_of(my_form).fields["request"]),
        form_token(Form.CONSENT, mine.http.cookies[FORM], page_of(my_form).fields["request"]),
        form_token(Form.CONSENT, "", page_of(my_form).fields["request"]),
    ]
    for csrf in tokens:
        for decision in ("allow", "deny", ""):
            page(await mine.submit(my_form, csrf=csrf, decision=decision), 403)
    # A form from before a login, or from a browser that is logged in no more.
    page(await Visitor(world).submit(my_form, decision="allow"), 403)
    await theirs.http.get("/logout")
    page(await theirs.submit(their_form, decision="allow"), 403)
    again = await mine.log_in(await mine.authorize(app, prompt="login"))
    page(await mine.submit(my_form, decision="allow"), 403)
    assert await world.rows("SELECT client_id FROM authorizations") == []
    assert "code" in told(await mine.submit(again, decision="allow"))


async def test_case_14_a_form_that_another_site_sends(world: World) -> None:
    app = await make_app(world)
    visitor, consent = await at_consent(world, app)
    form = page_of(consent)
    for site in ("cross-site", "same-site", "elsewhere", ""):
        headers = {"sec-fetch-site": site}
        data = {**form.fields, "decision": "allow"}
        page(await visitor.http.post("/oauth/consent", data=data, headers=headers), 403)
    data = {**form.fields, "decision": "allow"}
    for kind in ("text/plain", "application/json", "multipart/form-data; boundary=x", ""):
        answer = await visitor.http.post(
            "/oauth/consent", content=b"x", headers={"content-type": kind}
        )
        page(answer, 403)
    for body in (b"a=1&a=2", b"a=%00", b"a=%ff", b"x" * 70_000):
        answer = await visitor.http.post(
            "/oauth/consent",
            content=body,
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
        page(answer, 403)
    for decision in ("", "yes", "ALLOW", "allow "):
        answer = await visitor.submit(consent, decision=decision)
        sent_back(answer, "access_denied")
    headers = {"sec-fetch-site": "same-origin", "origin": "http://127.0.0.1:8080"}
    answer = await visitor.http.post("/oauth/consent", data=data, headers=headers)
    assert told(answer)["code"]
    await nothing_failed(world)


async def test_case_14_a_consent_is_for_the_request_that_was_shown(world: World) -> None:
    app = await make_app(world, scope=["users", "oauth"])
    visitor, form = await at_consent(world, app, scope="users")
    shown = page_of(form).fields["request"]
    more = shown.replace("scope=users", "scope=users+oauth")
    assert more != shown
    page(await visitor.submit(form, request=more, decision="allow"), 403)
    await visitor.submit(form, decision="allow")
    # What was allowed once does not allow more.
    assert page_of(await visitor.authorize(app, scope="users oauth")).action == "consent"
    assert page_of(await visitor.authorize(app)).action == "consent"
    assert "code" in told(await visitor.authorize(app, scope="users"))


async def test_case_15_a_password_is_sent_no_further(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    login = await visitor.authorize(app)
    answer = await visitor.submit(login, email=visitor.email, password=visitor.password)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("authorize?")
    assert visitor.password not in str(answer.headers)
    consent = await visitor.follow(answer)
    assert (await visitor.submit(consent, decision="deny")).status_code == 303
    assert (await visitor.submit(consent, decision="allow")).status_code == 303
    assert (await visitor.authorize(app)).status_code == 303
    wrong = await visitor.log_in(login, "wrong password")
    assert "wrong password" not in page(wrong, 403)
    # By GET there is no form to be sent.
    for path in ("/oauth/login", "/oauth/consent"):
        answer = await visitor.http.get(path, params={"password": visitor.password})
        assert answer.status_code == 404
        assert "set-cookie" not in answer.headers


async def test_case_16_a_login_makes_a_new_session(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    planted = "gls_" + "A" * 43
    visitor.http.cookies.set(SESSION, planted, domain="grantory.test", path="/")
    login = await visitor.authorize(app)
    # Nobody has a session before there is somebody.
    assert not any(SESSION in line for line in login.headers.get_list("set-cookie"))
    answer = await visitor.submit(login, email=visitor.email, password=visitor.password)
    first = _cookie(answer, SESSION)
    assert first != planted
    planting = Visitor(world)
    planting.http.headers["cookie"] = f"{SESSION}={planted}"
    assert page_of(await planting.authorize(app)).action == "login"
    # The session of an attacker who left it in the browser is not the victim's either.
    visitor.http.cookies.clear()
    visitor.http.cookies.set(SESSION, first, domain="grantory.test", path="/")
    answer = await visitor.submit(
        await visitor.authorize(app, prompt="login"),
        email=visitor.email,
        password=visitor.password,
    )
    second = _cookie(answer, SESSION)
    assert second != first
    attacker = Visitor(world)
    attacker.http.headers["cookie"] = f"{SESSION}={first}"
    assert page_of(await attacker.authorize(app)).action == "login"
    assert await world.rows("SELECT count(*) FROM login_sessions") == [(1,)]


async def test_case_16_a_session_ends_with_its_time(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    tokens = tokens_of(await visitor.redeem(app, (await visitor.arrive(app))["code"]))
    world.clock.advance(43_199)
    assert "code" in told(await visitor.authorize(app))
    world.clock.advance(1)
    assert page_of(await visitor.authorize(app)).action == "login"
    # That is no logout: what it led to goes on, until there is one.
    assert await visitor.use(tokens.access) == 200
    await visitor.http.get("/logout")
    await are_ended(visitor, app, tokens)


def _cookie(answer: httpx.Response, name: str) -> str:
    lines = answer.headers.get_list("set-cookie")
    values = [match[1] for line in lines if (match := re.match(rf"{name}=([^;]*);", line))]
    assert len(values) == 1, lines
    return values[0]


@pytest.fixture(params=databases())
async def secure_world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with new_world(
        tmp_path / "secure",
        on_postgres=request.param == "postgresql",
        public_url="https://login.example.com",
    ) as made:
        yield made


async def test_case_16_cookies_under_tls_are_this_hosts_alone(secure_world: World) -> None:
    world = secure_world
    app, visitor = await make_app(world), Visitor(world)
    visitor.http.base_url = httpx.URL("https://grantory.test")
    login = await visitor.authorize(app)
    answer = await visitor.submit(login, email=visitor.email, password=visitor.password)
    ended = await visitor.http.get("/logout")
    lines = [each.headers.get_list("set-cookie") for each in (login, answer, ended)]
    assert [len(found) for found in lines] == [1, 1, 1]
    names = [found[0].partition("=")[0] for found in lines]
    assert names == ["__Host-grantory-form", "__Host-grantory-session", "__Host-grantory-session"]
    for [line] in lines:
        attributes = {part.strip() for part in line.split(";")[1:]} - {"Max-Age=0"}
        assert attributes == {"Path=/", "HttpOnly", "SameSite=Lax", "Secure"}
    # A cookie of the plain name, which any neighbour could set, is nothing.
    fresh = Visitor(world)
    session = _cookie(answer, "__Host-grantory-session")
    fresh.http.headers["cookie"] = f"{SESSION}={session}"
    assert page_of(await fresh.authorize(app)).action == "login"


async def test_case_16_cookies_without_tls(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    login = await visitor.authorize(app)
    answer = await visitor.submit(login, email=visitor.email, password=visitor.password)
    for line in (login.headers["set-cookie"], answer.headers["set-cookie"]):
        attributes = {part.strip() for part in line.split(";")[1:]}
        assert attributes == {"Path=/", "HttpOnly", "SameSite=Lax"}


async def test_case_19_no_page_or_referrer_holds_a_credential(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    token = await make_app(world, "TOKEN")
    secrets = [visitor.password]
    login = await visitor.authorize(app, **PKCE)
    sent = await visitor.submit(login, email=visitor.email, password=visitor.password)
    consent = await visitor.follow(sent)
    secrets.append(visitor.http.cookies[SESSION])
    answer = await visitor.submit(consent, decision="allow")
    secrets.append(told(answer)["code"])
    implicit = await visitor.submit(
        await visitor.authorize(token, response_type="token"), decision="allow"
    )
    secrets.append(told(implicit)["access_token"])
    pages = [login, consent, await visitor.authorize(app, prompt="login")]
    pages.append(await visitor.http.get("/logout"))
    for shown in pages:
        text = page(shown)
        assert not any(secret in text for secret in secrets)
        links = re.findall(r'(?:href|src|action)="([^"]*)"', text)
        assert not any("://" in link or mark in link for link in links for mark in EVERYTHING)
    for redirect in (sent, answer, implicit):
        assert redirect.headers["referrer-policy"] == "no-referrer"
        assert redirect.headers["cache-control"] == "no-store"
        assert redirect.content == b""
    # A token is in the fragment, which no browser sends anywhere.
    assert secrets[-1] not in implicit.headers["location"].partition("#")[0]
    log = await log_of(world)
    assert not any(secret in log for secret in secrets)
    assert REDIRECT not in log


async def test_case_20_a_logout_leads_to_a_registered_address_alone(world: World) -> None:
    app = await make_app(world, registeredRedirectUri=[REDIRECT, "http://127.0.0.1/cb"])
    other = await make_app(world, registeredRedirectUri=[OTHER_REDIRECT])
    visitor = Visitor(world)

    async def leave(**query: str) -> httpx.Response:
        return await visitor.http.get("/logout", params=query)

    answer = await leave(client_id=app.client_id, redirect_uri=REDIRECT)
    assert (answer.status_code, answer.headers["location"]) == (303, REDIRECT)
    assert answer.headers["referrer-policy"] == "no-referrer"
    for uri in (
        f"{REDIRECT}/",
        f"{REDIRECT}?x=1",
        f"{REDIRECT}#x",
        REDIRECT.upper(),
        OTHER_REDIRECT,
        "http://127.0.0.1:8080/cb",
        "https://evil.test",
        "//evil.test",
        "/oauth/authorize",
        "javascript:alert(1)",
        f"{REDIRECT}\r\nset-cookie: a=b",
    ):
        page(await leave(client_id=app.client_id, redirect_uri=uri), 400)
    page(await leave(client_id=other.client_id, redirect_uri=REDIRECT), 400)
    page(await leave(redirect_uri=REDIRECT), 400)
    for client_id in ("x", "x" * 65, "\u00e9"):
        page(await leave(client_id=client_id, redirect_uri=REDIRECT), 400)
    for query in (
        f"client_id={app.client_id}&redirect_uri={REDIRECT}&redirect_uri=https://evil.test",
        f"client_id={other.client_id}&client_id={app.client_id}&redirect_uri={REDIRECT}",
    ):
        page(await visitor.http.get(f"/logout?{query}"), 400)
    await nothing_failed(world)


@pytest.mark.parametrize("query", ["", "?x=%00", "?x=%ff", f"?{'x' * 9000}"])
async def test_case_20_a_logout_is_one_whatever_else_is_said(world: World, query: str) -> None:
    app, visitor = await make_app(world), Visitor(world)
    tokens = tokens_of(await visitor.redeem(app, (await visitor.arrive(app))["code"]))
    answer = await visitor.http.get(f"/logout{query}")
    page(answer, 400 if query else 200)
    assert answer.headers["set-cookie"].startswith(f"{SESSION}=; ")
    await are_ended(visitor, app, tokens)
    await nothing_failed(world)


async def test_case_69_no_page_is_kept_in_a_cache(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    login = await visitor.authorize(app)
    sent = await visitor.submit(login, email=visitor.email, password=visitor.password)
    consent = await visitor.follow(sent)
    answer = await visitor.submit(consent, decision="allow")
    redeemed = await visitor.redeem(app, told(answer)["code"])
    answers = [
        *(login, sent, consent, answer, redeemed),
        await visitor.redeem(app, told(answer)["code"]),
        await visitor.refresh(app, redeemed.json()["refresh_token"]),
        await visitor.authorize(app, scope="nonsense"),
        await visitor.http.get("/oauth/authorize"),
        await visitor.http.head("/oauth/authorize"),
        await visitor.http.post("/oauth/authorize"),
        await visitor.http.post("/oauth/login"),
        await visitor.http.get("/oauth/consent"),
        await visitor.http.get("/logout"),
        await visitor.http.get(f"{ADDRESS}/logout?redirect_uri=x"),
    ]
    assert [each.headers["cache-control"] for each in answers] == ["no-store"] * len(answers)
