"""From what a server answers to the fields of a file."""

from collections.abc import Generator
from typing import Any

from grantory.cli.plans.entries import MACHINE, Found, Held, Kind, grant_type_of
from grantory.cli.plans.field_readers import (
    Refused,
    read_date,
    told_policy,
    without_nulls,
)
from grantory_sdk import Listing, capture_answers
from grantory_sdk.models import Page

OPAQUE = "OPAQUE"


def documents(
    listing: Listing[Any],
) -> Generator[tuple[Page[Any], list[dict[str, Any]]], None, None]:
    """Reads a list page by page: each as the SDK reads it, and its entities as they came."""
    pages = listing.pages()
    while True:
        with capture_answers() as answers:
            page = next(pages, None)
        if page is None:
            return
        yield page, answers[-1].json().get("entities") or []


def found_of(kind: Kind, document: dict[str, Any]) -> Found:
    """Reads an entity."""
    reader = {"division": _division, "role": _role, "client": _client}[kind]
    return Found(
        kind=kind,
        id=str(document.get("id", "")),
        name=str(document.get("name", "")),
        document=document,
        fields=reader(document),
    )


def _division(document: dict[str, Any]) -> dict[str, Any]:
    return {"description": document.get("description") or ""}


def _role(document: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": document.get("description") or "",
        "permissions": tuple(document.get("permissions") or ()),
        "policies": tuple(map(_policy, document.get("permissionPolicies") or ())),
    }


def _policy(policy: dict[str, Any]) -> dict[str, Any]:
    return told_policy(
        {
            "domain": policy.get("domain") or "",
            "entity": policy.get("entityName") or "",
            "actions": tuple(policy.get("actionSet") or ()),
            "name": policy.get("policyName") or "",
            "description": policy.get("policyDescription") or "",
            "named_resources": tuple(policy.get("namedResources") or ()),
            "allow_conditions": bool(policy.get("allowConditions")),
            "resource_condition_node": without_nulls(policy.get("resourceConditionNode") or {}),
        }
    )


def _client(document: dict[str, Any]) -> dict[str, Any]:
    return {
        "grant_type": grant_type_of(document.get("authorizedGrantType") or MACHINE),
        "description": document.get("description") or "",
        "token_seconds": document.get("accessTokenValiditySeconds"),
        "redirect_uris": tuple(document.get("registeredRedirectUri") or ()),
        "scopes": tuple(document.get("scope") or ()),
        "state": (document.get("state") or "active").lower(),
        "access_token_format": document.get("accessTokenFormat") or OPAQUE,
        "delete_at": _date(document.get("dateToDelete")),
        "roles": _roles(document),
    }


def _roles(document: dict[str, Any]) -> tuple[Held, ...]:
    """The roles by id; a server that tells them without divisions means everywhere."""
    pairs = document.get("roleDivisions")
    if pairs:
        return tuple(Held(each["roleId"], each["divisionId"]) for each in pairs)
    return tuple(Held(role_id, "*") for role_id in document.get("roleIds") or ())


def _date(text: Any) -> str:
    try:
        return read_date(text or "")
    except Refused:
        return str(text)
