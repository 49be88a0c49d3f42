"""Refused token requests as they wait in memory for the store, under bounds.

Whoever refuses a request only puts it on a list, which costs the same for every caller. Sorting
out comes later: the first few of a client, reason and network in a minute are to be kept whole,
the others and those of no known client are counted.
"""

import math
import re
from collections.abc import Mapping
from typing import Final

import msgspec

from grantory.domain.address import network_of
from grantory.domain.refusal import Counter, Refusal, counter_of, hour_of
from grantory.errors import OAuthError, RefusalReason
from grantory.ports.runtime import Clock

FIRST_FEW: Final = 3
"""So many are kept of one client, reason and network in a minute, by each process."""
MOST_OF_CLIENT: Final = 10
"""... and so many of one client, from wherever."""
MOST_NEW: Final = 1_000
"""So many may wait to be sorted out; those beyond are counted at once."""
MOST_WINDOWS: Final = 10_000
MOST_KEPT: Final = 1_000
MOST_COUNTERS: Final = 5_000
SPARE_COUNTERS: Final = 1_000
"""For what there is no counter left, and is counted without saying whose it was."""
MOST_UNKNOWN: Final = 64
"""So many ids are looked up at a time."""
KEPT_AT_ONCE: Final = 50
COUNTERS_AT_ONCE: Final = 100
_WRONG_SECRET: Final = RefusalReason.WRONG_SECRET
_NOT_LOOKED_UP: Final = RefusalReason.NOT_LOOKED_UP
_MINUTE_MS: Final = 60_000
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Batch(msgspec.Struct, frozen=True):
    """What is to be written in one transaction."""

    kept: tuple[Refusal, ...]
    counted: dict[Counter, int]

    @property
    def size(self) -> int:
        """How many refusals it stands for."""
        return len(self.kept) + sum(self.counted.values())


class GatheredRefusals:
    """Holds what one process refused and has not written yet.

    Args:
        clock: the time of day.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._new: list[Refusal] = []
        self._kept: list[Refusal] = []
        self._counted: dict[Counter, int] = {}
        self._minute = 0
        self._windows: dict[tuple[str, ...], int] = {}
        self.lost = 0
        """How many there was no room for, not even to be counted."""

    def add(self, error: OAuthError, address: str, correlation_id: str) -> None:
        """Takes note of a refusal; never fails, and never waits.

        Args:
            error: what the caller is told, and why.
            address: the caller's.
            correlation_id: the request's.
        """
        at, client_id, reason = self._clock.now_ms(), error.client_id, error.reason
        organization_id = error.organization_id
        if len(self._new) < MOST_NEW:
            refusal = Refusal(
                at=at,
                organization_id=organization_id,
                client_id=client_id,
                error=error.error,
                reason=reason,
                address=address,
                correlation_id=correlation_id,
            )
            self._new.append(refusal)
            return
        if not organization_id:
            client_id = ""
            if reason is _WRONG_SECRET:
                reason = _NOT_LOOKED_UP
        self._count(Counter(hour_of(at), organization_id, client_id, reason), 1)

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not (self._new or self._kept or self._counted)

    @property
    def size(self) -> int:
        """How many refusals wait."""
        return len(self._new) + len(self._kept) + sum(self._counted.values())

    @property
    def unsorted(self) -> int:
        """How many of those are not sorted out yet."""
        return len(self._new)

    def unknown(self) -> list[str]:
        """Lists ids of which only the callers say that they are clients; not too many."""
        ids = dict.fromkeys(r.client_id for r in self._new if not r.organization_id)
        return [client_id for client_id in ids if _UUID.fullmatch(client_id)][:MOST_UNKNOWN]

    def sort(self, number: int, organizations: Mapping[str, str]) -> None:
        """Sorts the oldest out: what is to be kept, and what is to be counted.

        Args:
            number: how many.
            organizations: the organisation by client id, of those ids that were looked up; empty
                where there is no such client.
        """
        some, self._new = self._new[:number], self._new[number:]
        for refusal in some:
            self._keep_or_count(_attributed(refusal, organizations))

    @property
    def batches(self) -> int:
        """How many batches hold all that is sorted out by now."""
        return max(
            math.ceil(len(self._kept) / KEPT_AT_ONCE),
            math.ceil(len(self._counted) / COUNTERS_AT_ONCE),
        )

    def batch(self) -> Batch | None:
        """Takes the oldest out, to be written; None when there is nothing."""
        if not (self._kept or self._counted):
            return None
        kept, self._kept = self._kept[:KEPT_AT_ONCE], self._kept[KEPT_AT_ONCE:]
        counters = list(self._counted)[:COUNTERS_AT_ONCE]
        return Batch(tuple(kept), {c: self._counted.pop(c) for c in counters})

    def put_back(self, batch: Batch) -> None:
        """Takes back what could not be written."""
        room = max(0, MOST_KEPT - len(self._kept))
        self._kept[:0] = batch.kept[:room]
        for refusal in batch.kept[room:]:
            self._count(counter_of(refusal), 1)
        for counter, number in batch.counted.items():
            self._count(counter, number)

    def _keep_or_count(self, refusal: Refusal) -> None:
        is_known = bool(refusal.organization_id)
        if is_known and len(self._kept) < MOST_KEPT and self._is_of_the_first(refusal):
            self._kept.append(refusal)
        else:
            self._count(counter_of(refusal), 1)

    def _is_of_the_first(self, refusal: Refusal) -> bool:
        minute = refusal.at // _MINUTE_MS
        windows = self._windows
        if minute != self._minute:
            self._minute = minute
            windows.clear()
        client = (refusal.client_id,)
        of_client = windows.get(client, 0)
        if of_client >= MOST_OF_CLIENT or len(windows) >= MOST_WINDOWS:
            return False
        alike = (refusal.client_id, refusal.reason, network_of(refusal.address))
        of_alike = windows.get(alike, 0)
        if of_alike >= FIRST_FEW:
            return False
        windows[client] = of_client + 1
        windows[alike] = of_alike + 1
        return True

    def _count(self, counter: Counter, number: int) -> None:
        counted = self._counted
        if counter not in counted and len(counted) >= MOST_COUNTERS:
            counter = Counter(counter.hour, "", "", counter.reason)
            if counter not in counted and len(counted) >= MOST_COUNTERS + SPARE_COUNTERS:
                self.lost += number
                return
        counted[counter] = counted.get(counter, 0) + number


def _attributed(refusal: Refusal, organizations: Mapping[str, str]) -> Refusal:
    """Names the client if there is one by that id; what else a caller wrote is dropped."""
    if refusal.organization_id:
        return refusal
    client_id, reason = refusal.client_id, refusal.reason
    organization_id = organizations.get(client_id)
    if organization_id:
        return msgspec.structs.replace(refusal, organization_id=organization_id)
    if reason == _WRONG_SECRET:
        may_be_client = organization_id is None and _UUID.fullmatch(client_id)
        reason = _NOT_LOOKED_UP if may_be_client else RefusalReason.UNKNOWN_CLIENT
    return msgspec.structs.replace(refusal, client_id="", reason=reason)
