"""What a program needs beside the six operations, with both of the newest SDKs."""

from typing import Any

import pytest

from tests.compat.arrange import (
    EVERY_DIVISION,
    UNKNOWN_ID,
    home_division,
    make_client,
    make_role,
    policy,
    token_with,
    unique,
)
from tests.compat.sdk import Answer, Document, RefusedError, Sdk, model
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat

VIEW = policy("oauth:client:view")
# A plan written for the platform carries permissions that mean nothing here.
VENDORS = {"domain": "routing", "entityName": "queue", "actionSet": ["*"]}


def authorization(sdk: Sdk, method: str, *arguments: Any, **options: Any) -> Answer:
    return sdk.call("AuthorizationApi", method, *arguments, **options)


def new_role(sdk: Sdk, **fields: Any) -> Document:
    body = model("DomainOrganizationRoleCreate", **{"name": unique("role"), **fields})
    value = authorization(sdk, "post_authorization_roles", body).value
    assert isinstance(value, dict)
    return value


def rights(role: Document) -> set[tuple[str, str, frozenset[str]]]:
    return {
        (item["domain"], item["entityName"], frozenset(item["actionSet"]))
        for item in role["permissionPolicies"]
    }


def as_rights(*policies: Document) -> set[tuple[str, str, frozenset[str]]]:
    return rights({"permissionPolicies": policies})


# -------------------------------------------------------------------------------- roles


def test_role_is_created_and_read(sdk: Sdk) -> None:
    name = unique("reader")
    body = model(
        "DomainOrganizationRoleCreate",
        name=name,
        description="reads",
        permissionPolicies=[VIEW, VENDORS],
    )
    answer = authorization(sdk, "post_authorization_roles", body)
    role = answer.value
    assert answer.status == 200
    assert (role["name"], role["description"]) == (name, "reads")
    assert rights(role) == as_rights(VIEW, VENDORS)
    assert role["selfUri"] == f"/api/v2/authorization/roles/{role['id']}"
    assert (role["default"], role["base"]) == (False, False)
    read = authorization(sdk, "get_authorization_role", role["id"]).value
    assert (read["id"], read["name"], read["description"]) == (role["id"], name, "reads")
    assert rights(read) == as_rights(VIEW, VENDORS)


def test_role_gives_its_permission(sdk: Sdk, server: RunningServer) -> None:
    role = new_role(sdk, permissionPolicies=[VIEW])
    pair = {"roleId": role["id"], "divisionId": EVERY_DIVISION}
    client = make_client(server, roleDivisions=[pair])
    sdk.login(client["id"], client["secret"])
    assert sdk.call("OAuthApi", "get_oauth_client", client["id"]).value["id"] == client["id"]
    with pytest.raises(RefusedError) as refused:
        sdk.call("OAuthApi", "post_oauth_client_secret", client["id"])
    assert refused.value.code == "missing.any.permissions"


def test_role_is_replaced(sdk: Sdk) -> None:
    role = new_role(sdk, description="before", permissionPolicies=[VIEW, VENDORS])
    name = unique("replaced")
    body = model("DomainOrganizationRoleUpdate", name=name, permissionPolicies=[VENDORS])
    changed = authorization(sdk, "put_authorization_role", role["id"], body).value
    assert (changed["id"], changed["name"]) == (role["id"], name)
    assert rights(changed) == as_rights(VENDORS)
    assert not changed.get("description")
    read = authorization(sdk, "get_authorization_role", role["id"]).value
    assert (read["name"], rights(read)) == (name, as_rights(VENDORS))


def test_role_is_patched(sdk: Sdk) -> None:
    role = new_role(sdk, description="before", permissionPolicies=[VIEW])
    body = model("DomainOrganizationRole", description="after")
    changed = authorization(sdk, "patch_authorization_role", role["id"], body).value
    assert (changed["name"], changed["description"]) == (role["name"], "after")
    assert rights(changed) == as_rights(VIEW)
    read = authorization(sdk, "get_authorization_role", role["id"]).value
    assert (read["description"], rights(read)) == ("after", as_rights(VIEW))


def test_changing_a_role_changes_what_its_holders_may_do(sdk: Sdk, server: RunningServer) -> None:
    role = new_role(sdk, permissionPolicies=[policy("oauth:client:edit")])
    pair = {"roleId": role["id"], "divisionId": EVERY_DIVISION}
    client = make_client(server, roleDivisions=[pair])
    token = server.token(client["id"], client["secret"])
    sdk.use_token(token)
    with pytest.raises(RefusedError) as refused:
        sdk.call("OAuthApi", "get_oauth_clients")
    assert refused.value.status == 403
    sdk.use_token(server.token())
    body = model("DomainOrganizationRoleUpdate", name=role["name"], permissionPolicies=[VIEW])
    authorization(sdk, "put_authorization_role", role["id"], body)
    sdk.use_token(token)
    assert sdk.call("OAuthApi", "get_oauth_clients").status == 200


