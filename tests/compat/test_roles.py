"""Roles, with both of the newest SDKs."""

from typing import Any

import pytest

from tests.compat.arrange import (
    EVERY_DIVISION,
    make_client,
    make_role,
    policy,
    token_with,
    unique,
)
from tests.compat.authorization import (
    LACKING,
    NOT_FOUND,
    Refusal,
    assert_empty,
    authorization,
    bad,
    refuse,
)
from tests.compat.sdk import Document, RefusedError, Sdk, model
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat

VIEW = policy("oauth:client:view")
# A plan written for the platform carries permissions that mean nothing here.
VENDORS = {"domain": "routing", "entityName": "queue", "actionSet": ["*"]}


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
    assert_empty(authorization(sdk, "delete_authorization_role", role["id"]))
    for method in ("get_authorization_role", "delete_authorization_role"):
        assert refuse(sdk, method, role["id"]) == NOT_FOUND


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
        found = refuse(sdk, method, *arguments)
        assert found == Refusal(403, "missing.any.permissions", [])


# -------------------------------------------------------------------------------- lists


def test_roles_are_chosen_and_sorted(sdk: Sdk) -> None:
    word = unique("chosen").replace(" ", "-")
    default_id = unique("default").replace(" ", "-")
    plain = new_role(sdk, name=f"{word} b", permissionPolicies=[VIEW])
    other = new_role(sdk, name=f"{word} a", permissions=[word], defaultRoleId=default_id)
    method = "get_authorization_roles"

    def chosen(**options: Any) -> list[str]:
        page = authorization(sdk, method, **options).value
        assert page["total"] == len(page["entities"])
        return [role["id"] for role in page["entities"]]

    assert chosen(name=word.upper()) == [other["id"], plain["id"]]
    assert chosen(name=word, sort_by="id") == sorted([other["id"], plain["id"]])
    assert chosen(permission=[word]) == [other["id"]]
    assert chosen(permission=["oauth:client:view"], name=word) == [plain["id"]]
    assert chosen(permission=["oauth:client:view", word], name=word) == []
    assert chosen(default_role_id=[default_id]) == [other["id"]]
    # What means nothing here does no harm.
    assert chosen(name=f"{word} b", expand=["unusedPermissions"], user_count=True) == [plain["id"]]
    assert refuse(sdk, method, sort_by="colour") == bad("sortBy")
    assert refuse(sdk, method, next_page="x") == bad("nextPage")
    assert refuse(sdk, method, page_size=501) == bad("pageSize")
    assert refuse(sdk, method, page_number=0) == bad("pageNumber")


# ----------------------------------------------------------------------------- refusals


def test_what_a_role_may_not_be(sdk: Sdk) -> None:
    role = new_role(sdk, description="kept", permissionPolicies=[VIEW])
    other = new_role(sdk)
    taken = Refusal(409, "general.conflict", ["name"])
    name = role["name"].upper()
    kind, update = "DomainOrganizationRoleCreate", "DomainOrganizationRoleUpdate"
    assert refuse(sdk, "post_authorization_roles", model(kind, name=name)) == taken
    assert refuse(sdk, "put_authorization_role", other["id"], model(update, name=name)) == taken
    patch = model("DomainOrganizationRole", name=name)
    assert refuse(sdk, "patch_authorization_role", other["id"], patch) == taken
    wrong: list[tuple[Document, str]] = [
        ({"description": "nameless"}, "name"),
        ({"name": " "}, "name"),
        ({"name": "n", "permissions": ["a b"]}, "permissions"),
        ({"name": "n", "permissionPolicies": [{**VIEW, "actionSet": []}]}, "permissionPolicies"),
        (
            {"name": "n", "permissionPolicies": [{**VIEW, "allowConditions": True}]},
            "permissionPolicies",
        ),
    ]
    for fields, field in wrong:
        assert refuse(sdk, "post_authorization_roles", model(kind, **fields)) == bad(field)
        body = model(update, **fields)
        assert refuse(sdk, "put_authorization_role", role["id"], body) == bad(field)
    read = authorization(sdk, "get_authorization_role", role["id"]).value
    assert read == role


def test_the_built_in_role_stays(sdk: Sdk) -> None:
    page = authorization(sdk, "get_authorization_roles", name="Administrator").value
    (role,) = [entity for entity in page["entities"] if entity["default"]]
    assert (role["name"], role["userCount"]) == ("Administrator", 1)
    built_in = Refusal(400, "bad.request", [])
    body = model("DomainOrganizationRoleUpdate", name="n", permissionPolicies=[])
    assert refuse(sdk, "put_authorization_role", role["id"], body) == built_in
    patch = model("DomainOrganizationRole", description="changed")
    assert refuse(sdk, "patch_authorization_role", role["id"], patch) == built_in
    assert refuse(sdk, "delete_authorization_role", role["id"]) == built_in
    assert authorization(sdk, "get_authorization_role", role["id"]).value == role


def test_nobody_widens_a_role_in_use_beyond_what_he_holds(sdk: Sdk, server: RunningServer) -> None:
    role = new_role(sdk, permissionPolicies=[VIEW])
    pair = {"roleId": role["id"], "divisionId": EVERY_DIVISION}
    make_client(server, roleDivisions=[pair])
    sdk.use_token(token_with(server, "authorization:role:*"))
    wider = [VIEW, policy("oauth:client:edit")]
    body = model("DomainOrganizationRoleUpdate", name=role["name"], permissionPolicies=wider)
    assert refuse(sdk, "put_authorization_role", role["id"], body) == LACKING
    patch = model("DomainOrganizationRole", permissionPolicies=wider)
    assert refuse(sdk, "patch_authorization_role", role["id"], patch) == LACKING
    assert authorization(sdk, "get_authorization_role", role["id"]).value == role
