"""The platform's dates: ISO 8601, UTC, three fraction digits."""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

MAX_TEXT: Final = 40
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=4_096)
def date_text(milliseconds: int) -> str:
    """Writes a time (milliseconds since 1970) as ``yyyy-MM-ddTHH:mm:ss.SSSZ``."""
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def read_date(text: str) -> int:
    """Reads a date-time; one without a zone is UTC.

    Returns:
        Milliseconds since 1970.

    Raises:
        ValueError: for anything but an ISO 8601 date-time of the years 1970 to 9998.
    """
    refusal = "must be a date and time such as 2030-01-31T12:00:00.000Z"
    if len(text) > MAX_TEXT or "T" not in text.upper():
        raise ValueError(refusal)
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(refusal) from None
    if not 1970 <= moment.year <= 9998:
        raise ValueError(refusal)
    return (moment - _EPOCH) // timedelta(milliseconds=1)
