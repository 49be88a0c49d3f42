"""What can go wrong: one class for each status that people tell apart, and for no answer at all."""

from collections.abc import Mapping

from grantory_sdk.models.base import Model


class ErrorDetail(Model):
    """What is wrong with one field of a request."""

    error_code: str = ""
    field_name: str = ""
    entity_id: str | None = None
    entity_name: str | None = None


class GrantoryError(Exception):
    """The root of everything that this library raises on purpose."""


class ConfigurationError(GrantoryError):
    """An argument, a variable or a profile is missing or wrong; the text says which."""


class LoginFailed(GrantoryError):
    """Somebody did not log in: they refused, or did not come back in time."""


class ConnectionFailed(GrantoryError):
    """No answer came: the server cannot be reached, or hung up.

    After anything but a read it is not known whether the server did what it was asked for.
    """


class TimedOut(ConnectionFailed):
    """No answer came in time."""


class UnreadableAnswer(GrantoryError):
    """An answer came that is none of the API's."""

    def __init__(self, message: str, *, status: int = 0, correlation_id: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.correlation_id = correlation_id


class ApiError(GrantoryError):
    """The server refused, or failed.

    Attributes:
        status: the HTTP status.
        code: the platform's error code, such as ``not.found``; empty where there is none.
        message: one sentence for people.
        details: one entry for each bad field.
        correlation_id: by which the server's log knows the request.
        retry_after: seconds after which a repeat makes sense, where the server said so.
        body: the body of the answer as text.
        headers: the headers of the answer by name, in any case.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        code: str = "",
        details: tuple[ErrorDetail, ...] = (),
        correlation_id: str = "",
        retry_after: float | None = None,
        body: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.correlation_id = correlation_id
        self.retry_after = retry_after
        self.body = body
        self.headers: Mapping[str, str] = {} if headers is None else headers

    def __str__(self) -> str:
        start = f"{self.status} {self.code}" if self.code else str(self.status)
        end = f" (correlation id {self.correlation_id})" if self.correlation_id else ""
        return f"{start}: {self.message}{end}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class BadRequest(ApiError):
    """400: the request is wrong; ``details`` names the fields."""


class Unauthorized(ApiError):
    """401: there was no token, or it is not good, or no longer."""


class Forbidden(ApiError):
    """403: the token is good, and lacks a permission or a scope."""


class NotFound(ApiError):
    """404: there is no such thing in the caller's organisation."""


class RequestTimeout(ApiError):
    """408: the server waited too long for the request."""


class Conflict(ApiError):
    """409: something else stands in the way, such as a name that is taken."""


class TooManyRequests(ApiError):
    """429: too many requests; ``retry_after`` says when to come again."""


class ServerError(ApiError):
    """5xx: the server failed."""


class ServiceUnavailable(ServerError):
    """503: the server cannot answer now."""


class OutcomeUnknown(ServiceUnavailable):
    """503 ``service.outcome.unknown``: the change may or may not have been made."""


class GatewayTimeout(ServerError):
    """504: what stands before the server, or behind it, waited too long."""


class TokenRefused(ApiError):
    """The token endpoint gave no token; ``code`` is OAuth's, such as ``invalid_client``."""
