"""The bodies of the operations that make and replace what a plan changes."""

from typing import Any, Final

from grantory.cli.plans.entries import Found, Kind
from grantory_sdk import RoleDivision
from grantory_sdk.client_fields import body_of, changed_body

_CLIENT_NAMES: Final = {
    "name": "name",
    "grant_type": "authorized_grant_type",
    "description": "description",
    "token_seconds": "access_token_validity_seconds",
    "redirect_uris": "registered_redirect_uri",
    "scopes": "scope",
    "state": "state",
    "access_token_format": "access_token_format",
    "delete_at": "date_to_delete",
    "roles": "role_divisions",
}
_POLICY_NAMES: Final = {
    "domain": "domain",
    "entity": "entityName",
    "actions": "actionSet",
    "name": "policyName",
    "description": "policyDescription",
    "named_resources": "namedResources",
    "allow_conditions": "allowConditions",
    "resource_condition_node": "resourceConditionNode",
}
_KEPT: Final[dict[Kind, tuple[str, ...]]] = {
    "division": ("name", "description"),
    "role": ("name", "description", "defaultRoleId", "permissions", "permissionPolicies"),
}


def body_of_new(kind: Kind, name: str, fields: dict[str, Any]) -> dict[str, Any]:
    """The body that makes something.

    Args:
        kind: what.
        name: its name.
        fields: those that it is to have, with roles by ids.
    """
    if kind == "client":
        return body_of(_client_fields({"name": name, **fields}))
    return {"name": name, **_plain_fields(fields)}


def body_of_old(found: Found, fields: dict[str, Any]) -> dict[str, Any]:
    """The body that changes some fields and keeps the rest, since servers replace the whole.

    Args:
        found: what is there.
        fields: those that are to change, with roles by ids.
    """
    if found.kind == "client":
        return changed_body(found.document, _client_fields(fields))
    kept = {name: found.document.get(name) for name in _KEPT[found.kind]}
    changed = {**kept, **_plain_fields(fields)}
    return {name: value for name, value in changed.items() if value not in (None, "")}


def _client_fields(fields: dict[str, Any]) -> dict[str, Any]:
    """The arguments of the SDK; what says nothing removes what there is."""
    given = dict(fields)
    if "roles" in given:
        given["roles"] = [RoleDivision(each.role, each.division) for each in given["roles"]]
    return {
        _CLIENT_NAMES[name]: None if value in ("", ()) else value for name, value in given.items()
    }


def _plain_fields(fields: dict[str, Any]) -> dict[str, Any]:
    body = {}
    for name, value in fields.items():
        if name == "policies":
            body["permissionPolicies"] = [
                {_POLICY_NAMES[each]: _listed(text) for each, text in policy.items()}
                for policy in value
            ]
        else:
            body[name] = _listed(value)
    return body


def _listed(value: Any) -> Any:
    return [*value] if isinstance(value, tuple) else value
