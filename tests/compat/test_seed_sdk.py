"""The six operations with the Python SDK of the seed page's time (30.0.0, March 2018).

Its enum knows CLIENT_CREDENTIALS and SAML2BEARER only, so the server answers that spelling;
it knows neither roleDivisions, scope nor state, and has no login.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.compat.arrange import (
    EVERY_DIVISION,
    UNKNOWN_ID,
    home_division,
    make_client,
    make_role,
    stored,
    unique,
)
from tests.compat.sdk import Answer, Document, RefusedError, Sdk, model, seed_python_sdk
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat

GRANT_TYPES = ["CODE", "TOKEN", "SAML2BEARER", "PASSWORD", "CLIENT_CREDENTIALS"]
URIS = ["https://app.example/callback"]


@pytest.fixture(scope="module")
def seed_process() -> Iterator[Sdk]:
    with seed_python_sdk() as process:
        yield process


@pytest.fixture(scope="module")
def server() -> Iterator[RunningServer]:
    with RunningServer(environment={"GRANTORY_API_GRANT_TYPE_STYLE": "underscore"}) as running:
        yield running


@pytest.fixture
def sdk(seed_process: Sdk, server: RunningServer) -> Sdk:
    seed_process.connect(server.port)
    seed_process.use_token(server.token())
    return seed_process


def create(sdk: Sdk, **fields: Any) -> Answer:
    return sdk.call("OAuthApi", "post_oauth_clients", model("OAuthClient", **fields))


def minimal(server: RunningServer, grant_type: str) -> Document:
    fields: Document = {"name": unique(grant_type), "authorizedGrantType": grant_type}
    if grant_type == "CLIENT_CREDENTIALS":
        fields["roleIds"] = [make_role(server, "oauth:client:view")]
    return fields


@pytest.mark.parametrize("grant_type", GRANT_TYPES)
def test_create_and_get(sdk: Sdk, server: RunningServer, grant_type: str) -> None:
    sent = {**minimal(server, grant_type), "description": "d", "accessTokenValiditySeconds": 600}
    if grant_type in ("CODE", "TOKEN", "SAML2BEARER"):
        sent["registeredRedirectUri"] = URIS
    answer = create(sdk, **sent)
    client = answer.value
    assert answer.status == 200
    # Were the answered spelling unknown to it, the SDK would say "outdated_sdk_version".
    assert {key: client[key] for key in sent} == sent
    assert len(client["secret"]) >= 40
    assert client["createdBy"]["id"] == server.client_id
    age = datetime.now(UTC) - datetime.fromisoformat(client["dateCreated"])
    assert abs(age) < timedelta(seconds=60)
    secret = client.pop("secret")
    read = sdk.call("OAuthApi", "get_oauth_client", client["id"])
    assert read.value == client
    assert secret not in read.body


def test_list(sdk: Sdk, server: RunningServer) -> None:
    made = [create(sdk, **minimal(server, grant_type)).value for grant_type in GRANT_TYPES]
    answer = sdk.call("OAuthApi", "get_oauth_clients")
    assert answer.value["pageCount"] == 1
    by_id = {entity["id"]: entity for entity in answer.value["entities"]}
    assert len(by_id) == answer.value["total"] == len(answer.value["entities"])
    for client in made:
        secret = client.pop("secret")
        del client["authorizedGrantType"]  # not in this SDK's OAuthClientListing
        assert by_id[client["id"]] == client
        assert secret not in answer.body


@pytest.mark.parametrize("grant_type", GRANT_TYPES)
def test_read_change_put(sdk: Sdk, server: RunningServer, grant_type: str) -> None:
    client = create(sdk, **minimal(server, grant_type)).value
    read = sdk.call("OAuthApi", "get_oauth_client", client["id"]).value
    name = unique("changed")
    body = model("OAuthClient", **{**read, "name": name})
    changed = sdk.call("OAuthApi", "put_oauth_client", client["id"], body).value
    moving = ("name", "dateModified")
    assert changed["name"] == name
    assert "secret" not in changed
    assert {k: v for k, v in changed.items() if k not in moving} == {
        k: v for k, v in read.items() if k not in moving
    }


def test_put_keeps_what_this_sdk_does_not_know(sdk: Sdk, server: RunningServer) -> None:
    client = make_client(server, state="inactive")
    kept_role = client["roleIds"][0]
    new_role = make_role(server, "oauth:client:view")
    body = model(
        "OAuthClient",
        name=client["name"],
        authorizedGrantType="CLIENT_CREDENTIALS",
        roleIds=[kept_role, new_role],
    )
    sdk.call("OAuthApi", "put_oauth_client", client["id"], body)
    after = stored(server, client["id"])
    assert after["state"] == "inactive"
    held = {(pair["roleId"], pair["divisionId"]) for pair in after["roleDivisions"]}
    assert held == {(kept_role, EVERY_DIVISION), (new_role, home_division(server))}


def test_put_changes_the_grant_type(sdk: Sdk, server: RunningServer) -> None:
    client = create(sdk, **minimal(server, "CLIENT_CREDENTIALS")).value
    body = model("OAuthClient", name="n", authorizedGrantType="CODE", registeredRedirectUri=URIS)
    changed = sdk.call("OAuthApi", "put_oauth_client", client["id"], body).value
    assert (changed["authorizedGrantType"], changed["registeredRedirectUri"]) == ("CODE", URIS)
    assert not changed.get("roleIds")
    assert server.ask_token(client["id"], client["secret"]).status == 400


def test_regenerated_secret(sdk: Sdk, server: RunningServer) -> None:
    client = create(sdk, **minimal(server, "CLIENT_CREDENTIALS")).value
    secret = sdk.call("OAuthApi", "post_oauth_client_secret", client["id"]).value["secret"]
    assert secret != client["secret"]
    assert server.ask_token(client["id"], client["secret"]).status == 401
    sdk.use_token(server.token(client["id"], secret))
    assert sdk.call("OAuthApi", "get_oauth_client", client["id"]).value["id"] == client["id"]


def test_delete(sdk: Sdk, server: RunningServer) -> None:
    client = create(sdk, **minimal(server, "CLIENT_CREDENTIALS")).value
    assert sdk.call("OAuthApi", "delete_oauth_client", client["id"]).status == 204
    with pytest.raises(RefusedError) as refused:
        sdk.call("OAuthApi", "get_oauth_client", client["id"])
    assert (refused.value.status, refused.value.code) == (404, "not.found")
    assert server.ask_token(client["id"], client["secret"]).status == 401


def test_errors(sdk: Sdk, server: RunningServer) -> None:
    def refuse(method: str, *arguments: Any) -> tuple[int, str]:
        with pytest.raises(RefusedError) as refused:
            sdk.call("OAuthApi", method, *arguments)
        error = refused.value
        assert error.document["contextId"] == error.headers["inin-correlation-id"] != ""
        return error.status, error.code

    no_roles = model("OAuthClient", name="n", authorizedGrantType="CLIENT_CREDENTIALS")
    assert refuse("post_oauth_clients", no_roles) == (400, "missing.client.roles")
    no_grant = model("OAuthClient", name="n")
    assert refuse("post_oauth_clients", no_grant) == (400, "grant.type.required")
    # 30.0.0 turns a spelling that it does not know into "outdated_sdk_version".
    outdated = model("OAuthClient", name="n", authorizedGrantType="CLIENT-CREDENTIALS")
    assert refuse("post_oauth_clients", outdated) == (400, "bad.grant.type")
    assert refuse("get_oauth_client", UNKNOWN_ID) == (404, "not.found")
    limited = make_client(server, "authorization:role:view")
    sdk.use_token(server.token(limited["id"], limited["secret"]))
    assert refuse("get_oauth_clients") == (403, "missing.any.permissions")
    sdk.use_token("bad")
    assert refuse("get_oauth_clients") == (401, "bad.credentials")
    sdk.use_token("")
    assert refuse("get_oauth_clients") == (401, "authentication.required")
