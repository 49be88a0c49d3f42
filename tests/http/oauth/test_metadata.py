"""``/.well-known/oauth-authorization-server`` (RFC 8414): nothing but what is true."""

from pathlib import Path
from typing import Any

import pytest

from grantory.http.oauth.jwks import JWKS
from grantory.http.oauth.metadata import METADATA_PATH
from tests.support.about_tokens import REVOKE
from tests.support.jwts import jwt_client, published
from tests.support.visitor import REDIRECT, Visitor, make_app, told
from tests.support.world import World, new_world

SAML = "urn:ietf:params:oauth:grant-type:saml2-bearer"
SECRETS = ["client_secret_basic", "client_secret_post"]


async def metadata(world: World) -> dict[str, Any]:
    answer = await world.http.get(METADATA_PATH)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    found: dict[str, Any] = answer.json()
    return found


async def test_what_there_is_by_default(tmp_path: Path) -> None:
    async with new_world(tmp_path / "data", public_url="https://auth.example.com") as world:
        found = await metadata(world)
        listing = await world.admin.get("/api/v2/oauth/scopes")
    scopes = found.pop("scopes_supported")
    assert scopes == [scope["id"] for scope in listing["entities"]]
    issuer = "https://auth.example.com"
    assert found == {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "token_endpoint": f"{issuer}/oauth/token",
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "response_types_supported": ["code", "token"],
        "response_modes_supported": ["query", "fragment"],
        "grant_types_supported": [
            *("client_credentials", "authorization_code", "refresh_token", SAML, "implicit")
        ],
        "token_endpoint_auth_methods_supported": [*SECRETS, "none"],
        "introspection_endpoint_auth_methods_supported": [*SECRETS, "Bearer"],
        "revocation_endpoint_auth_methods_supported": [*SECRETS, "none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "service_documentation": f"{issuer}/docs",
    }


async def test_what_settings_turn_on_and_off(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"grants_password": True, "grants_implicit": False}
    async with new_world(tmp_path / "data", **settings) as world:
        found = await metadata(world)
        assert "password" in found["grant_types_supported"]
        assert "implicit" not in found["grant_types_supported"]
        assert found["response_types_supported"] == ["code"]
        assert found["response_modes_supported"] == ["query", "fragment"]  # a code's, too


@pytest.mark.parametrize("prefix", ["", "/login"])
async def test_what_it_names_is_there(tmp_path: Path, prefix: str) -> None:
    async with new_world(tmp_path / "data", http_login_prefix=prefix) as world:
        await what_it_names_is_there(world, prefix)


async def what_it_names_is_there(world: World, prefix: str) -> None:
    found = await metadata(world)
    assert found["issuer"] == "http://127.0.0.1:8080"
    assert (await world.http.get(prefix + METADATA_PATH)).json() == found
    app, visitor = await make_app(world), Visitor(world)
    given = told(await visitor.authorize(app, prompt="none"))
    assert given["iss"] == found["issuer"]
    for name in ("authorization", "token", "introspection", "revocation"):
        path = found[f"{name}_endpoint"].removeprefix(found["issuer"])
        assert path.startswith(f"{prefix}/oauth/")
        answer = await world.http.options(path)
        assert answer.status_code in (204, 405), path
    keys = found["jwks_uri"].removeprefix(found["issuer"])
    assert keys == prefix + JWKS
    await jwt_client(world)
    assert len(await published(world.http, keys)) == 1
    organization_id = world.founding.organization.id
    assert len(await published(world.http, f"{prefix}/oauth/jwks/{organization_id}")) == 1
    for grant_type in (*found["grant_types_supported"], "magic"):
        form = {"grant_type": grant_type}
        answer = await world.ask_token(world.admin.client_id, world.admin.secret, form)
        unknown = answer.json().get("error") == "unsupported_grant_type"
        assert unknown is (grant_type in ("implicit", "magic"))
    documents = found["service_documentation"].removeprefix(found["issuer"])
    assert (await world.http.get(documents)).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_it_can_only_be_read(world: World, method: str) -> None:
    assert (await world.http.head(METADATA_PATH)).content == b""
    assert (await world.http.request(method, METADATA_PATH)).status_code == 405


async def test_every_page_may_read_it_and_those_of_clients_may_end_tokens(world: World) -> None:
    anybody = await world.http.get(METADATA_PATH, headers={"Origin": "https://evil.example"})
    assert anybody.headers.get_list("access-control-allow-origin") == ["*"]
    await make_app(world)
    origin = {"Origin": REDIRECT.removesuffix("/callback")}
    asked = {**origin, "Access-Control-Request-Method": "POST"}
    for answer in (
        await world.http.post(REVOKE, data={"token": "x"}, headers=origin),
        await world.http.options(REVOKE, headers=asked),
    ):
        assert answer.headers["access-control-allow-origin"] == origin["Origin"]
        assert answer.headers["vary"] == "Origin"
    # Resource servers are no pages.
    introspection = await world.http.post("/oauth/introspect", data={"x": "1"}, headers=origin)
    assert "access-control-allow-origin" not in introspection.headers
