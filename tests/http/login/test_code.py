"""From a login page to tokens: the grant CODE, with the secret and with a verifier."""

from urllib.parse import parse_qs, urlsplit

from tests.support.visitor import PKCE, REDIRECT, VERIFIER, Visitor, make_app, page_of, told
from tests.support.world import CLIENTS, World


async def test_a_login_and_a_consent_lead_to_a_code(world: World) -> None:
    app, visitor = await make_app(world, scope=["users", "oauth:readonly"]), Visitor(world)
    page = await visitor.authorize(app)
    assert page.status_code == 200
    assert page_of(page).action == "login"
    consent = await visitor.log_in(page)
    assert page_of(consent).action == "consent"
    assert "Read and change users" in consent.text
    answer = await visitor.submit(consent, decision="allow")
    location = answer.headers["location"]
    assert location.startswith(f"{REDIRECT}?")
    assert told(answer) == {
        "code": parse_qs(urlsplit(location).query)["code"][0],
        "state": "s 1",
        "iss": "http://127.0.0.1:8080",
    }


async def test_a_code_and_the_secret_give_tokens(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    code = (await visitor.arrive(app))["code"]
    answer = await visitor.redeem(app, code)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    document = answer.json()
    assert {*document} == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert document["token_type"] == "bearer"
    assert document["expires_in"] == 86_400
    assert await visitor.use(document["access_token"]) == 200


async def test_a_verifier_alone_gives_a_token_and_no_refresh_token(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    code = (await visitor.arrive(app, **PKCE))["code"]
    answer = await visitor.redeem_public(app, code)
    assert answer.status_code == 200, answer.text
    assert {*answer.json()} == {"access_token", "token_type", "expires_in"}
    assert await visitor.use(answer.json()["access_token"]) == 200


async def test_a_verifier_with_the_secret_gives_a_refresh_token(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    code = (await visitor.arrive(app, **PKCE))["code"]
    answer = await visitor.redeem(app, code, code_verifier=VERIFIER)
    assert answer.json()["refresh_token"]


async def test_an_empty_secret_counts_as_none_and_a_wrong_one_does_not(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    form = {"code_verifier": VERIFIER, "client_id": app.client_id}
    code = (await visitor.arrive(app, **PKCE))["code"]
    wrong = await visitor.redeem(app._replace(secret="wrong"), code, **form)
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    empty = await visitor.redeem(app._replace(secret=""), code, **form)
    assert empty.status_code == 200, empty.text
    assert "refresh_token" not in empty.json()


async def test_who_is_logged_in_and_has_consented_is_not_asked_again(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    await visitor.arrive(app)
    assert "code" in told(await visitor.authorize(app))


async def test_a_token_says_whose_it_is(world: World) -> None:
    app, visitor = await make_app(world, scope=["oauth"]), Visitor(world)
    token = (await visitor.tokens(app))["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    info = (await world.http.get("/api/v2/tokens/me", headers=headers)).json()
    assert info["authorizedScope"] == ["oauth"]
    assert info["OAuthClient"]["id"] == app.client_id
    subject = await world.http.get("/api/v2/authorization/subjects/me", headers=headers)
    assert subject.json()["name"] == "Administrator"


async def test_whoever_may_approve_spares_everybody_the_question(world: World) -> None:
    app, visitor = await make_app(world), Visitor(world)
    await world.admin.put(f"/api/v2/oauth/authorizations/{app.client_id}", {})
    answer = await visitor.log_in(await visitor.authorize(app))
    assert "code" in told(answer)


async def test_a_scope_that_the_client_has_lost_is_not_in_the_token(world: World) -> None:
    app, visitor = await make_app(world, scope=["oauth", "users"]), Visitor(world)
    codes = [(await visitor.arrive(app))["code"] for _ in range(2)]
    body = {"name": "a", "authorizedGrantType": "CODE", "registeredRedirectUri": [REDIRECT]}
    path = f"{CLIENTS}/{app.client_id}"
    await world.admin.put(path, {**body, "scope": ["oauth", "routing"]})
    token = (await visitor.redeem(app, codes[0])).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    info = (await world.http.get("/api/v2/tokens/me", headers=headers)).json()
    assert info["authorizedScope"] == ["oauth"]
    await world.admin.put(path, {**body, "scope": ["routing"]})
    assert (await visitor.redeem(app, codes[1])).json()["error"] == "invalid_grant"


async def test_a_form_may_lead_to_every_address_of_the_client(world: World) -> None:
    other = "https://www.example.com/after"
    app = await make_app(world, registeredRedirectUri=[REDIRECT, other])
    policy = (await Visitor(world).authorize(app)).headers["content-security-policy"]
    assert "form-action 'self' https://app.example.com https://www.example.com" in policy
