"""Refused token requests: the first few of a kind are kept whole, the others counted."""

from typing import NamedTuple

import msgspec

_HOUR_MS = 3_600_000


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a known client that was refused; never a credential.

    ``at`` is in milliseconds since 1970 (UTC).
    """

    at: int
    organization_id: str
    client_id: str
    error: str
    """The code of RFC 6749 section 5.2."""
    reason: str
    """A ``RefusalReason``; in the store of a newer node it may be another word."""
    address: str
    correlation_id: str


class Counter(NamedTuple):
    """What refusals are counted by."""

    hour: int
    """Its beginning in milliseconds since 1970 (UTC)."""
    organization_id: str
    """Empty where no known client is concerned, or there was no room for more counters."""
    client_id: str
    """Empty where all other clients of the organisation are counted together."""
    reason: str
    """As of a refusal."""


def counter_of(refusal: Refusal) -> Counter:
    """Tells by what a refusal is counted if it is not kept."""
    hour = hour_of(refusal.at)
    return Counter(hour, refusal.organization_id, refusal.client_id, refusal.reason)


def hour_of(at: int) -> int:
    """Returns the beginning of the hour of a moment, both in milliseconds since 1970 (UTC)."""
    return at - at % _HOUR_MS
