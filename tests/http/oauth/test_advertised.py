"""Every value of the metadata document works, and none that the document does not name."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from grantory.domain.scopes import SCOPES
from grantory.http.oauth.metadata import METADATA_PATH
from tests.support.about_tokens import INTROSPECT, REVOKE
from tests.support.saml import EMAIL, ISSUER, encoded, signed_assertion, signer
from tests.support.visitor import CHALLENGE, PKCE, VERIFIER, App, Visitor, make_app, told
from tests.support.world import World, new_world

SAML = "urn:ietf:params:oauth:grant-type:saml2-bearer"
ME = "/api/v2/tokens/me"
KINDS = {"code": "CODE", "token": "TOKEN"}
"""Which clients ask for what."""
FOREIGN_GRANTS = (
    "urn:ietf:params:oauth:grant-type:jwt-bearer",
    "urn:ietf:params:oauth:grant-type:device_code",
    "urn:ietf:params:oauth:grant-type:token-exchange",
    "urn:openid:params:grant-type:ciba",
    "saml2-bearer",
    "CLIENT_CREDENTIALS",
)
FOREIGN_METHODS = ("client_secret_jwt", "private_key_jwt", "tls_client_auth")


@pytest.fixture(params=[True, False], ids=["all grants", "the fewest grants"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    every: bool = request.param
    settings: dict[str, Any] = {"grants_password": every, "grants_implicit": every}
    async with new_world(tmp_path / "data", **settings) as made:
        yield made


async def advertised(world: World) -> dict[str, list[str]]:
    found = (await world.http.get(METADATA_PATH)).json()
    return {name: value for name, value in found.items() if isinstance(value, list)}


async def test_each_list_is_looked_at_here(world: World) -> None:
    assert {*await advertised(world)} == {
        "scopes_supported",
        "response_types_supported",
        "response_modes_supported",
        "grant_types_supported",
        "token_endpoint_auth_methods_supported",
        "introspection_endpoint_auth_methods_supported",
        "revocation_endpoint_auth_methods_supported",
        "code_challenge_methods_supported",
    }


async def test_scopes(world: World) -> None:
    """Each alone, of a client that is registered for all."""
    names = (await advertised(world))["scopes_supported"]
    app, visitor = await make_app(world, scope=names), Visitor(world)
    everything = await visitor.arrive(app)
    assert (await visitor.redeem(app, everything["code"])).status_code == 200
    for name in names:
        code = told(await visitor.authorize(app, scope=name, prompt="none"))["code"]
        token = (await visitor.redeem(app, code)).json()["access_token"]
        asked = await world.http.post(
            INTROSPECT, data={"token": token}, auth=(app.client_id, app.secret)
        )
        assert asked.json()["scope"] == name
    for name in ("openid", "nonsense", "Users", names[0] + "x"):
        assert name not in SCOPES
        assert told(await visitor.authorize(app, scope=name))["error"] == "invalid_scope"


async def test_response_types(world: World) -> None:
    named = (await advertised(world))["response_types_supported"]
    for kind, grant in KINDS.items():
        app, visitor = await make_app(world, grant), Visitor(world)
        if kind in named:
            given = await visitor.arrive(app, response_type=kind)
            assert {"code", "access_token"} & {*given}
        else:
            given = told(await visitor.authorize(app, response_type=kind))
            assert given["error"] == "unauthorized_client"
        for other in ("none", "id_token", "code token", "code id_token", "Code", "token "):
            given = told(await visitor.authorize(app, response_type=other))
            assert given["error"] == "unsupported_response_type"


async def test_response_modes(world: World) -> None:
    found = await advertised(world)
    marks = {"query": "?", "fragment": "#"}
    assert {*found["response_modes_supported"]} == {*marks}
    for kind in found["response_types_supported"]:
        app, visitor = await make_app(world, KINDS[kind]), Visitor(world)
        default = await visitor.arrive(app, response_type=kind)
        assert "error" not in default
        for mode, mark in marks.items():
            answer = await visitor.authorize(app, response_type=kind, response_mode=mode)
            if (kind, mode) == ("token", "query"):
                assert told(answer)["error"] == "invalid_request"
                assert "#" in answer.headers["location"]
            else:
                assert {*told(answer)} == {*default}
                assert mark in answer.headers["location"]
        for mode in ("form_post", "query.jwt", "fragment.jwt", "jwt", "web_message", "x"):
            answer = await visitor.authorize(app, response_type=kind, response_mode=mode)
            assert told(answer)["error"] == "invalid_request"


async def redeemed(world: World, **form: str) -> httpx.Response:
    app, visitor = await make_app(world), Visitor(world)
    return await visitor.redeem(app, (await visitor.arrive(app))["code"], **form)


async def refreshed(world: World) -> httpx.Response:
    app, visitor = await make_app(world), Visitor(world)
    return await visitor.refresh(app, (await visitor.tokens(app))["refresh_token"])


async def by_password(world: World) -> httpx.Response:
    app, visitor = await make_app(world, "PASSWORD"), Visitor(world)
    form = {"grant_type": "password", "username": visitor.email, "password": visitor.password}
    return await world.ask_token(app.client_id, app.secret, form)


async def by_assertion(world: World) -> httpx.Response:
    await world.admin.post("/api/v2/users", {"name": "Ann", "email": EMAIL})
    provider = {"name": "IdP", "issuerURI": ISSUER, "certificates": [signer().certificate]}
    await world.admin.post("/api/v2/identityproviders", provider)
    app = await make_app(world, "SAML2-BEARER")
    here = "http://127.0.0.1:8080/oauth/token"
    assertion = encoded(signed_assertion(recipient=here, audiences=(here,)))
    form = {"grant_type": SAML, "orgName": "Example", "assertion": assertion}
    return await world.ask_token(app.client_id, app.secret, form)


async def by_itself(world: World) -> httpx.Response:
    return await world.ask_token(world.admin.client_id, world.admin.secret)


WAYS: dict[str, Callable[[World], Awaitable[httpx.Response]]] = {
    "client_credentials": by_itself,
    "authorization_code": redeemed,
    "refresh_token": refreshed,
    "password": by_password,
    SAML: by_assertion,
}


async def test_grant_types(world: World) -> None:
    found = await advertised(world)
    named = {*found["grant_types_supported"]}
    assert ("implicit" in named) == ("token" in found["response_types_supported"])
    for name, way in WAYS.items():
        answer = await way(world)
        if name in named:
            assert answer.status_code == 200, answer.text
            headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            assert (await world.http.get(ME, headers=headers)).status_code == 200
        else:
            assert (name, answer.status_code) == ("password", 400)
    assert named <= {*WAYS, "implicit"}
    for name in (*FOREIGN_GRANTS, "implicit"):
        answer = await world.ask_token(
            world.admin.client_id, world.admin.secret, {"grant_type": name}
        )
        assert answer.json()["error"] == "unsupported_grant_type", name


def by_method(method: str, holder: App, bearer: str) -> tuple[dict[str, str], dict[str, Any]]:
    """What of a form, and beside it, shows who a client is."""
    if method == "client_secret_basic":
        return {}, {"auth": (holder.client_id, holder.secret)}
    if method == "client_secret_post":
        return {"client_id": holder.client_id, "client_secret": holder.secret}, {}
    if method == "none":
        return {"client_id": holder.client_id}, {}
    if method == "Bearer":
        return {}, {"headers": {"Authorization": f"Bearer {bearer}"}}
    assertion = {
        "client_id": holder.client_id,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": bearer,
    }
    return assertion if method != "tls_client_auth" else {"client_id": holder.client_id}, {}


EVERY_METHOD = ("client_secret_basic", "client_secret_post", "none", "Bearer", *FOREIGN_METHODS)


@pytest.mark.parametrize("method", EVERY_METHOD)
async def test_methods_of_the_token_endpoint(world: World, method: str) -> None:
    named = (await advertised(world))["token_endpoint_auth_methods_supported"]
    app, visitor = await make_app(world), Visitor(world)
    # One without a method that is known names itself at most, which needs a verifier.
    pkce, verifier = (PKCE, {"code_verifier": VERIFIER}) if method == "none" else ({}, {})
    code = (await visitor.arrive(app, **pkce))["code"]
    credentials, beside = by_method(method, app, await world.admin.log_in())
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": "https://app.example.com/callback",
        **verifier,
        **credentials,
    }
    answer = await world.http.post("/oauth/token", data=form, **beside)
    assert (answer.status_code == 200) == (method in named), answer.text
    if method not in named:
        assert answer.json()["error"] in ("invalid_client", "invalid_request")


@pytest.mark.parametrize("method", EVERY_METHOD)
async def test_methods_of_introspection_and_revocation(world: World, method: str) -> None:
    found = await advertised(world)
    app, visitor = await make_app(world), Visitor(world)
    admin = App(world.admin.client_id, world.admin.secret)
    for path, kind, holder in ((INTROSPECT, "introspection", admin), (REVOKE, "revocation", app)):
        token = (await visitor.tokens(app))["access_token"]
        credentials, beside = by_method(method, holder, await world.admin.log_in())
        answer = await world.http.post(path, data={"token": token, **credentials}, **beside)
        named = found[f"{kind}_endpoint_auth_methods_supported"]
        # Who may name itself alone and does so has no need of what else it says (RFC 7009).
        alone = "client_id" in credentials and "client_secret" not in credentials
        works = method in named or ("none" in named and alone)
        assert (answer.status_code == 200) == works, (path, answer.text)
        if works and path == INTROSPECT:
            assert answer.json()["active"] is True
        if path == REVOKE:
            assert await visitor.use(token) == (401 if works else 200)


async def test_challenge_methods(world: World) -> None:
    named = (await advertised(world))["code_challenge_methods_supported"]
    app, visitor = await make_app(world), Visitor(world)
    for method in ("S256", "plain", "s256", "S512", None):
        given: dict[str, str | None] = {
            "code_challenge": CHALLENGE,
            "code_challenge_method": method,
        }
        if method in named:
            code = (await visitor.arrive(app, **given))["code"]
            assert (await visitor.redeem_public(app, code)).status_code == 200
        else:
            assert told(await visitor.authorize(app, **given))["error"] == "invalid_request"
    assert named == ["S256"]
