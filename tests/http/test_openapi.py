"""``/openapi.json`` and its viewer."""

import re
from typing import Any

import msgspec
import pytest

from grantory.app import build_operations
from grantory.http.login.flow import AUTHORIZE, CONSENT, LOGIN
from tests.support.jwts import FORMATS, JWKS, jwt_client
from tests.support.world import World

PAGES = {AUTHORIZE, LOGIN, CONSENT}
"""What people see at OAuth's addresses, and no program asks for."""


async def document(world: World) -> dict[str, Any]:
    answer = await world.http.get("/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


async def test_every_operation_is_described_by_its_declaration(world: World) -> None:
    paths = (await document(world))["paths"]
    operations = build_operations(world.node, world.settings)
    described = {(path, method) for path, methods in paths.items() for method in methods}
    declared = {(each.path, each.method.lower()): each for each in operations}
    oauth = {
        (path, method.lower())
        for method, path in world.application.routes
        if path.startswith(("/oauth/", "/.well-known/")) and path not in PAGES
    }
    assert len(oauth) == 6
    assert described == {*declared, *oauth}
    for (path, method), operation in declared.items():
        told = paths[path][method]
        assert told["operationId"] == operation.id
        assert told["summary"]
        assert tuple(told.get("x-permissions", ())) == operation.permissions
        assert ("requestBody" in told) is (operation.body is not None)
        assert str(operation.status) in told["responses"]
        named = {each["name"] for each in told["parameters"] if each["in"] == "path"}
        assert named == set(re.findall(r"\{(\w+)\}", path))


async def test_whatever_is_referred_to_is_there_and_no_model_is_there_for_nothing(
    world: World,
) -> None:
    found = await document(world)
    text = msgspec.json.encode(found).decode()
    named = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert named == set(found["components"]["schemas"])


async def test_the_keys_are_as_described(world: World) -> None:
    models = (await document(world))["components"]["schemas"]
    for form in FORMATS:
        await jwt_client(world, form)
    keys = (await world.http.get(JWKS)).json()["keys"]
    assert {key["kty"] for key in keys} == set(models["Jwk"]["properties"]["kty"]["enum"])
    named = models["Jwk"]["properties"]
    for key in keys:
        assert set(models["Jwk"]["required"]) <= set(key) <= set(named)
        for name, value in key.items():
            assert value in named[name].get("enum", [named[name].get("const", value)])
    assert set().union(*keys) == set(named)


@pytest.mark.parametrize("path", ["/docs", "/docs/start.js", "/docs/swagger-ui.css"])
async def test_the_viewer_is_served_from_here_and_may_load_nothing_else(
    world: World, path: str
) -> None:
    answer = await world.http.get(path, headers={"accept-encoding": "identity"})
    assert answer.status_code == 200
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "content-encoding" not in answer.headers
    packed = await world.http.get(path, headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == answer.content
