"""The official SDKs' own login with client credentials, directly and behind prefixes."""

import time

import pytest

from tests.compat.arrange import (
    EVERY_DIVISION,
    UNKNOWN_ID,
    make_client,
    make_code_client,
    unique,
)
from tests.compat.sdk import RefusedError, Sdk, model
from tests.support.fixtures import FreshServer
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat


def test_login_gives_a_token_that_works(sdk: Sdk, server: RunningServer) -> None:
    sdk.use_token("")
    kept = sdk.login(server.client_id, server.client_secret)
    assert kept["token"]
    answer = sdk.call("TokensApi", "get_tokens_me")
    assert answer.value["OAuthClient"]["id"] == server.client_id


def test_each_login_gives_another_token_and_both_work(sdk: Sdk, server: RunningServer) -> None:
    tokens = {sdk.login(server.client_id, server.client_secret)["token"] for _ in range(3)}
    assert len(tokens) == 3
    for token in tokens:
        sdk.use_token(token)
        assert sdk.call("OAuthApi", "get_oauth_client", server.client_id).status == 200


def test_token_lifetime_is_the_clients(javascript: Sdk, server: RunningServer) -> None:
    client = make_client(server, accessTokenValiditySeconds=600)
    before = time.time()
    expires_at = javascript.login(client["id"], client["secret"])["expires_at"]
    assert before + 598 <= expires_at <= time.time() + 600.1


def test_wrong_secret_and_unknown_client_are_refused_alike(sdk: Sdk, server: RunningServer) -> None:
    client = make_client(server)
    other = make_client(server)
    with pytest.raises(RefusedError) as wrong_secret:
        sdk.login(client["id"], other["secret"])
    with pytest.raises(RefusedError) as unknown:
        sdk.login(UNKNOWN_ID, other["secret"])
    for refused in (wrong_secret.value, unknown.value):
        assert refused.status == 401
        assert refused.document["error"] == "invalid_client"
        assert refused.document["description"] == refused.document["error_description"] != ""
        assert refused.headers["www-authenticate"].startswith("Basic")
        assert refused.headers["inin-correlation-id"]
    assert wrong_secret.value.document == unknown.value.document


def test_client_of_another_grant_gets_no_token(sdk: Sdk, server: RunningServer) -> None:
    client = make_code_client(server)
    with pytest.raises(RefusedError) as refused:
        sdk.login(client["id"], client["secret"])
    assert refused.value.status == 400
    assert refused.value.document["error"] == "unauthorized_client"


def test_six_operations_behind_path_prefixes(process: Sdk, fresh_server: FreshServer) -> None:
    server = fresh_server(
        environment={"GRANTORY_HTTP_LOGIN_PREFIX": "/login", "GRANTORY_HTTP_API_PREFIX": "/api"}
    )
    process.connect(server.port, login_path="login", api_path="api")
    process.use_token("")
    process.login(server.client_id, server.client_secret)

    me = process.call("OAuthApi", "get_oauth_client", server.client_id).value
    assert me["roleDivisions"][0]["divisionId"] == EVERY_DIVISION
    request = {"name": unique("behind a gateway"), "authorizedGrantType": "CLIENT-CREDENTIALS"}
    body = model("OAuthClientRequest", **request, roleDivisions=me["roleDivisions"])
    created = process.call("OAuthApi", "post_oauth_clients", body).value
    client_id = created["id"]
    # A selfUri is relative to the API, as everywhere: prefixes belong to the gateway.
    assert created["selfUri"] == f"/api/v2/oauth/clients/{client_id}"
    changed = process.call("OAuthApi", "put_oauth_client", client_id, body).value
    assert changed["name"] == request["name"]
    secret = process.call("OAuthApi", "post_oauth_client_secret", client_id).value["secret"]
    listed = process.call("OAuthApi", "get_oauth_clients").value
    assert [entity["id"] for entity in listed["entities"]].count(client_id) == 1
    assert process.call("OAuthApi", "delete_oauth_client", client_id).status == 204
    with pytest.raises(RefusedError) as gone:
        process.call("OAuthApi", "get_oauth_client", client_id)
    assert (gone.value.status, gone.value.code) == (404, "not.found")
    with pytest.raises(RefusedError) as refused:
        process.login(client_id, secret)
    assert refused.value.status == 401


def test_inactive_client_gets_no_token_and_keeps_those_it_has(
    sdk: Sdk, server: RunningServer
) -> None:
    client = make_client(server)
    earlier = sdk.login(client["id"], client["secret"])["token"]
    _set_state(sdk, server, client["id"], "inactive")
    _assert_no_login(sdk, client["id"], client["secret"])
    sdk.use_token(earlier)
    assert sdk.call("OAuthApi", "get_oauth_client", client["id"]).value["state"] == "inactive"
    _set_state(sdk, server, client["id"], "active")
    assert sdk.login(client["id"], client["secret"])["token"]


def test_disabling_a_client_ends_its_tokens_for_good(sdk: Sdk, server: RunningServer) -> None:
    client = make_client(server)
    earlier = sdk.login(client["id"], client["secret"])["token"]
    _set_state(sdk, server, client["id"], "disabled")
    _assert_no_login(sdk, client["id"], client["secret"])
    _assert_ended(sdk, earlier)
    _set_state(sdk, server, client["id"], "active")
    _assert_ended(sdk, earlier)
    sdk.login(client["id"], client["secret"])
    assert sdk.call("OAuthApi", "get_oauth_client", client["id"]).value["state"] == "active"


def _set_state(sdk: Sdk, server: RunningServer, client_id: str, state: str) -> None:
    sdk.use_token(server.token())
    client = sdk.call("OAuthApi", "get_oauth_client", client_id).value
    kept = {key: client[key] for key in ("name", "authorizedGrantType", "roleDivisions")}
    body = model("OAuthClientRequest", **kept, state=state)
    assert sdk.call("OAuthApi", "put_oauth_client", client_id, body).value["state"] == state


def _assert_no_login(sdk: Sdk, client_id: str, secret: str) -> None:
    with pytest.raises(RefusedError) as refused:
        sdk.login(client_id, secret)
    assert refused.value.status == 400
    assert refused.value.document["error"] == "unauthorized_client"
    assert refused.value.document["description"] == refused.value.document["error_description"]


def _assert_ended(sdk: Sdk, token: str) -> None:
    sdk.use_token(token)
    with pytest.raises(RefusedError) as refused:
        sdk.call("TokensApi", "get_tokens_me")
    assert (refused.value.status, refused.value.code) == (401, "bad.credentials")
