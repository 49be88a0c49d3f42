# ruff: noqa: F401 - tests that are run here with another SDK
"""The Java SDK runs the tests of the newest SDKs, and what is its own.

It is older than they are: its model of listed clients has no grant type, and it writes every
list of a model, empty ones too. So tests that are about those are not among them.
"""

import json

import pytest

from tests.compat.arrange import (
    UNKNOWN_ID,
    give,
    held,
    make_client,
    make_code_client,
    make_role,
    unique,
    unique_address,
)
from tests.compat.authorization import NOT_FOUND, assert_empty, authorization, refuse
from tests.compat.sdk import RefusedError, Sdk, assert_platform_error, model
from tests.compat.test_client_credentials import (
    test_client_of_another_grant_gets_no_token,
    test_disabling_a_client_ends_its_tokens_for_good,
    test_each_login_gives_another_token_and_both_work,
    test_inactive_client_gets_no_token_and_keeps_those_it_has,
    test_login_gives_a_token_that_works,
    test_wrong_secret_and_unknown_client_are_refused_alike,
)
from tests.compat.test_divisions import (
    CONFLICT,
    VIEW,
    new_division,
    test_a_division_is_created_read_and_replaced,
    test_divisions_are_listed_filtered_and_counted,
    test_grants_of_a_division_are_paged,
    test_home_division_is_the_one_of_the_list,
    test_the_limit_is_a_number,
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
from tests.compat.test_neighbours import (
    test_a_client_is_not_a_user,
    test_permissions_hold_those_of_oauth_clients,
    test_permissions_of_a_domain,
    test_unknown_subject,
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


def test_a_division_goes_with_its_grants(sdk: Sdk, server: RunningServer) -> None:
    division_id = new_division(sdk)["id"]
    client_id, role_id = make_client(server)["id"], make_role(server, VIEW)
    give(server, client_id, role_id, division_id)

    page = authorization(sdk, "get_authorization_division_grants", division_id).value
    assert [grant["subjectId"] for grant in page["entities"]] == [client_id]
    assert refuse(sdk, "delete_authorization_division", division_id) == CONFLICT
    assert_empty(authorization(sdk, "delete_authorization_division", division_id, force=True))

    assert (role_id, division_id) not in held(server, client_id)
    assert refuse(sdk, "get_authorization_division", division_id) == NOT_FOUND


def test_a_person_is_made_changed_and_deleted(sdk: Sdk) -> None:
    fields = {"name": unique("Ann"), "email": unique_address(), "password": "four horses at noon"}
    made = sdk.call("UsersApi", "post_users", model("CreateUser", **fields)).value
    assert (made["name"], made["email"], made["state"]) == (*list(fields.values())[:2], "active")
    found = sdk.call("UsersApi", "get_users", page_size=500, id=[made["id"]]).value
    assert [each["id"] for each in found["entities"]] == [made["id"]]

    body = model("UpdateUser", version=made["version"], title="Head of horses")
    changed = sdk.call("UsersApi", "patch_user", made["id"], body).value
    assert (changed["title"], changed["version"] > made["version"]) == ("Head of horses", True)
    assert sdk.call("UsersApi", "get_user", made["id"]).value["title"] == "Head of horses"
    password = model("ChangePasswordRequest", newPassword="four ponies at night")
    assert_empty(sdk.call("UsersApi", "post_user_password", made["id"], password))

    assert sdk.call("UsersApi", "delete_user", made["id"]).status == 200
    with pytest.raises(RefusedError) as refused:
        sdk.call("UsersApi", "get_user", made["id"])
    assert_platform_error(refused.value, 404, "not.found")


def test_what_a_client_was_allowed_is_told(sdk: Sdk, server: RunningServer) -> None:
    client_id = make_code_client(server, scope=["oauth:readonly"])["id"]
    path = f"/api/v2/oauth/authorizations/{client_id}"
    assert server.call("PUT", path, {}).status == 200

    allowed = sdk.call("OAuthApi", "get_oauth_authorization", client_id).value
    assert (allowed["client"]["id"], allowed["state"]) == (client_id, "Authorized")
    assert (allowed["scope"], allowed["pending"]) == (["oauth:readonly"], False)
    listed = sdk.call("OAuthApi", "get_oauth_authorizations").value
    assert client_id in [each["client"]["id"] for each in listed["entities"]]


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
