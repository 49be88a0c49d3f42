"""Times in an assertion: ``xs:dateTime`` in UTC (SAML 2.0 core, section 1.3.3)."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from grantory.protocol.saml.refused import AssertionRefused

LEEWAY_MS: Final = 60_000
"""By so much the identity provider's clock may be wrong, both ways."""
_INSTANT: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,12}))?(Z|[+-]\d\d:\d\d)", re.ASCII
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def read_instant(text: str, what: str) -> int:
    """Reads a time; one without a zone is refused.

    Args:
        text: the attribute's value.
        what: its name, for the log.

    Returns:
        Milliseconds since 1970.

    Raises:
        AssertionRefused: for anything else.
    """
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        raise AssertionRefused(f"{what} is no time in UTC")
    seconds, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(seconds + zone.replace("Z", "+00:00"))
        whole = (moment - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        raise AssertionRefused(f"{what} is no time in UTC") from None
    return whole + int((fraction or "0").ljust(3, "0")[:3])


def is_past(end: int, now: int) -> bool:
    """Tells whether a time up to which something counts has passed, leeway included."""
    return end + LEEWAY_MS <= now


def is_ahead(start: int, now: int) -> bool:
    """Tells whether a time from which something counts is still to come, leeway included."""
    return start - LEEWAY_MS > now
