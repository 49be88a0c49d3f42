"""The list of clients, chosen and in pages: the SDKs pass this by their generic call alone."""

from typing import Any

import pytest

from tests.compat.arrange import make_client, make_code_client, unique
from tests.compat.sdk import Answer, RefusedError, Sdk, assert_platform_error
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat


def listed(sdk: Sdk, **query: Any) -> Answer:
    kind = "OAuthClientEntityListing"
    return sdk.request("GET", "/api/v2/oauth/clients", query=query, kind=kind)


def ids(answer: Answer) -> list[str]:
    assert answer.status == 200
    return [client["id"] for client in answer.value["entities"]]


def test_clients_are_chosen_and_sorted(sdk: Sdk, server: RunningServer) -> None:
    word = unique("filter").replace(" ", "-")
    machine = make_client(server, name=f"{word} b")["id"]
    code = make_code_client(server, name=f"{word} c")["id"]
    inactive = make_code_client(server, name=f"{word} a", state="inactive")["id"]

    answer = listed(sdk, name=word.upper())
    assert ids(answer) == [machine, code, inactive]  # in the order in which they were made
    assert (answer.value["total"], answer.value["pageCount"]) == (3, 1)
    assert ids(listed(sdk, name=word, authorizedGrantType="CODE")) == [code, inactive]
    grant_type = {"authorizedGrantType": "CLIENT-CREDENTIALS"}
    assert ids(listed(sdk, name=word, **grant_type)) == [machine]
    assert ids(listed(sdk, name=word, state="inactive")) == [inactive]
    assert ids(listed(sdk, name=word, sortBy="name")) == [inactive, machine, code]
    descending = listed(sdk, name=word, sortBy="name", sortOrder="DESC")
    assert ids(descending) == [code, machine, inactive]
    assert ids(listed(sdk, name=f"{word} nothing")) == []


def test_clients_come_in_pages(sdk: Sdk, server: RunningServer) -> None:
    word = unique("pages").replace(" ", "-")
    made = [make_code_client(server, name=f"{word} {n}")["id"] for n in range(3)]
    first = listed(sdk, name=word, pageSize=2, pageNumber=1)
    assert ids(first) == made[:2]
    page = first.value
    assert (page["pageSize"], page["pageNumber"], page["total"], page["pageCount"]) == (2, 1, 3, 2)
    assert "pageNumber=2" in page["nextUri"]
    assert ids(listed(sdk, name=word, pageSize=2, pageNumber=2)) == made[2:]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("authorizedGrantType", "DEVICE"),
        ("state", "deleted"),
        ("sortBy", "secret"),
        ("sortOrder", "sideways"),
        ("pageSize", 501),
        ("pageNumber", 0),
    ],
)
def test_a_bad_parameter_is_named(sdk: Sdk, name: str, value: str | int) -> None:
    with pytest.raises(RefusedError) as refused:
        listed(sdk, **{name: value})
    assert_platform_error(refused.value, 400, "invalid.value")
    assert refused.value.fields == [name]
