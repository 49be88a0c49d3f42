"""The one place where errors become answers."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from grantory.errors import ApiError, OAuthError
from grantory.http.early_answers import oauth_body
from grantory.http.response import JSON, NO_STORE, OAUTH_HEADERS, Headers, Response

REALM: Final = b"grantory"
FIELD_NAMES: Final = {
    "grant_type": "authorizedGrantType",
    "access_token_lifetime": "accessTokenValiditySeconds",
    "email_attribute": "emailAttribute",
    "issuer": "issuerURI",
    "redirect_uris": "registeredRedirectUri",
    "scopes": "scope",
    "assignments": "roleDivisions",
    "role_ids": "roleIds",
    "delete_at": "dateToDelete",
    "jwt_algorithm": "accessTokenFormat",
    "policies": "permissionPolicies",
    "subject_kind": "subjectType",
    "subject_id": "subjectId",
    "subject_ids": "subjectIds",
    "division_id": "divisionId",
    "division_ids": "divisionIds",
    "old_password": "oldPassword",
    "new_password": "newPassword",
}
"""The platform's names of fields that the registry knows under OAuth's own."""
LIMIT_NAMESPACE: Final = "auth.api"
"""The platform's name of the service whose limits these are."""
_OAUTH_CODES: Final = {500: "server_error", 503: "temporarily_unavailable"}


def api_error(error: ApiError, correlation_id: str) -> Response:
    """Renders an error in the platform's body (its ErrorBody model)."""
    named = [(FIELD_NAMES.get(problem.field, problem.field), problem) for problem in error.problems]
    details = [{"errorCode": problem.code, "fieldName": field} for field, problem in named]
    sentences = dict.fromkeys(f"{field} {problem.message}" for field, problem in named)
    body: dict[str, Any] = {
        "message": error.place + ("; ".join(sentences) + "." if sentences else error.message),
        "code": error.code,
        "status": error.status,
        "messageParams": error.params,
        "contextId": correlation_id,
        "details": details,
        "errors": [],
    }
    if error.limit is not None:
        key, value = error.limit
        body["limit"] = {"key": key, "namespace": LIMIT_NAMESPACE, "value": value}
    headers: list[tuple[bytes, bytes]] = [JSON, NO_STORE]
    if error.retry_after is not None:
        headers.append((b"retry-after", str(error.retry_after).encode()))
    headers += [(name.lower().encode(), value.encode()) for name, value in error.headers]
    response = Response(error.status, msgspec.json.encode(body), tuple(headers))
    response.error_code = error.code
    response.detail = error.detail
    return response


def within(error: ApiError, place: str, name: Callable[[str], str]) -> ApiError:
    """Gives the refusal of a part of a request as one of the whole.

    Args:
        error: the refusal, as if the part had come by itself.
        place: says which part it is, for people.
        name: makes the name of a field of the whole from the platform's name of one of the part.
    """
    problems = tuple(
        problem._replace(field=name(FIELD_NAMES.get(problem.field, problem.field)))
        for problem in error.problems
    )
    return ApiError(
        error.status,
        error.code,
        error.message,
        problems=problems,
        params=error.params,
        detail=error.detail,
        retry_after=error.retry_after,
        headers=error.headers,
        limit=error.limit,
        place=place,
    )


def oauth_error(error: OAuthError) -> Response:
    """Renders an error as RFC 6749 section 5.2 says, with ``description`` for older clients."""
    body = oauth_body(error.error, error.description)
    headers: Headers = OAUTH_HEADERS
    if error.challenge:
        headers += ((b"www-authenticate", b'Basic realm="' + REALM + b'", charset="UTF-8"'),)
    if error.retry_after is not None:
        headers += ((b"retry-after", str(error.retry_after).encode()),)
    response = Response(error.status, msgspec.json.encode(body), headers)
    response.error_code = error.error
    response.detail = error.detail or error.description
    return response


def api_error_on_oauth(error: ApiError) -> Response:
    """Renders an error of the server's own (no such address, store away) for ``/oauth/*``."""
    code = _OAUTH_CODES.get(error.status, "invalid_request")
    described = OAuthError(
        code,
        error.message,
        status=error.status,
        detail=error.detail,
        retry_after=error.retry_after,
    )
    response = oauth_error(described)
    extra = tuple((name.lower().encode(), value.encode()) for name, value in error.headers)
    response.headers += extra
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
