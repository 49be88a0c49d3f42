"""Tokens: the caller's own, a user's and a client's, with both of the newest SDKs."""

import pytest

from tests.compat.arrange import UNKNOWN_ID, make_client, token_with
from tests.compat.sdk import RefusedError, Sdk, assert_platform_error, model
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat


def test_token_tells_whose_it_is(sdk: Sdk, server: RunningServer) -> None:
    client = make_client(server)
    sdk.login(client["id"], client["secret"])
    information = sdk.call("TokensApi", "get_tokens_me", preserve_idle_ttl=True).value
    name = server.first_start["organization"]["name"]
    organization = {"id": server.organization_id, "name": name}
    assert information["organization"] == organization
    assert information["homeOrganization"] == organization
    caller = information["OAuthClient"]
    assert (caller["id"], caller["name"]) == (client["id"], client["name"])
    assert caller["authorizedGrantType"] == "CLIENT-CREDENTIALS"
    assert caller["organization"] == organization
    assert caller["roleDivisions"] == client["roleDivisions"]
    assert "secret" not in caller


def test_token_is_verified_and_ended(sdk: Sdk, server: RunningServer) -> None:
    client = make_client(server)
    other = sdk.login(client["id"], client["secret"])["token"]
    ended = sdk.login(client["id"], client["secret"])["token"]
    assert sdk.call("TokensApi", "head_tokens_me").status == 200
    assert sdk.call("TokensApi", "delete_tokens_me").status in (200, 204)
    for method in ("get_tokens_me", "head_tokens_me", "delete_tokens_me"):
        sdk.use_token(ended)
        with pytest.raises(RefusedError) as refused:
            sdk.call("TokensApi", method)
        assert refused.value.status == 401
    sdk.use_token(other)
    assert sdk.call("TokensApi", "head_tokens_me").status == 200


# -------------------------------------------------------------------- ended by others


def assert_ended(sdk: Sdk, token: str) -> None:
    sdk.use_token(token)
    with pytest.raises(RefusedError) as refused:
        sdk.call("TokensApi", "get_tokens_me")
    assert_platform_error(refused.value, 401, "bad.credentials")


def test_tokens_of_a_user_are_ended(sdk: Sdk, server: RunningServer, user: str) -> None:
    sdk.use_token(token_with(server, "oauth:token:delete"))
    answer = sdk.call("TokensApi", "delete_token", user)
    assert (answer.status, answer.body, answer.value) == (200, "", None)
    # A client is no user.
    for unknown in (UNKNOWN_ID, server.client_id):
        with pytest.raises(RefusedError) as refused:
            sdk.call("TokensApi", "delete_token", unknown)
        assert_platform_error(refused.value, 404, "not.found")


def test_tokens_of_a_client_are_ended(sdk: Sdk, server: RunningServer) -> None:
    client = make_client(server)
    earlier = server.token(client["id"], client["secret"])
    path = "/api/v2/oauth/clients/{clientId}/tokens"  # Grantory's own: no SDK has a method
    answer = sdk.request("DELETE", path, path_parameters={"clientId": client["id"]})
    assert (answer.status, answer.body, answer.value) == (204, "", None)
    assert_ended(sdk, earlier)
    # The secret goes on.
    sdk.login(client["id"], client["secret"])
    assert sdk.call("TokensApi", "head_tokens_me").status == 200


@pytest.mark.parametrize("revoke", [True, False])
def test_a_new_secret_may_end_the_tokens(sdk: Sdk, server: RunningServer, revoke: bool) -> None:
    client = make_client(server)
    earlier = server.token(client["id"], client["secret"])
    answer = sdk.request(
        "POST",
        "/api/v2/oauth/clients/{clientId}/secret",
        path_parameters={"clientId": client["id"]},
        query={"revokeTokens": revoke},
        kind="OAuthClient",
    )
    assert answer.status == 200
    assert answer.value["id"] == client["id"]
    if revoke:
        assert_ended(sdk, earlier)
    else:
        sdk.use_token(earlier)
        assert sdk.call("TokensApi", "head_tokens_me").status == 200
    sdk.login(client["id"], answer.value["secret"])
    assert sdk.call("TokensApi", "head_tokens_me").status == 200


# ------------------------------------------------------------------------- idle timeout


def test_the_idle_timeout_is_off_and_stays_off(sdk: Sdk, server: RunningServer) -> None:
    off = {"enableIdleTokenTimeout": False, "inactivityTimeoutGroupsEnabled": False}
    assert sdk.call("TokensApi", "get_tokens_timeout").value == off
    body = model("IdleTokenTimeout", enableIdleTokenTimeout=True, idleTokenTimeoutSeconds=300)
    with pytest.raises(RefusedError) as refused:
        sdk.call("TokensApi", "put_tokens_timeout", body=body)
    assert_platform_error(refused.value, 400, "bad.request")
    assert "accessTokenValiditySeconds" in refused.value.document["message"]
    assert sdk.call("TokensApi", "get_tokens_timeout").value == off
