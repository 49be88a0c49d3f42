"""Permissions, subjects and the caller, with both of the newest SDKs."""

import pytest

from tests.compat.arrange import EVERY_DIVISION, UNKNOWN_ID, home_division, make_client, make_role
from tests.compat.authorization import NOT_FOUND, authorization, bad, refuse
from tests.compat.sdk import Document, RefusedError, Sdk
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat


def test_permissions_hold_those_of_oauth_clients(sdk: Sdk) -> None:
    entities: list[Document] = []
    number, count, total = 1, 1, 0
    while number <= count:
        page = authorization(
            sdk, "get_authorization_permissions", page_size=2, page_number=number
        ).value
        entities += page["entities"]
        number, count, total = number + 1, page["pageCount"], page["total"]
    assert total == len(entities)
    domains = [entity["domain"] for entity in entities]
    assert len(set(domains)) == len(domains)
    oauth = next(entity for entity in entities if entity["domain"] == "oauth")
    actions = {item["action"] for item in oauth["permissionMap"]["client"]}
    assert {"view", "add", "edit", "delete"} <= actions
    for item in oauth["permissionMap"]["client"]:
        assert (item["domain"], item["entityType"]) == ("oauth", "client")


def test_permissions_of_a_domain(sdk: Sdk) -> None:
    page = authorization(sdk, "get_authorization_permissions", query="oauth,usage:client:view")
    domains = [entity["domain"] for entity in page.value["entities"]]
    assert domains == ["oauth"]  # nothing here asks for a permission of usage
    (entity,) = page.value["entities"]
    for kind, items in entity["permissionMap"].items():
        for item in items:
            assert (item["domain"], item["entityType"]) == ("oauth", kind)
            assert item["label"]
            assert (item["allowsConditions"], item["divisionAware"]) == (False, False)
    method = "get_authorization_permissions"
    assert refuse(sdk, method, page_size=501) == bad("pageSize")


def test_subject_holds_its_grants(sdk: Sdk, server: RunningServer) -> None:
    first, second = make_role(server, "oauth:client:view"), make_role(server, "oauth:client:add")
    home = home_division(server)
    pairs = [
        {"roleId": first, "divisionId": EVERY_DIVISION},
        {"roleId": second, "divisionId": home},
    ]
    client = make_client(server, roleDivisions=pairs)
    subject = authorization(sdk, "get_authorization_subject", client["id"]).value
    assert (subject["id"], subject["name"]) == (client["id"], client["name"])
    more = {"include_duplicates": True, "include_full_roles": True}  # changes nothing here
    assert authorization(sdk, "get_authorization_subject", client["id"], **more).value == subject
    grants = {grant["role"]["id"]: grant for grant in subject["grants"]}
    assert len(subject["grants"]) == 2
    assert {role: grant["division"]["id"] for role, grant in grants.items()} == {
        first: EVERY_DIVISION,
        second: home,
    }
    assert grants[second]["division"]["homeDivision"] is True
    for grant in subject["grants"]:
        assert grant["subjectId"] == client["id"]
        assert grant["grantMadeAt"]
    (viewing,) = grants[first]["role"]["policies"]
    assert (viewing["domain"], viewing["entityName"], viewing["actions"]) == (
        "oauth",
        "client",
        ["view"],
    )
    token = server.token(client["id"], client["secret"])
    sdk.use_token(token)
    assert authorization(sdk, "get_authorization_subjects_me").value == subject


def test_unknown_subject(sdk: Sdk) -> None:
    assert refuse(sdk, "get_authorization_subject", UNKNOWN_ID) == NOT_FOUND


def test_a_client_is_not_a_user(sdk: Sdk) -> None:
    with pytest.raises(RefusedError) as refused:
        sdk.call("UsersApi", "get_users_me")
    assert (refused.value.status, refused.value.code) == (400, "not.a.user")
