"""The grant TOKEN: a token in the fragment, as the official SDK for JavaScript reads it."""

import re
from urllib.parse import unquote

from tests.support.visitor import REDIRECT, Visitor, make_app, page_of, told
from tests.support.world import CLIENTS, World


async def test_a_login_and_a_consent_lead_to_a_token_in_the_fragment(world: World) -> None:
    app, visitor = await make_app(world, "TOKEN"), Visitor(world)
    consent = await visitor.log_in(await visitor.authorize(app, response_type="token"))
    assert page_of(consent).action == "consent"
    answer = await visitor.submit(consent, decision="allow")
    address, _, fragment = answer.headers["location"].partition("#")
    assert address == REDIRECT
    given = told(answer)
    assert {*given} == {"access_token", "expires_in", "token_type", "state", "iss"}
    assert (given["token_type"], given["expires_in"]) == ("bearer", "86400")
    assert given["state"] == "s 1"
    assert await visitor.use(given["access_token"]) == 200
    # The SDK decodes each value twice, and takes a plus for a space.
    assert "+" not in fragment
    for name, value in given.items():
        assert unquote(value.replace("+", " ")) == value, name
    assert re.fullmatch(r"[A-Za-z0-9_-]+", given["access_token"])


async def test_who_is_logged_in_and_has_consented_gets_the_next_at_once(world: World) -> None:
    app, visitor = await make_app(world, "TOKEN"), Visitor(world)
    first = await visitor.arrive(app, response_type="token")
    second = told(await visitor.authorize(app, response_type="token"))
    third = told(await visitor.authorize(app, response_type="token", prompt="none"))
    tokens = {given["access_token"] for given in (first, second, third)}
    assert len(tokens) == 3
    assert [await visitor.use(token) for token in tokens] == [200] * 3


async def test_a_refusal_and_an_error_go_to_the_fragment_too(world: World) -> None:
    app, visitor = await make_app(world, "TOKEN"), Visitor(world)
    consent = await visitor.log_in(await visitor.authorize(app, response_type="token"))
    for answer, error in (
        (await visitor.submit(consent, decision="deny"), "access_denied"),
        (await visitor.authorize(app, response_type="token", scope="x"), "invalid_scope"),
    ):
        assert answer.headers["location"].startswith(f"{REDIRECT}#error={error}&")
        assert told(answer)["state"] == "s 1"


async def test_a_token_has_the_clients_lifetime_and_scopes(world: World) -> None:
    fields = {"accessTokenValiditySeconds": 300, "scope": ["users", "oauth"]}
    app, visitor = await make_app(world, "TOKEN", **fields), Visitor(world)
    given = await visitor.arrive(app, response_type="token", scope="oauth")
    assert given["expires_in"] == "300"
    headers = {"Authorization": f"Bearer {given['access_token']}"}
    info = (await world.http.get("/api/v2/tokens/me", headers=headers)).json()
    assert info["authorizedScope"] == ["oauth"]
    world.clock.advance(300)
    assert await visitor.use(given["access_token"]) == 401


async def test_a_logout_ends_it(world: World) -> None:
    app, visitor, elsewhere = await make_app(world, "TOKEN"), Visitor(world), Visitor(world)
    given = await visitor.arrive(app, response_type="token")
    other = await elsewhere.arrive(app, response_type="token")
    await visitor.http.get("/logout")
    assert await visitor.use(given["access_token"]) == 401
    assert await visitor.use(other["access_token"]) == 200


async def test_whoever_registers_such_a_client_is_warned(world: World) -> None:
    for grant, warned in (("TOKEN", True), ("CODE", False)):
        body = {"name": "a", "authorizedGrantType": grant, "registeredRedirectUri": [REDIRECT]}
        answer = await world.admin.call("POST", CLIENTS, body)
        assert ("warning" in answer.headers) == warned
        if warned:
            assert answer.headers["warning"].startswith("299 - ")
