"""``/openapi.json`` and its viewer."""

import re
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import schemathesis

from grantory.app import build_operations
from grantory.http.login.flow import CONSENT, LOGIN
from grantory.http.openapi import build_models
from grantory.http.openapi_texts import untold
from tests.support.jwts import FORMATS, JWKS, jwt_client
from tests.support.world import World

FORMS = {LOGIN, CONSENT}
"""Where the forms of pages are sent, and nobody else sends anything."""


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
        if path.startswith(("/oauth/", "/.well-known/", "/logout")) and path not in FORMS
    }
    assert len(oauth) == 8
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


async def test_the_document_is_one_of_openapi_and_its_schemas_are_of_json_schema(
    world: World,
) -> None:
    found = await document(world)
    schemathesis.openapi.from_dict(found).validate()  # by the schema that is published for 3.1
    parts = list(found["components"]["schemas"].values())
    operations = [each for methods in found["paths"].values() for each in methods.values()]
    parts += [each["schema"] for told in operations for each in told.get("parameters", ())]
    for part in parts:
        jsonschema_rs.meta.validate(
            {"$schema": "https://json-schema.org/draft/2020-12/schema", **part}
        )
    ids = [told["operationId"] for told in operations]
    assert len(ids) == len(set(ids))


async def test_every_field_and_parameter_is_described(world: World) -> None:
    found = await document(world)
    models = found["components"]["schemas"]
    places = [
        (f"{name}.{field}", schema)
        for name, model in models.items()
        for field, schema in model.get("properties", {}).items()
    ]
    places += [
        (f"{told['operationId']}: {each['name']}", each)
        for methods in found["paths"].values()
        for told in methods.values()
        for each in told.get("parameters", ())
    ]
    assert [place for place, described in places if not described.get("description")] == []
    bare = build_models(build_operations(world.node, world.settings))
    assert untold(bare) == []


async def test_every_operation_tells_how_a_slow_and_a_large_request_are_refused(
    world: World,
) -> None:
    for path, methods in (await document(world))["paths"].items():
        error = "OAuthError" if path.startswith("/oauth/") else "ErrorBody"
        for method, told in methods.items():
            for status in ("408", "431"):
                answer = told["responses"][status]
                if method != "head":
                    (content,) = answer["content"].values()
                    assert content["schema"]["$ref"].endswith("/" + error), path
            assert {"405", "500"}.isdisjoint(told["responses"])


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
