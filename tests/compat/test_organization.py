"""The organisation, its products and the scopes, with both of the newest SDKs."""

from collections.abc import Iterator

import pytest

from tests.compat.arrange import UNKNOWN_ID
from tests.compat.sdk import Document, RefusedError, Sdk, assert_platform_error, model
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat


@pytest.fixture
def organization(sdk: Sdk, server: RunningServer) -> Iterator[Document]:
    """The organisation as it is, and as it is again after the test."""
    path = "/api/v2/organizations/me"
    before = server.call("GET", path).json()
    yield before
    kept = {key: before[key] for key in ("name", "defaultLanguage", "defaultCountryCode")}
    assert server.call("PUT", path, kept).status == 200


def test_organization_of_the_caller(sdk: Sdk, server: RunningServer) -> None:
    organization = sdk.call("OrganizationApi", "get_organizations_me").value
    assert organization["id"] == server.organization_id
    assert organization["name"] == server.first_start["organization"]["name"]
    assert organization["state"] == "active"
    assert organization["defaultCountryCode"]
    assert organization["selfUri"].startswith("/api/v2/organizations/")


def test_the_organization_is_changed(sdk: Sdk, organization: Document) -> None:
    fields = {"name": "Another name", "defaultLanguage": "de-ch", "defaultCountryCode": "ch"}
    read = sdk.call("OrganizationApi", "get_organizations_me").value
    # As a program changes it: what was read, with some fields set.
    body = model("Organization", **{**read, **fields})
    answer = sdk.call("OrganizationApi", "put_organizations_me", body=body)
    changed = {**fields, "defaultCountryCode": "CH", "thirdPartyOrgName": "Another name"}
    assert answer.status == 200
    assert answer.value == {**read, **changed, "version": read["version"] + 1}
    assert sdk.call("OrganizationApi", "get_organizations_me").value == answer.value
    information = sdk.call("TokensApi", "get_tokens_me").value
    assert information["organization"] == {"id": read["id"], "name": "Another name"}

    only = model("Organization", defaultLanguage="en-gb")
    value = sdk.call("OrganizationApi", "put_organizations_me", body=only).value
    assert value["defaultLanguage"] == "en-gb"
    assert (value["name"], value["defaultCountryCode"]) == ("Another name", "CH")

    with pytest.raises(RefusedError) as outdated:
        sdk.call("OrganizationApi", "put_organizations_me", body=body)
    assert_platform_error(outdated.value, 409, "general.conflict")
    assert outdated.value.fields == ["version"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", " "), ("name", ""), ("defaultLanguage", "?"), ("defaultCountryCode", "CHE")],
)
def test_a_bad_field_of_the_organization_is_named(
    sdk: Sdk, organization: Document, field: str, value: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        sdk.call(
            "OrganizationApi", "put_organizations_me", body=model("Organization", **{field: value})
        )
    assert_platform_error(refused.value, 400, "invalid.value")
    assert refused.value.fields == [field]
    assert sdk.call("OrganizationApi", "get_organizations_me").value == organization


def test_a_change_needs_a_body(sdk: Sdk) -> None:
    with pytest.raises(RefusedError) as refused:
        sdk.call("OrganizationApi", "put_organizations_me")
    assert_platform_error(refused.value, 400, "bad.request")


def test_products_have_what_clients_look_for(sdk: Sdk) -> None:
    listing = sdk.call("AuthorizationApi", "get_authorization_products").value
    assert listing["entities"] == [{"id": "grantory"}]
    assert (listing["total"], listing["pageCount"], listing["pageNumber"]) == (1, 1, 1)


# ------------------------------------------------------------------------------- scopes


def test_scopes_are_listed_and_read(sdk: Sdk) -> None:
    listing = sdk.call("OAuthApi", "get_oauth_scopes", accept_language="de-de").value
    by_id = {scope["id"]: scope for scope in listing["entities"]}
    assert len(by_id) == listing["total"] == len(listing["entities"]) > 100
    assert listing["selfUri"] == "/api/v2/oauth/scopes"
    for name in ("oauth", "oauth:readonly", "authorization", "user-basic-info"):
        answer = sdk.call("OAuthApi", "get_oauth_scope", name, accept_language="en-us")
        assert answer.status == 200
        assert answer.value == by_id[name]
        assert answer.value["description"]
        assert answer.value["selfUri"].startswith("/api/v2/oauth/scopes/")


@pytest.mark.parametrize("scope_id", [UNKNOWN_ID, "OAUTH", "a b", "oauth:readonly:"])
def test_an_unknown_scope(sdk: Sdk, scope_id: str) -> None:
    with pytest.raises(RefusedError) as refused:
        sdk.call("OAuthApi", "get_oauth_scope", scope_id)
    assert_platform_error(refused.value, 404, "not.found")
