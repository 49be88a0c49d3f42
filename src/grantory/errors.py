"""The errors that reach a caller, and those that stop a start.

Two families are rendered for HTTP, each in one place (``grantory.http.errors``):
``OAuthError`` as RFC 6749 section 5.2 says, ``ApiError`` as the platform's error body.
``detail`` is for the log and never leaves the server.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class GrantoryError(Exception):
    """The root of every error that Grantory raises on purpose."""


class SetupError(GrantoryError):
    """The server or a command cannot start; the text tells a person what to do."""


class RefusalReason(StrEnum):
    """Why a token request was refused: one of a few words, by which refusals are counted."""

    MALFORMED = "malformed"
    NO_CREDENTIALS = "no_credentials"
    UNKNOWN_CLIENT = "unknown_client"
    """Is told by whoever counts; to a caller it looks like a wrong secret."""
    NOT_LOOKED_UP = "not_looked_up"
    """Likewise, where too many ids came at once to see whether they are clients'."""
    WRONG_SECRET = "wrong_secret"
    THROTTLED = "throttled"
    INACTIVE = "inactive"
    DISABLED = "disabled"
    TO_BE_DELETED = "to_be_deleted"
    UNKNOWN_GRANT_TYPE = "unknown_grant_type"
    OTHER_GRANT_TYPE = "other_grant_type"
    """Not the one that the client is registered for."""
    SCOPE = "scope"
    GRANT_TURNED_OFF = "grant_turned_off"
    """By a setting of the deployment."""
    CODE = "code"
    """An authorization code that is unknown, expired, or another's, or whose proof is wrong."""
    CODE_REUSED = "code_reused"
    REFRESH_TOKEN = "refresh_token"
    REFRESH_TOKEN_REUSED = "refresh_token_reused"
    BEARER_TOKEN = "bearer_token"
    """Asked with, at introspection, and not good."""
    WRONG_PASSWORD = "wrong_password"
    ASSERTION = "assertion"


class OAuthError(GrantoryError):
    """A refusal of one of OAuth's endpoints (RFC 6749 section 5.2).

    Args:
        error: the RFC's error code, such as ``invalid_client``.
        description: one sentence for the client's developer; holds no credential.
        status: the HTTP status.
        detail: what only the log may know.
        retry_after: whole seconds after which a repeat makes sense.
        challenge: whether the answer carries ``WWW-Authenticate: Basic``.
        reason: why, for counting.
        client_id: the client that it is about, in lower case; as long as there is no
            organisation, only what the caller says, to be shown to nobody.
        organization_id: the client's, where the client is known.
    """

    def __init__(
        self,
        error: str,
        description: str,
        *,
        status: int = 400,
        detail: str = "",
        retry_after: int | None = None,
        challenge: bool = False,
        reason: RefusalReason = RefusalReason.MALFORMED,
        client_id: str = "",
        organization_id: str = "",
    ) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.reason = reason
        self.client_id = client_id
        self.organization_id = organization_id
        self.description = description
        self.status = status
        self.detail = detail
        self.retry_after = retry_after
        self.challenge = challenge


class FieldProblem(NamedTuple):
    """One bad field of a request: its name as the caller wrote it, a code and a text."""

    field: str
    code: str
    message: str


class Limit(NamedTuple):
    """A limit that was exceeded, as the platform's error body tells it: its name and value."""

    key: str
    value: int


class ApiError(GrantoryError):
    """A refusal of the management API, in the platform's terms.

    Args:
        status: the HTTP status.
        code: the platform's error code, such as ``not.found``.
        message: one sentence for the caller.
        problems: one entry for each bad field.
        params: the values named in the message, by name.
        detail: what only the log may know.
        retry_after: whole seconds after which a repeat makes sense.
        headers: further response headers, such as ``Allow``.
        limit: the one that was exceeded, with 429.
        place: which part of a request is meant; what the caller is told begins with it.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        problems: tuple[FieldProblem, ...] = (),
        params: Mapping[str, str] | None = None,
        detail: str = "",
        retry_after: int | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        limit: Limit | None = None,
        place: str = "",
    ) -> None:
        super().__init__(f"{status} {code}: {place}{message}")
        self.status = status
        self.code = code
        self.message = message
        self.problems = problems
        self.params = dict(params or {})
        self.detail = detail
        self.retry_after = retry_after
        self.headers = headers
        self.limit = limit
        self.place = place


class StorageUnavailable(ApiError):
    """The store cannot answer now; nothing of the request was done (503).

    Args:
        detail: why, for the log.
        retry_after: whole seconds after which a repeat makes sense.
    """

    def __init__(self, detail: str, retry_after: int = 1) -> None:
        super().__init__(
            503,
            "service.unavailable",
            "The store is not available right now; nothing was changed. Try again.",
            detail=detail,
            retry_after=retry_after,
        )


class ListBeingMade(StorageUnavailable):
    """Very many clients of an organisation are not in its lists yet (503).

    Args:
        organization_id: whose lists.
        retry_after: whole seconds after which a repeat makes sense.
    """

    def __init__(self, organization_id: str, retry_after: int) -> None:
        super().__init__(
            f"the lists of organization {organization_id} are still being made, which servers"
            " do by themselves, and grantory db upgrade does faster",
            retry_after,
        )
        self.message = (
            "The lists of clients are still being made. Until then read clients one by one, or"
            " all of them without any parameter; or try again later."
        )


class OutcomeUnknown(ApiError):
    """The store went away while it was keeping a change: it may or may not hold (503).

    There is no ``Retry-After``: whoever repeats a create blindly could make it twice.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(
            503,
            "service.outcome.unknown",
            "The store went away while the change was being kept: it is not known whether the "
            "change was made. Look before you repeat it.",
            detail=detail,
        )


class Conflict(GrantoryError):
    """The store refused a write because a unique value is taken; nothing was changed."""


def invalid(*problems: FieldProblem, code: str | None = None) -> ApiError:
    """Builds the 400 that names each bad field.

    Args:
        problems: at least one.
        code: the code of the whole answer; by default that of the first problem.

    Returns:
        The error, to be raised.
    """
    first = problems[0]
    return ApiError(400, code or first.code, first.message, problems=problems)


def lacks_permission(permissions: tuple[str, ...]) -> ApiError:
    """Builds the 403 for a caller who holds none of the permissions that an operation asks for."""
    named = ", ".join(permissions)
    return ApiError(
        403,
        "missing.any.permissions",
        f"Unable to perform the requested action. You must have at least one of the "
        f"following permissions assigned: [{named}].",
        params={"permissions": named},
    )


def lacks_scope(scopes: tuple[str, ...]) -> ApiError:
    """Builds the 403 for a user's token that has none of the scopes that suffice.

    Args:
        scopes: the least first.
    """
    named = ", ".join(scopes)
    return ApiError(
        403,
        "not.authorized",
        f"The token lacks the scope {scopes[0]}. It must have at least one of: [{named}].",
        params={"scopes": named},
    )


def not_found(entity: str, entity_id: str) -> ApiError:
    """Builds the 404 for an entity that does not exist in the caller's organisation."""
    return ApiError(404, "not.found", f"The {entity} was not found.", params={"id": entity_id[:64]})