def test_role_is_deleted(sdk: Sdk) -> None:
    role = new_role(sdk, permissionPolicies=[VIEW])
    answer = authorization(sdk, "delete_authorization_role", role["id"])
    assert (answer.status, answer.body) == (204, "")
    for method in ("get_authorization_role", "delete_authorization_role"):
        with pytest.raises(RefusedError) as refused:
            authorization(sdk, method, role["id"])
        assert (refused.value.status, refused.value.code) == (404, "not.found")


def test_roles_are_paged_and_filtered(sdk: Sdk) -> None:
    word = unique("paged").replace(" ", "-")
    made = {new_role(sdk, name=f"{word} {n}", permissionPolicies=[VIEW])["id"] for n in range(5)}
    seen: list[str] = []
    for number in (1, 2, 3):
        page = authorization(
            sdk, "get_authorization_roles", page_size=2, page_number=number, name=f"{word}*"
        ).value
        assert (page["pageSize"], page["pageNumber"]) == (2, number)
        assert (page["total"], page["pageCount"]) == (5, 3)
        assert ("nextUri" in page) is (number < 3)
        seen += [role["id"] for role in page["entities"]]
    assert sorted(seen) == sorted(made)
    # The SDKs join the values of a list with commas.
    chosen = sorted(made)[:2]
    by_id = authorization(sdk, "get_authorization_roles", id=chosen, user_count=False).value
    assert sorted(role["id"] for role in by_id["entities"]) == chosen


def test_roles_have_the_platforms_default_page(sdk: Sdk) -> None:
    for _ in range(26):
        new_role(sdk, permissionPolicies=[VIEW])
    page = authorization(sdk, "get_authorization_roles").value
    assert (page["pageSize"], page["pageNumber"], len(page["entities"])) == (25, 1, 25)
    assert page["pageCount"] == -(-page["total"] // 25)


def test_role_needs_its_permission(sdk: Sdk, server: RunningServer) -> None:
    role_id = make_role(server, "oauth:client:view")
    sdk.use_token(token_with(server, "oauth:client:view"))
    body = model("DomainOrganizationRoleUpdate", name="n", permissionPolicies=[])
    calls: dict[str, list[Any]] = {
        "get_authorization_roles": [],
        "get_authorization_role": [role_id],
        "post_authorization_roles": [model("DomainOrganizationRoleCreate", name="n")],
        "put_authorization_role": [role_id, body],
        "patch_authorization_role": [role_id, model("DomainOrganizationRole", name="n")],
        "delete_authorization_role": [role_id],
    }
    for method, arguments in calls.items():
        with pytest.raises(RefusedError) as refused:
            authorization(sdk, method, *arguments)
        assert (refused.value.status, refused.value.code) == (403, "missing.any.permissions")


# ------------------------------------------------------------- divisions and permissions


def test_home_division_is_the_one_of_the_list(sdk: Sdk) -> None:
    home = authorization(sdk, "get_authorization_divisions_home").value
    assert home["homeDivision"] is True
    assert home["name"]
    assert home["selfUri"] == f"/api/v2/authorization/divisions/{home['id']}"
    listing = authorization(sdk, "get_authorization_divisions").value
    assert (listing["pageSize"], listing["pageNumber"], listing["pageCount"]) == (25, 1, 1)
    assert [item for item in listing["entities"] if item["homeDivision"]] == [home]
    assert authorization(sdk, "get_authorization_division", home["id"]).value == home
    with pytest.raises(RefusedError) as refused:
        authorization(sdk, "get_authorization_division", UNKNOWN_ID)
    assert (refused.value.status, refused.value.code) == (404, "not.found")


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


# ----------------------------------------------------------------------------- subjects


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
    with pytest.raises(RefusedError) as refused:
        authorization(sdk, "get_authorization_subject", UNKNOWN_ID)
    assert (refused.value.status, refused.value.code) == (404, "not.found")


# ------------------------------------------------------ organisation, token, user


def test_organization_of_the_caller(sdk: Sdk, server: RunningServer) -> None:
    organization = sdk.call("OrganizationApi", "get_organizations_me").value
    assert organization["id"] == server.organization_id
    assert organization["name"] == server.first_start["organization"]["name"]
    assert organization["state"] == "active"
    assert organization["defaultCountryCode"]
    assert organization["selfUri"].startswith("/api/v2/organizations/")


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


def test_a_client_is_not_a_user(sdk: Sdk) -> None:
    with pytest.raises(RefusedError) as refused:
        sdk.call("UsersApi", "get_users_me")
    assert (refused.value.status, refused.value.code) == (400, "not.a.user")
