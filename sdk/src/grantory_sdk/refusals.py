"""From an answer that is no success to the error that tells of it."""

from typing import Final

import msgspec

from grantory_sdk import errors
from grantory_sdk.answers import Answer
from grantory_sdk.retries import retry_after

_MOST_SHOWN: Final = 300
_BY_STATUS: Final[dict[int, type[errors.ApiError]]] = {
    400: errors.BadRequest,
    401: errors.Unauthorized,
    403: errors.Forbidden,
    404: errors.NotFound,
    408: errors.RequestTimeout,
    409: errors.Conflict,
    429: errors.TooManyRequests,
    503: errors.ServiceUnavailable,
    504: errors.GatewayTimeout,
}
_OUTCOME_UNKNOWN: Final = "service.outcome.unknown"


class _Body(msgspec.Struct, rename="camel"):
    """The platform's ErrorBody and OAuth's error, of which one is there."""

    message: str | None = None
    code: str | None = None
    context_id: str | None = None
    details: list[errors.ErrorDetail] | None = None
    error: str | None = None
    description: str | None = None
    error_description: str | None = msgspec.field(name="error_description", default=None)


def error_of(answer: Answer, now: float, *, login_side: bool = False) -> errors.ApiError:
    """Makes the error of an answer.

    Args:
        answer: one that is no success.
        now: seconds since 1970 (UTC), to which a date in ``Retry-After`` is related.
        login_side: whether it is an answer of ``/oauth/*``.
    """
    body = _read(answer.content)
    code = body.code or body.error or ""
    text = body.message or body.error_description or body.description or _first_line(answer)
    return _kind(answer.status, code, login_side=login_side)(
        text,
        status=answer.status,
        code=code,
        details=tuple(body.details or ()),
        correlation_id=answer.correlation_id or body.context_id or "",
        retry_after=retry_after(answer, now),
        body=answer.content.decode("utf-8", "replace"),
        headers=answer.headers,
    )


def _kind(status: int, code: str, *, login_side: bool) -> type[errors.ApiError]:
    if code == _OUTCOME_UNKNOWN:
        return errors.OutcomeUnknown
    if login_side and 400 <= status < 500 and status not in (408, 429):
        return errors.TokenRefused
    if status >= 500:
        return _BY_STATUS.get(status, errors.ServerError)
    return _BY_STATUS.get(status, errors.ApiError)


def _read(content: bytes) -> _Body:
    try:
        return msgspec.json.decode(content, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Body()


def _first_line(answer: Answer) -> str:
    """What a gateway says that is not the server."""
    text = answer.content.decode("utf-8", "replace").strip()
    if not text or text.startswith("<"):
        return f"The answer to {answer.method} {answer.url} has no text that could be shown."
    return text.splitlines()[0][:_MOST_SHOWN]
