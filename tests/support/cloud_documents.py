"""What the vendor's cloud answers, in the shapes of its published models."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

ROLE = "00000000-0000-4000-8000-00000000000a"
HOME = "00000000-0000-4000-8000-00000000000b"
NIGHTLY = "11111111-1111-4111-8111-111111111111"
PORTAL = "22222222-2222-4222-8222-222222222222"
OLD = "33333333-3333-4333-8333-333333333333"
MADE = "44444444-4444-4444-8444-444444444444"
ADA = "55555555-5555-4555-8555-555555555555"
SECRET = "Zm9yIHRlc3RzIGFsb25lLCBub3Qgc2VjcmV0IGF0IGFsbA"
CORRELATION = "6d1f9bd5-5b1a-4c8f-9f3e-000000000001"
ORGANIZATION = {"id": "66666666-6666-4666-8666-666666666666", "name": "Example"}
_BORN = "2021-03-04T05:06:07.000Z"
_CHANGED = "2024-01-02T03:04:05.000Z"


def reference(user_id: str) -> dict[str, Any]:
    """The vendor's DomainEntityRef of a user."""
    return {"id": user_id, "selfUri": f"/api/v2/users/{user_id}"}


def client(client_id: str, name: str, grant: str, state: str, **more: Any) -> dict[str, Any]:
    """An OAuthClient."""
    return {
        "id": client_id,
        "name": name,
        "accessTokenValiditySeconds": 86400,
        "dateCreated": _BORN,
        "dateModified": _CHANGED,
        "createdBy": reference(ADA),
        "modifiedBy": reference(ADA),
        "authorizedGrantType": grant,
        "state": state,
        **more,
        "selfUri": f"/api/v2/oauth/clients/{client_id}",
    }


def role(role_id: str, name: str, **more: Any) -> dict[str, Any]:
    """A DomainOrganizationRole."""
    told = {"permissions": [], "permissionPolicies": [], "userCount": 0, "roleNeedsUpdate": False}
    told |= {"default": False, "base": False, **more}
    path = f"/api/v2/authorization/roles/{role_id}"
    return {"id": role_id, "name": name, **told, "selfUri": path}


def without_policies(found: dict[str, Any]) -> dict[str, Any]:
    """A role as lists may have it: what it allows is told by the role itself."""
    return {name: value for name, value in found.items() if name != "permissionPolicies"}


def division(division_id: str, name: str, **more: Any) -> dict[str, Any]:
    """An AuthzDivision."""
    told = {"description": "", "homeDivision": False, **more}
    path = f"/api/v2/authorization/divisions/{division_id}"
    return {"id": division_id, "name": name, **told, "selfUri": path}


def user(user_id: str, name: str, email: str, **more: Any) -> dict[str, Any]:
    """A User."""
    return {
        "id": user_id,
        "name": name,
        "division": {
            "id": HOME,
            "name": "Home",
            "selfUri": f"/api/v2/authorization/divisions/{HOME}",
        },
        "chat": {"jabberId": f"{user_id[:8]}@example.orgspan.com"},
        "email": email,
        "primaryContactInfo": [{"address": email, "mediaType": "EMAIL", "type": "PRIMARY"}],
        "addresses": [],
        "state": "active",
        "username": email,
        "version": 1,
        "acdAutoAnswer": False,
        **more,
        "selfUri": f"/api/v2/users/{user_id}",
    }


def authorization(of: dict[str, Any], scope: list[str]) -> dict[str, Any]:
    """An OAuthAuthorization of a client."""
    return {
        "client": of,
        "scope": scope,
        "roles": [],
        "dateCreated": _BORN,
        "dateModified": _CHANGED,
        "createdBy": reference(ADA),
        "modifiedBy": reference(ADA),
        "pending": False,
        "state": "Authorized",
        "selfUri": f"/api/v2/oauth/authorizations/{of['id']}",
    }


def grant(subject_id: str, of: dict[str, Any], where: dict[str, Any]) -> dict[str, Any]:
    """An AuthzGrant: a role that somebody holds in a division."""
    told = {name: of.get(name) for name in ("id", "name", "description", "default", "selfUri")}
    return {
        "subjectId": subject_id,
        "division": where,
        "role": {**told, "policies": []},
        "grantMadeAt": _CHANGED,
    }


def subject(subject_id: str, name: str, grants: list[dict[str, Any]]) -> dict[str, Any]:
    """An AuthzSubject."""
    path = f"/api/v2/authorization/subjects/{subject_id}"
    return {"id": subject_id, "name": name, "grants": grants, "version": 1, "selfUri": path}


def token_info(of: dict[str, Any]) -> dict[str, Any]:
    """The TokenInfo of a client's token."""
    own = {"id": of["id"], "name": of["name"], "organization": ORGANIZATION}
    return {"organization": ORGANIZATION, "homeOrganization": ORGANIZATION, "OAuthClient": own}


def error(status: int, code: str, message: str, **more: Any) -> tuple[int, Any]:
    """An ErrorBody."""
    return status, {
        "message": message,
        "code": code,
        "status": status,
        "messageParams": {},
        "contextId": CORRELATION,
        "details": [],
        "errors": [],
        **more,
    }


def unknown(what: str) -> tuple[int, Any]:
    """The ErrorBody about something that is not there."""
    return error(404, "not.found", f"Unable to find a {what} with that id")


def listing(entities: list[dict[str, Any]], asked: str, size: int | None = None) -> dict[str, Any]:
    """A page of an entity listing.

    Args:
        entities: all that there are.
        asked: path and query of the request, which may say ``pageSize`` and ``pageNumber``.
        size: how many a page holds, whatever the query says; 0 for all of them.
    """
    path, query = urlsplit(asked).path, parse_qs(urlsplit(asked).query)
    number = int(query.get("pageNumber", ["1"])[0])
    wanted = int(query.get("pageSize", ["25"])[0])
    held = wanted if size is None else size or max(len(entities), 1)
    shown = 25 if size == 0 else held
    count = max(1, -(-len(entities) // held))
    page = f"{path}?pageSize={shown}&pageNumber="
    made = {
        "entities": entities[(number - 1) * held : number * held],
        "pageSize": shown,
        "pageNumber": number,
        "total": len(entities),
        "firstUri": f"{page}1",
        "lastUri": f"{page}{count}",
        "selfUri": f"{page}{number}",
        "pageCount": count,
    }
    if number < count:
        made["nextUri"] = f"{page}{number + 1}"
    if number > 1:
        made["previousUri"] = f"{page}{number - 1}"
    return made


def whole_list(entities: list[dict[str, Any]], path: str) -> dict[str, Any]:
    """A listing that is never paged: of authorizations and of scopes."""
    return {"total": len(entities), "entities": entities, "selfUri": path}
