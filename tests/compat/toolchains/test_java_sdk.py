# ruff: noqa: F401 - tests that are run here with another SDK
"""The Java SDK runs the tests of the newest SDKs, and what is its own.

It is older than they are: its model of listed clients has no grant type, and it writes every
list of a model, empty ones too. So tests that are about those are not among them.
"""

import json

import pytest

from tests.compat.arrange import UNKNOWN_ID, make_client, make_code_client, unique
from tests.compat.sdk import RefusedError, Sdk, assert_platform_error, model
from tests.compat.test_client_credentials import (
    test_client_of_another_grant_gets_no_token,
    test_disabling_a_client_ends_its_tokens_for_good,
    test_each_login_gives_another_token_and_both_work,
    test_inactive_client_gets_no_token_and_keeps_those_it_has,
    test_login_gives_a_token_that_works,
    test_wrong_secret_and_unknown_client_are_refused_alike,
)
from tests.compat.test_errors import (
    test_bad_field_is_named,
    test_body_above_the_limit,
    test_call_with_a_bad_token,
    test_call_with_its_permission_alone,
    test_call_without_a_token,
    test_call_without_its_permission,
    test_every_bad_field_is_named,
    test_long_text_is_a_bad_field,
    test_nobody_gives_away_what_he_does_not_hold,
    test_unknown_client,
    test_unknown_role,
)
from tests.compat.test_grants import (
    test_a_role_is_given_and_taken,
    test_a_role_is_given_to_several_in_several_divisions,
    test_grants_are_added_removed_and_replaced,
    test_nobody_gives_or_takes_what_he_does_not_hold,
)
from tests.compat.test_organization import (
    test_organization_of_the_caller,
    test_scopes_are_listed_and_read,
)
from tests.compat.test_roles import (
    test_changing_a_role_changes_what_its_holders_may_do,
    test_role_gives_its_permission,
    test_role_is_created_and_read,
    test_role_is_deleted,
    test_role_is_replaced,
    test_role_needs_its_permission,
    test_roles_are_paged_and_filtered,
    test_roles_have_the_platforms_default_page,
)
from tests.compat.test_six_operations import (
    test_create_answers_every_field,
    test_create_for_each_grant_type,
    test_deleted_client_is_gone,
    test_fields_that_the_grant_does_not_use_are_dropped,
    test_get_answers_what_create_answered_without_the_secret,
    test_only_the_regenerated_secret_works,
    test_put_from_client_credentials_to_code_takes_the_roles,
    test_put_from_code_to_client_credentials_takes_the_redirect_uris,
    test_put_leaves_the_secret_and_an_omitted_state_alone,
    test_put_replaces,
    test_regenerating_answers_another_secret,
    test_role_ids_alone_mean_the_home_division,
    test_what_was_read_can_be_put_back,
)
from tests.compat.test_tokens import test_token_is_verified_and_ended
from tests.compat.toolchains.java_sdk import JavaSdk
from tests.support.fixtures import FreshServer
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat


def test_every_client_is_listed(sdk: Sdk, server: RunningServer) -> None:
    made = {make_code_client(server)["id"] for _ in range(30)}
    listing = sdk.call("OAuthApi", "get_oauth_clients").value
    assert (listing["pageNumber"], listing["pageCount"]) == (1, 1)
    ids = [client["id"] for client in listing["entities"]]
    assert made <= set(ids)
    assert len(ids) == len(set(ids)) == listing["total"]


def test_a_date_goes_there_and_back(sdk: Sdk, server: RunningServer) -> None:
    client = make_code_client(server)
    date = "2040-01-02T03:04:05.678Z"
    fields = {"name": client["name"], "authorizedGrantType": "CODE", "dateToDelete": date}
    body = model("OAuthClientRequest", **fields)
    changed = sdk.call("OAuthApi", "put_oauth_client", client["id"], body)
    assert json.loads(changed.body)["dateToDelete"] == date
    assert changed.value["dateToDelete"] == date


def test_five_logins_at_once(java_process: JavaSdk, server: RunningServer) -> None:
    java_process.connect(server.port)
    client = make_client(server)
    tokens = java_process.login_at_once(client["id"], client["secret"], 5)
    assert len(set(tokens)) == 5
    for token in tokens:
        java_process.use_token(token)
        info = java_process.call("TokensApi", "get_tokens_me").value
        assert info["OAuthClient"]["id"] == client["id"]


def test_one_path_before_login_and_calls(java_process: JavaSdk, fresh_server: FreshServer) -> None:
    prefix = {f"GRANTORY_HTTP_{which}_PREFIX": "/gateway" for which in ("LOGIN", "API")}
    server = fresh_server(environment=prefix)
    java_process.connect(server.port, login_path="gateway", api_path="gateway")
    java_process.login(server.client_id, server.client_secret)
    assert java_process.sent == [("POST", "/gateway/oauth/token")]
    fields = {"name": unique("java"), "authorizedGrantType": "CODE"}
    body = model("OAuthClientRequest", **fields)
    created = java_process.call("OAuthApi", "post_oauth_clients", body).value
    assert created["selfUri"] == f"/api/v2/oauth/clients/{created['id']}"
    assert java_process.sent == [("POST", "/gateway/api/v2/oauth/clients")]
    assert java_process.call("OAuthApi", "delete_oauth_client", created["id"]).status == 204
    with pytest.raises(RefusedError) as refused:
        java_process.call("OAuthApi", "get_oauth_client", UNKNOWN_ID)
    assert_platform_error(refused.value, 404, "not.found")
