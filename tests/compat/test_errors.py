"""What the official SDKs' users see when a call is refused."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.compat.arrange import (
    EVERY_DIVISION,
    UNKNOWN_ID,
    make_client,
    make_code_client,
    make_role,
    stored,
    token_with,
    unique,
)
from tests.compat.sdk import Document, RefusedError, Sdk, assert_platform_error, model
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat

OPERATIONS: dict[str, tuple[str, Callable[[Sdk, str], Any]]] = {
    "list": ("view", lambda sdk, _: sdk.call("OAuthApi", "get_oauth_clients")),
    "create": ("add", lambda sdk, _: sdk.call("OAuthApi", "post_oauth_clients", code_client())),
    "get": ("view", lambda sdk, at: sdk.call("OAuthApi", "get_oauth_client", at)),
    "put": ("edit", lambda sdk, at: sdk.call("OAuthApi", "put_oauth_client", at, code_client())),
    "delete": ("delete", lambda sdk, at: sdk.call("OAuthApi", "delete_oauth_client", at)),
    "secret": ("edit", lambda sdk, at: sdk.call("OAuthApi", "post_oauth_client_secret", at)),
}
ACTIONS = ["view", "add", "edit", "delete"]


def code_client(**fields: Any) -> Document:
    named = {"name": unique("client"), "authorizedGrantType": "CODE"}
    return model("OAuthClientRequest", **{**named, **fields})


# --------------------------------------------------------------------------------- 400


@pytest.mark.parametrize(
    ("fields", "code", "bad"),
    [
        pytest.param({"authorizedGrantType": "CODE"}, None, ["name"], id="no name"),
        pytest.param({"name": "n"}, "grant.type.required", ["authorizedGrantType"], id="no grant"),
        pytest.param(
            {"name": "n", "authorizedGrantType": "CLIENT-CREDENTIALS"},
            "missing.client.roles",
            ["roleDivisions"],
            id="no roles",
        ),
        pytest.param(
            {"name": "n", "authorizedGrantType": "CODE", "accessTokenValiditySeconds": 299},
            "invalid.value",
            ["accessTokenValiditySeconds"],
            id="too short",
        ),
        pytest.param(
            {"name": "n", "authorizedGrantType": "CODE", "accessTokenValiditySeconds": 172801},
            "invalid.value",
            ["accessTokenValiditySeconds"],
            id="too long",
        ),
    ],
)
def test_bad_field_is_named(
    sdk: Sdk, server: RunningServer, fields: Document, code: str | None, bad: list[str]
) -> None:
    before = sdk.call("OAuthApi", "get_oauth_clients").value["total"]
    with pytest.raises(RefusedError) as refused:
        sdk.call("OAuthApi", "post_oauth_clients", model("OAuthClientRequest", **fields))
    assert_platform_error(refused.value, 400, code or refused.value.code)
    assert refused.value.fields == bad
    assert sdk.call("OAuthApi", "get_oauth_clients").value["total"] == before


def test_every_bad_field_is_named(sdk: Sdk, server: RunningServer) -> None:
    client = make_code_client(server)
    body = model(
        "OAuthClientRequest",
        name="",
        authorizedGrantType="CODE",
        accessTokenValiditySeconds=1,
        registeredRedirectUri=["https://good.example/cb", "javascript:alert(1)"],
    )
    with pytest.raises(RefusedError) as refused:
        sdk.call("OAuthApi", "put_oauth_client", client["id"], body)
    assert refused.value.status == 400
    named = {field.split("[")[0] for field in refused.value.fields}
    assert named == {"name", "accessTokenValiditySeconds", "registeredRedirectUri"}
    client.pop("secret")
    assert stored(server, client["id"]) == client


def test_unknown_grant_type(javascript: Sdk, server: RunningServer) -> None:
    body = code_client(authorizedGrantType="DEVICE")
    with pytest.raises(RefusedError) as refused:
        javascript.call("OAuthApi", "post_oauth_clients", body)
    assert_platform_error(refused.value, 400, "bad.grant.type")
    assert refused.value.fields == ["authorizedGrantType"]


def test_value_that_an_outdated_sdk_did_not_know(python: Sdk, server: RunningServer) -> None:
    # The SDK turns a grant type outside its enum into the text "outdated_sdk_version".
    client = make_client(server)
    body = code_client(authorizedGrantType="CLIENT_CREDENTIALS")
    with pytest.raises(RefusedError) as refused:
        python.call("OAuthApi", "put_oauth_client", client["id"], body)
    assert_platform_error(refused.value, 400, "bad.grant.type")
    assert stored(server, client["id"])["authorizedGrantType"] == "CLIENT-CREDENTIALS"


def test_unknown_state(javascript: Sdk) -> None:
    with pytest.raises(RefusedError) as refused:
        javascript.call("OAuthApi", "post_oauth_clients", code_client(state="deleted"))
    assert_platform_error(refused.value, 400, "invalid.value")
    assert refused.value.fields == ["state"]


def test_unknown_role(sdk: Sdk) -> None:
    pair = {"roleId": UNKNOWN_ID, "divisionId": EVERY_DIVISION}
    body = code_client(authorizedGrantType="CLIENT-CREDENTIALS", roleDivisions=[pair])
    with pytest.raises(RefusedError) as refused:
        sdk.call("OAuthApi", "post_oauth_clients", body)
    assert refused.value.status == 400
    assert [field.split("[")[0] for field in refused.value.fields] == ["roleDivisions"]


@pytest.mark.parametrize("length", [70_000, 500_000])
def test_long_text_is_a_bad_field(sdk: Sdk, length: int) -> None:
    with pytest.raises(RefusedError) as refused:
        sdk.call("OAuthApi", "post_oauth_clients", code_client(description="x" * length))
    assert_platform_error(refused.value, 400, "invalid.value")
    assert refused.value.fields == ["description"]


def test_body_above_the_limit(sdk: Sdk) -> None:
    with pytest.raises(RefusedError) as refused:
        sdk.call("OAuthApi", "post_oauth_clients", code_client(description="x" * 1_500_000))
    assert_platform_error(refused.value, 413, "request.entity.too.large")
    # The Python SDK would wait that long and send the body ten times more.
    assert "retry-after" not in refused.value.headers


# --------------------------------------------------------------------------- 401 and 403


@pytest.mark.parametrize("operation", OPERATIONS)
def test_call_without_a_token(sdk: Sdk, server: RunningServer, operation: str) -> None:
    client = make_code_client(server)
    sdk.use_token("")
    with pytest.raises(RefusedError) as refused:
        OPERATIONS[operation][1](sdk, client["id"])
    assert_platform_error(refused.value, 401, "authentication.required")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_call_with_a_bad_token(sdk: Sdk, server: RunningServer, operation: str) -> None:
    client = make_code_client(server)
    token = server.token()
    changed = token[:-1] + ("A" if token[-1] != "A" else "B")
    for bad in (changed, token[:-1], "nothing-like-a-token", server.client_secret):
        sdk.use_token(bad)
        with pytest.raises(RefusedError) as refused:
            OPERATIONS[operation][1](sdk, client["id"])
        assert_platform_error(refused.value, 401, "bad.credentials")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_call_without_its_permission(sdk: Sdk, server: RunningServer, operation: str) -> None:
    action, call = OPERATIONS[operation]
    client = make_code_client(server)
    others = [f"oauth:client:{other}" for other in ACTIONS if other != action]
    sdk.use_token(token_with(server, *others, "authorization:role:view"))
    for client_id in (client["id"], UNKNOWN_ID):
        with pytest.raises(RefusedError) as refused:
            call(sdk, client_id)
        assert_platform_error(refused.value, 403, "missing.any.permissions")
        assert f"oauth:client:{action}" in refused.value.body
    secret = client.pop("secret")
    assert stored(server, client["id"]) == client
    assert server.ask_token(client["id"], secret).json()["error"] == "unauthorized_client"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_call_with_its_permission_alone(sdk: Sdk, server: RunningServer, operation: str) -> None:
    action, call = OPERATIONS[operation]
    client = make_code_client(server)
    sdk.use_token(token_with(server, f"oauth:client:{action}"))
    assert call(sdk, client["id"]).status == (204 if operation == "delete" else 200)


def test_nobody_gives_away_what_he_does_not_hold(sdk: Sdk, server: RunningServer) -> None:
    role_id = make_role(server, "authorization:role:delete")
    pair = {"roleId": role_id, "divisionId": EVERY_DIVISION}
    body = code_client(authorizedGrantType="CLIENT-CREDENTIALS", roleDivisions=[pair])
    sdk.use_token(token_with(server, "oauth:client:*"))
    with pytest.raises(RefusedError) as refused:
        sdk.call("OAuthApi", "post_oauth_clients", body)
    assert_platform_error(refused.value, 403, "missing.permissions")


# --------------------------------------------------------------------------------- 404


@pytest.mark.parametrize("client_id", [UNKNOWN_ID, "not-a-uuid", "a b", "é", "x" * 300])
@pytest.mark.parametrize("operation", ["get", "put", "delete", "secret"])
def test_unknown_client(sdk: Sdk, operation: str, client_id: str) -> None:
    with pytest.raises(RefusedError) as refused:
        OPERATIONS[operation][1](sdk, client_id)
    assert_platform_error(refused.value, 404, "not.found")


def test_python_reason_is_the_http_reason(python: Sdk) -> None:
    with pytest.raises(RefusedError) as refused:
        python.call("OAuthApi", "get_oauth_client", UNKNOWN_ID)
    assert refused.value.reason == "Not Found"


def test_javascript_rejects_with_the_error_body(javascript: Sdk) -> None:
    error = javascript.call_plainly("OAuthApi", "get_oauth_client", UNKNOWN_ID)["rejected"]
    assert (error["status"], error["code"]) == (404, "not.found")
    assert error["message"]
    assert error["contextId"]
