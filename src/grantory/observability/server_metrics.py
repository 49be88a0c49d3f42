"""Counting what one process of a server does."""

import os
from collections.abc import Iterable
from typing import Final

from grantory.errors import OutcomeUnknown, StorageUnavailable
from grantory.observability.columns import observe
from grantory.observability.families import ALL_KINDS, NO_ROUTE, STATUS_LABELS, Families
from grantory.observability.reasons import ISSUED, OTHER, STATUSES
from grantory.observability.shared_numbers import SharedNumbers
from grantory.ports.store_state import StoreState

_NOWHERE: Final = (OTHER, NO_ROUTE)
_STATUS_PLACES: Final = {status: place for place, status in enumerate(STATUSES)}
_OTHER_STATUS: Final = len(STATUSES)


class ServerMetrics:
    """Counts in a row of the shared numbers; to be called by the event loop's thread alone.

    Args:
        families: what is counted.
        numbers: shared with the other processes.
        row: that of this process.
    """

    def __init__(self, families: Families, numbers: SharedNumbers, row: int) -> None:
        self._families = families
        self._row = numbers.rows[row]
        self._row[families.lives] = float(os.getpid())
        self._routes = {
            (method, route): (
                families.requests.places[method, route, STATUS_LABELS[0]],
                families.durations.places[method, route],
            )
            for method, route in families.routes
        }
        self._tokens = families.tokens.places
        self._lapses = self._losses = 0

    def request(self, method: str, route: str, status: int, seconds: float, error: str) -> None:
        """Counts an answered request.

        Args:
            method: the HTTP method.
            route: the template of its address; empty where there is nothing.
            status: the HTTP status.
            seconds: how long it took.
            error: the code that the caller was told; empty for none.
        """
        counter, durations = self._routes.get((method, route)) or self._elsewhere(method)
        row = self._row
        row[counter + _STATUS_PLACES.get(status, _OTHER_STATUS)] += 1.0
        observe(row, durations, seconds)
        if error:
            self._refused(error)

    def refused_early(self, method: str, status: int, reason: str) -> None:
        """Counts a request that was refused before its address was looked up.

        Args:
            method: the HTTP method; anything where it is not known.
            status: the HTTP status.
            reason: one of those that are known.
        """
        first = self._elsewhere(method)[0]
        self._row[first + _STATUS_PLACES.get(status, _OTHER_STATUS)] += 1.0
        self._refused(reason)

    def _elsewhere(self, method: str) -> tuple[int, int]:
        return self._routes.get((method, NO_ROUTE)) or self._routes[_NOWHERE]

    def _refused(self, reason: str) -> None:
        places = self._families.refusals.places
        self._row[places.get((reason,)) or places[(OTHER,)]] += 1.0

    def token_request(self, grant_type: str, error: str) -> None:
        """Counts a token request.

        Args:
            grant_type: whatever was asked for.
            error: the code of OAuth; empty when a token was issued.
        """
        places = self._tokens
        outcome = error or ISSUED
        place = places.get((grant_type, outcome))
        if place is None:
            known = grant_type if (grant_type, ISSUED) in places else OTHER
            place = places.get((known, outcome)) or places[known, OTHER]
        self._row[place] += 1.0

    def token_refused(self, reason: str) -> None:
        """Counts a token request that was refused.

        Args:
            reason: as the program has it in a word; nothing of a caller's.
        """
        places = self._families.token_refusals.places
        self._row[places.get((reason,)) or places[(OTHER,)]] += 1.0

    def store_worked(self, work: str, seconds: float, error: BaseException | None) -> None:
        """Counts work of the store.

        Args:
            work: read, scan or write.
            seconds: how long it took.
            error: what it ended with.
        """
        observe(self._row, self._families.store.places[(work,)], seconds)
        if isinstance(error, StorageUnavailable | OutcomeUnknown):
            outcome = "unknown" if isinstance(error, OutcomeUnknown) else "unavailable"
            self._row[self._families.store_failures.places[work, outcome]] += 1.0

    def loaded(self, kind: str) -> None:
        """Counts what a memory had to ask the store for."""
        self._row[self._families.loads.places[(kind,)]] += 1.0

    def forgot(self, kind: str) -> None:
        """Counts what a memory was told of; a kind that is not known makes it forget everything."""
        places = self._families.forgotten.places
        self._row[places.get((kind,)) or places[(ALL_KINDS,)]] += 1.0

    def lists_waiting(self, count: int) -> None:
        """Notes how many changes of clients this process is to put into their lists."""
        self._row[self._families.unlisted.places[()]] = float(count)

    def look(self, now: float, state: StoreState, entries: Iterable[tuple[str, int]]) -> None:
        """Notes how this process is.

        Args:
            now: the time on the monotonic clock.
            state: of the store.
            entries: how many of each kind are in memory.
        """
        row, families = self._row, self._families
        row[families.seen_at] = now
        row[families.changes.places[("waiting",)]] = float(state.waiting)
        row[families.changes.places[("room",)]] = float(max(0, state.room))
        row[families.leased_at] = state.leased_at or 0.0
        for kind, count in entries:
            row[families.entries.places[(kind,)]] = float(count)
        row[families.lease_losses.places[("lease",)]] += state.lapses - self._lapses
        row[families.lease_losses.places[("connection",)]] += state.losses - self._losses
        self._lapses, self._losses = state.lapses, state.losses
