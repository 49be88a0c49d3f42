"""Divisions, with both of the newest SDKs."""

from typing import Any

import pytest

from tests.compat.arrange import (
    UNKNOWN_ID,
    give,
    held,
    home_division,
    make_client,
    make_division,
    make_role,
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
from tests.compat.sdk import Document, Sdk, model
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat

VIEW = "oauth:client:view"
DIVISION = "authorization:division:"
CONFLICT = Refusal(409, "general.conflict", [])
NAME_TAKEN = Refusal(409, "general.conflict", ["name"])


def division(**fields: Any) -> Document:
    return model("AuthzDivision", **fields)


def new_division(sdk: Sdk, **fields: Any) -> Document:
    body = division(**{"name": unique("division"), **fields})
    value = authorization(sdk, "post_authorization_divisions", body).value
    assert isinstance(value, dict)
    return value


def ids(listing: Document) -> list[str]:
    return [entity["id"] for entity in listing["entities"]]


# -------------------------------------------------------------------------- one division


def test_home_division_is_the_one_of_the_list(sdk: Sdk) -> None:
    home = authorization(sdk, "get_authorization_divisions_home").value
    assert home["homeDivision"] is True
    assert home["name"]
    assert home["selfUri"] == f"/api/v2/authorization/divisions/{home['id']}"
    whole = authorization(sdk, "get_authorization_divisions").value
    assert (whole["pageSize"], whole["pageNumber"]) == (25, 1)
    assert whole["pageCount"] == -(-whole["total"] // 25)
    chosen = authorization(sdk, "get_authorization_divisions", name=home["name"]).value
    assert [item for item in chosen["entities"] if item["homeDivision"]] == [home]
    assert authorization(sdk, "get_authorization_division", home["id"]).value == home
    assert refuse(sdk, "get_authorization_division", UNKNOWN_ID) == NOT_FOUND


def test_a_division_is_created_read_and_replaced(sdk: Sdk) -> None:
    name = unique("North")
    answer = authorization(
        sdk, "post_authorization_divisions", division(name=name, description="cold")
    )
    made = answer.value
    assert answer.status == 200
    assert made == {
        "id": made["id"],
        "name": name,
        "description": "cold",
        "homeDivision": False,
        "selfUri": f"/api/v2/authorization/divisions/{made['id']}",
    }
    assert authorization(sdk, "get_authorization_division", made["id"]).value == made
    counted = authorization(sdk, "get_authorization_division", made["id"], object_count=True)
    assert counted.value == {**made, "objectCounts": {}}

    # What was read is put back, as a program does; a description that is left out goes.
    body = division(**{**counted.value, "name": unique("South")})
    changed = authorization(sdk, "put_authorization_division", made["id"], body).value
    assert changed == {**made, "name": body["fields"]["name"]}
    body = division(name=changed["name"])
    changed = authorization(sdk, "put_authorization_division", made["id"], body).value
    assert "description" not in changed
    assert authorization(sdk, "get_authorization_division", made["id"]).value == changed


def test_a_division_is_deleted_and_restored(sdk: Sdk) -> None:
    made = new_division(sdk, description="cold")
    assert_empty(authorization(sdk, "delete_authorization_division", made["id"]))
    assert refuse(sdk, "get_authorization_division", made["id"]) == NOT_FOUND
    assert refuse(sdk, "delete_authorization_division", made["id"]) == NOT_FOUND
    assert made["id"] in deleted(sdk)

    restored = authorization(sdk, "post_authorization_division_restore", made["id"], division())
    assert (restored.status, restored.value) == (200, made)
    assert made["id"] not in deleted(sdk)
    assert authorization(sdk, "get_authorization_division", made["id"]).value == made

    authorization(sdk, "delete_authorization_division", made["id"], force=False)
    body = division(name=unique("restored"))
    restored = authorization(sdk, "post_authorization_division_restore", made["id"], body)
    assert restored.value == {**made, "name": body["fields"]["name"]}
    assert refuse(sdk, "post_authorization_division_restore", made["id"], body) == CONFLICT


def deleted(sdk: Sdk) -> list[str]:
    """The ids of all deleted divisions, page by page."""
    found: list[str] = []
    number, count, total = 1, 1, 0
    while number <= count:
        page = authorization(
            sdk, "get_authorization_divisions_deleted", page_size=100, page_number=number
        ).value
        assert (page["pageSize"], page["pageNumber"]) == (100, number)
        found += ids(page)
        number, count, total = number + 1, page["pageCount"], page["total"]
    assert len(found) == total
    return found


def test_grants_keep_a_division_unless_it_is_forced(sdk: Sdk, server: RunningServer) -> None:
    made = new_division(sdk)
    client_id, role_id = make_client(server)["id"], make_role(server, VIEW)
    give(server, client_id, role_id, made["id"])

    page = authorization(sdk, "get_authorization_division_grants", made["id"]).value
    assert (page["pageSize"], page["pageNumber"], page["total"], page["pageCount"]) == (25, 1, 1, 1)
    (grant,) = page["entities"]
    assert (grant["subjectId"], grant["division"], grant["role"]["id"]) == (
        client_id,
        made,
        role_id,
    )
    assert grant["grantMadeAt"]
    (viewing,) = grant["role"]["policies"]
    assert viewing == {"domain": "oauth", "entityName": "client", "actions": ["view"]}

    method = "delete_authorization_division"
    assert refuse(sdk, method, made["id"]) == CONFLICT
    assert refuse(sdk, method, made["id"], force=False) == CONFLICT
    limited = token_with(server, f"{DIVISION}*")
    sdk.use_token(limited)
    assert refuse(sdk, method, made["id"], force=True) == LACKING
    sdk.use_token(server.token())
    assert_empty(authorization(sdk, method, made["id"], force=True))
    body = division(name=made["name"])
    authorization(sdk, "post_authorization_division_restore", made["id"], body)
    page = authorization(sdk, "get_authorization_division_grants", made["id"]).value
    assert (page["entities"], page["total"]) == ([], 0)
    assert (role_id, made["id"]) not in held(server, client_id)


def test_grants_of_a_division_are_paged(sdk: Sdk, server: RunningServer) -> None:
    division_id, client_id = make_division(server), make_client(server)["id"]
    roles = sorted(make_role(server, VIEW) for _ in range(3))
    for role_id in roles:
        give(server, client_id, role_id, division_id)
    seen = []
    for number, count in ((1, 2), (2, 1), (3, 0)):
        options = {"page_size": 2, "page_number": number}
        page = authorization(sdk, "get_authorization_division_grants", division_id, **options).value
        assert (page["pageSize"], page["pageNumber"], page["total"]) == (2, number, 3)
        assert (page["pageCount"], len(page["entities"])) == (2, count)
        seen += [grant["role"]["id"] for grant in page["entities"]]
    assert sorted(seen) == roles
    found = refuse(sdk, "get_authorization_division_grants", division_id, page_size=101)
    assert found == bad("pageSize")


def test_what_a_division_may_not_be(sdk: Sdk, server: RunningServer) -> None:
    made, other = new_division(sdk), new_division(sdk)
    home = home_division(server)
    taken = division(name=made["name"].upper())
    assert refuse(sdk, "post_authorization_divisions", taken) == NAME_TAKEN
    assert refuse(sdk, "put_authorization_division", other["id"], taken) == NAME_TAKEN
    authorization(sdk, "delete_authorization_division", other["id"])
    assert refuse(sdk, "post_authorization_division_restore", other["id"], taken) == NAME_TAKEN
    for body in (division(description="nameless"), division(name=" "), division(name="x" * 201)):
        assert refuse(sdk, "post_authorization_divisions", body) == bad("name")
        assert refuse(sdk, "put_authorization_division", made["id"], body) == bad("name")
    assert refuse(sdk, "delete_authorization_division", home) == (400, "bad.request", [])
    assert refuse(sdk, "get_authorization_division_grants", UNKNOWN_ID) == NOT_FOUND
    assert authorization(sdk, "get_authorization_division", made["id"]).value == made


# --------------------------------------------------------------------------------- lists


def test_divisions_are_listed_filtered_and_counted(sdk: Sdk) -> None:
    word = unique("listed").replace(" ", "-")
    made = [new_division(sdk, name=f"{word} {letter}") for letter in "bac"]
    by_name = [made[1], made[0], made[2]]
    method = "get_authorization_divisions"
    page = authorization(sdk, method, name=word.upper()).value
    assert page["entities"] == by_name
    assert (page["total"], page["pageCount"], page["pageNumber"]) == (3, 1, 1)
    first = authorization(sdk, method, name=word, page_size=2, sort_by="name").value
    assert (first["entities"], first["pageCount"]) == (by_name[:2], 2)
    assert "pageNumber=2" in first["nextUri"]
    second = authorization(sdk, method, name=word, page_size=2, page_number=2).value
    assert second["entities"] == by_name[2:]
    by_id = sorted(made, key=lambda each: str(each["id"]))
    assert authorization(sdk, method, name=word, sort_by="id").value["entities"] == by_id
    chosen = [made[0]["id"], made[2]["id"]]
    assert ids(authorization(sdk, method, id=chosen).value) == chosen
    counted = authorization(sdk, method, id=chosen[:1], object_count=True).value["entities"]
    assert counted == [{**made[0], "objectCounts": {}}]
    assert refuse(sdk, method, sort_by="colour") == bad("sortBy")
    assert refuse(sdk, method, page_size=501) == bad("pageSize")


def test_divisions_are_walked_by_cursor(sdk: Sdk) -> None:
    word = unique("walked").replace(" ", "-")
    made = sorted(new_division(sdk, name=f"{word} {letter}")["id"] for letter in "abcde")
    method = "get_authorization_divisions_query"
    # The SDKs have the size of a page as a text here.
    first = authorization(sdk, method, name=word, page_size="2").value
    assert (ids(first), "previousUri" in first) == (made[:2], False)
    assert first["nextUri"].startswith("/api/v2/authorization/divisions/query?")
    second = authorization(sdk, method, name=word, page_size="2", after=made[1]).value
    assert (ids(second), "nextUri" in second, "previousUri" in second) == (made[2:4], True, True)
    last = authorization(sdk, method, name=word, page_size="2", after=made[3]).value
    assert (ids(last), "nextUri" in last) == (made[4:], False)
    back = authorization(sdk, method, name=word, page_size="2", before=made[4]).value
    assert ids(back) == made[2:4]
    assert ids(authorization(sdk, method, id=made[1:3]).value) == made[1:3]
    assert refuse(sdk, method, after=made[0], before=made[4]) == bad("before")
    assert refuse(sdk, method, after="x") == bad("after")
    assert refuse(sdk, method, page_size="201") == bad("pageSize")


def test_the_limit_is_a_number(sdk: Sdk) -> None:
    answer = authorization(sdk, "get_authorization_divisions_limit")
    assert (answer.status, answer.value, answer.body) == (200, 1000, "1000")
