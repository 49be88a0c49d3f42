"""Refused token requests: the first few of a kind are kept whole, the others counted."""

from typing import NamedTuple

import msgspec

from grantory.errors import RefusalReason


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """One request of a known client that was refused; never a credential.

    ``at`` is in milliseconds since 1970 (UTC).
    """

    at: int
    organization_id: str
    client_id: str
    error: str
    """The code of RFC 6749 section 5.2."""
    reason: RefusalReason
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
    reason: RefusalReason


def counter_of(refusal: Refusal) -> Counter:
    """Tells by what a refusal is counted if it is not kept."""
    hour = refusal.at - refusal.at % 3_600_000
    return Counter(hour, refusal.organization_id, refusal.client_id, refusal.reason)
