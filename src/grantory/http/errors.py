"""The one place where errors become answers."""

from typing import Any, Final

import msgspec

from grantory.errors import ApiError, OAuthError
from grantory.http.response import JSON, NO_STORE, Headers, Response

REALM: Final = b"grantory"
FIELD_NAMES: Final = {
    "grant_type": "authorizedGrantType",
    "access_token_lifetime": "accessTokenValiditySeconds",
    "redirect_uris": "registeredRedirectUri",
    "scopes": "scope",
    "assignments": "roleDivisions",
    "role_ids": "roleIds",
    "delete_at": "dateToDelete",
    "policies": "permissionPolicies",
}
"""The platform's names of fields that the registry knows under OAuth's own."""


def api_error(error: ApiError, correlation_id: str) -> Response:
    """Renders an error in the platform's body (its ErrorBody model)."""
    details = []
    for problem in error.problems:
        field = FIELD_NAMES.get(problem.field, problem.field)
        text = f"{field} {problem.message}"
        details.append({"errorCode": problem.code, "fieldName": field, "message": text})
    message = str(details[0]["message"]) + "." if details else error.message
    body: dict[str, Any] = {
        "message": message,
        "code": error.code,
        "status": error.status,
        "messageParams": error.params,
        "contextId": correlation_id,
        "details": details,
        "errors": [],
    }
    headers: list[tuple[bytes, bytes]] = [JSON, NO_STORE]
    if error.retry_after is not None:
        headers.append((b"retry-after", str(error.retry_after).encode()))
    headers += [(name.lower().encode(), value.encode()) for name, value in error.headers]
    response = Response(error.status, msgspec.json.encode(body), tuple(headers))
    response.error_code = error.code
    response.detail = error.detail
    return response


def oauth_error(error: OAuthError) -> Response:
    """Renders an error as RFC 6749 section 5.2 says, with ``description`` for older clients."""
    body = {
        "error": error.error,
        "description": error.description,
        "error_description": error.description,
    }
    headers: Headers = (JSON, NO_STORE)
    if error.challenge:
        headers += ((b"www-authenticate", b'Basic realm="' + REALM + b'", charset="UTF-8"'),)
    if error.retry_after is not None:
        headers += ((b"retry-after", str(error.retry_after).encode()),)
    response = Response(error.status, msgspec.json.encode(body), headers)
    response.error_code = error.error
    response.detail = error.detail or error.description
    return response


def unauthenticated(*, presented: bool, detail: str = "") -> ApiError:
    """Builds the 401 for a missing token or for one that is not good (RFC 6750 section 3)."""
    if not presented:
        return ApiError(
            401,
            "authentication.required",
            "No bearer token was sent in the Authorization header.",
            headers=(("www-authenticate", f'Bearer realm="{REALM.decode()}"'),),
        )
    return ApiError(
        401,
        "bad.credentials",
        "The bearer token is not valid, or is no longer valid.",
        headers=(("www-authenticate", f'Bearer realm="{REALM.decode()}", error="invalid_token"'),),
        detail=detail,
    )
