"""The six operations, as a caller of the HTTP API sees them."""

from typing import Any

import pytest

from tests.support.world import CLIENTS, World


async def test_create_answers_200_with_the_secret_and_get_without_it(world: World) -> None:
    role_id = await world.admin.make_role("oauth:client:view")
    body = {
        "name": "nightly export",
        "description": "reads",
        "authorizedGrantType": "client_credentials",
        "accessTokenValiditySeconds": 600,
        "roleIds": [role_id],
    }
    answer = await world.admin.call("POST", CLIENTS, body)
    assert answer.status_code == 200
    created = answer.json()
    assert created["secret"].startswith("gcs_")
    assert created["authorizedGrantType"] == "CLIENT-CREDENTIALS"
    assert created["createdBy"]["id"] == world.admin.client_id
    home = (await world.admin.get("/api/v2/authorization/divisions/home"))["id"]
    assert created["roleDivisions"] == [{"roleId": role_id, "divisionId": home}]
    read = await world.admin.get(f"{CLIENTS}/{created['id']}")
    assert read == {key: value for key, value in created.items() if key != "secret"}


@pytest.mark.parametrize(
    ("body", "code", "fields"),
    [
        ({}, "invalid.value", ["name", "authorizedGrantType"]),
        ({"name": "a"}, "grant.type.required", ["authorizedGrantType"]),
        ({"name": "a", "authorizedGrantType": "NONE"}, "bad.grant.type", ["authorizedGrantType"]),
        (
            {"name": "a", "authorizedGrantType": "CLIENT-CREDENTIALS"},
            "missing.client.roles",
            ["roleDivisions"],
        ),
        (
            {"name": 5, "authorizedGrantType": "CODE", "scope": "x", "state": "gone"},
            "invalid.value",
            ["name", "scope", "state"],
        ),
    ],
)
async def test_bad_bodies_name_every_bad_field(
    world: World, body: dict[str, Any], code: str, fields: list[str]
) -> None:
    answer = await world.admin.call("POST", CLIENTS, body)
    assert answer.status_code == 400
    error = answer.json()
    assert error["code"] == code
    assert [detail["fieldName"] for detail in error["details"]] == fields
    assert error["contextId"] == answer.headers["ININ-Correlation-Id"]
    assert (await world.admin.get(CLIENTS))["total"] == 1
