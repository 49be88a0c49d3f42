"""What is tried again, and after which pause: decided here, waited for elsewhere."""

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Final

from grantory_sdk.answers import Answer
from grantory_sdk.errors import ApiError, ConnectionFailed, GrantoryError

FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 8.0
LONGEST_RETRY_AFTER: Final = 120.0
"""What asks for more, in seconds, is told to the caller instead."""
READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_NOTHING_DONE: Final = frozenset({"service.unavailable", "temporarily_unavailable"})
_RATE_LIMITED: Final = "rate limit exceeded;"


def may_repeat(method: str, error: GrantoryError) -> bool:
    """Whether a request may be made again after it failed.

    A read may after no answer, 408, 429 and 5xx. Everything else may only where it is sure that
    nothing was done: after 429, and after a 503 that says so by its code and ``Retry-After``;
    there is no ``Retry-After`` where the server itself does not know what became of a change.

    Args:
        method: the method of the request.
        error: how it failed.
    """
    if isinstance(error, ConnectionFailed):
        return method in READS
    if not isinstance(error, ApiError):
        return False
    if error.retry_after is not None and error.retry_after > LONGEST_RETRY_AFTER:
        return False
    if error.status == 429 or _is_login_limit(error):
        return True
    if method in READS:
        return error.status == 408 or error.status >= 500
    return was_not_done(error)


def was_not_done(error: ApiError) -> bool:
    """Whether a server that failed says that it has not begun with what it was asked for."""
    return error.status == 503 and error.code in _NOTHING_DONE and error.retry_after is not None


def pause(tries: int, error: GrantoryError, random: Callable[[], float]) -> float:
    """How long to wait before the next try.

    Args:
        tries: how many there were.
        error: how the last one failed.
        random: a number from 0 up to 1.

    Returns:
        Seconds: what the server asks for and up to a tenth more; or else 0.5, 1, 2 … 8, of which
        up to a half is taken off, so that those who failed together do not come again together.
    """
    asked = error.retry_after if isinstance(error, ApiError) else None
    if asked is not None:
        return asked * (1 + 0.1 * random())
    longest: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (tries - 1))
    return longest * (1 - 0.5 * random())


def retry_after(answer: Answer, now: float) -> float | None:
    """When a repeat makes sense, as an answer says.

    Args:
        answer: the answer; the rate limit's own header counts where 429 has no ``Retry-After``.
        now: seconds since 1970 (UTC).

    Returns:
        Seconds from now; None where it says nothing that can be read.
    """
    text = answer.headers.get("Retry-After", "").strip()
    if not text and answer.status == 429:
        text = answer.headers.get("inin-ratelimit-reset", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _is_login_limit(error: ApiError) -> bool:
    """The token endpoint's 429, which the platform answers as 400."""
    return (
        error.status == 400
        and error.code == "invalid_request"
        and error.message.startswith(_RATE_LIMITED)
    )
