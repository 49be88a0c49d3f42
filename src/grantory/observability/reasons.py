"""The fixed words that label what was answered and what was refused."""

from typing import Final

from grantory.errors import RefusalReason

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OTHER: Final = "other"
"""Stands for whatever is not listed here: nobody who sends requests makes a label."""
ISSUED: Final = "issued"
OVERLOADED: Final = "overloaded"
"""Refused early, where ``service.unavailable`` is the store's (docs/adr/0009)."""

STATUSES: Final = (
    *(200, 201, 202, 204, 206, 301, 302, 303, 304, 307),
    *(400, 401, 403, 404, 405, 406, 408, 409, 410, 412, 413, 414, 415, 422, 429, 431),
    *(500, 501, 502, 503, 504),
)
TOKEN_REASONS: Final = tuple(
    reason.value
    for reason in RefusalReason
    # Only the store knows these two apart from a wrong secret, and nobody is to be told in time.
    if reason.value not in ("unknown_client", "not_looked_up")
)
OAUTH_REASONS: Final = (
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
)
LOGIN_REASONS: Final = (
    "access_denied",
    "astray",
    "consent_required",
    "foreign_form",
    "login.refused",
    "login.throttled",
    "login_required",
    "unsupported_response_type",
)
"""Of the pages, and of what an application is told through the browser."""
REASONS: Final = (
    *OAUTH_REASONS,
    *LOGIN_REASONS,
    "auth.too.many.divisions",
    "authentication.required",
    "bad.credentials",
    "bad.grant.type",
    "bad.request",
    "broken.off",
    "cannot.delete.client",
    "general.conflict",
    "grant.type.required",
    "internal.server.error",
    "invalid_token",
    "invalid.date",
    "invalid.value",
    "method.not.allowed",
    "metrics.not.allowed",
    "missing.any.permissions",
    "missing.client.roles",
    "missing.permissions",
    "not.a.user",
    "not.authorized",
    "not.found",
    "request.entity.too.large",
    "request.header.too.large",
    "request.timeout",
    "service.outcome.unknown",
    "service.unavailable",
    "too.many.requests",
    "unsupported.media.type",
    OVERLOADED,
)
