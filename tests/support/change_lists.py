"""Lists of changes, for tests of ``/api/v2/grantory/changes``."""

from collections import Counter
from typing import Any, Final

import httpx2 as httpx

from tests.support.world import Member, World

CHANGES: Final = "/api/v2/grantory/changes"
DIVISIONS: Final = "/api/v2/authorization/divisions"
Change = dict[str, Any]


def division(name: str, **fields: Any) -> Change:
    """Makes a division."""
    return {"operation": "postAuthorizationDivisions", "body": {"name": name}, **fields}


def role(name: str, *permissions: str, **fields: Any) -> Change:
    """Makes a role with permissions ``domain:entity:action``."""
    policies = [
        {"domain": domain, "entityName": entity, "actionSet": [action]}
        for domain, entity, action in (text.split(":") for text in permissions)
    ]
    body = {"name": name, "permissionPolicies": policies}
    return {"operation": "postAuthorizationRoles", "body": body, **fields}


def machine(name: str, *pairs: tuple[str, str]) -> dict[str, Any]:
    """The body of a client that holds roles in divisions."""
    return {
        "name": name,
        "authorizedGrantType": "CLIENT-CREDENTIALS",
        "roleDivisions": [{"roleId": held, "divisionId": where} for held, where in pairs],
    }


def client(name: str, *pairs: tuple[str, str], **fields: Any) -> Change:
    """Makes a client that holds roles in divisions."""
    return {"operation": "postOauthClients", "body": machine(name, *pairs), **fields}


async def send(member: Member, *changes: Change, query: str = "") -> httpx.Response:
    """Asks for a list of changes."""
    return await member.call("POST", CHANGES + query, {"changes": [*changes]})


async def made(member: Member, *changes: Change) -> list[dict[str, Any]]:
    """What became of the changes of a list that must succeed."""
    answer = await send(member, *changes)
    assert answer.status_code == 200, answer.text
    document = answer.json()
    assert document["applied"] is True
    found: list[dict[str, Any]] = document["changes"]
    assert [each["operation"] for each in found] == [each["operation"] for each in changes]
    return found


async def contents(world: World) -> dict[str, Counter[str]]:
    """Every row that a change of the API's makes."""
    tables = ("clients", "client_secrets", "roles", "role_policies", "divisions", "grants")
    found = {}
    for table in (*tables, "audit_events", "changes"):
        rows = await world.rows(f'SELECT * FROM "{table}"')
        found[table] = Counter(map(repr, rows))
    return found
