"""Every family of series that a server shows, and which columns are theirs."""

from collections.abc import Iterable
from typing import Final

from grantory.observability.columns import Columns, Counters, Histograms
from grantory.observability.reasons import (
    ISSUED,
    METHODS,
    OAUTH_REASONS,
    OTHER,
    REASONS,
    STATUSES,
    TOKEN_REASONS,
)
from grantory.observability.shared_numbers import DEATHS, ROW_NUMBERS, STATE_NUMBERS
from grantory.ports.hot_reads import KINDS

NO_ROUTE: Final = "none"
ALL_KINDS: Final = "all"
WORKS: Final = ("read", "scan", "write")
STATUS_LABELS: Final = (*map(str, STATUSES), OTHER)
Route = tuple[str, str]
"""A method and the template of an address."""


class Families:
    """Declares them, in the same order in every process.

    Args:
        routes: every method and template that there is.
        grant_types: what a token can be asked for with.
    """

    def __init__(self, routes: Iterable[Route], grant_types: Iterable[str]) -> None:
        self.state = Columns(0, STATE_NUMBERS)
        self.counted = Columns(DEATHS, ROW_NUMBERS)
        self.lives = self.state.take(1)
        """The number of the process; nought where there is none."""
        self.seen_at = self.state.take(1)
        self.leased_at = self.state.take(1)
        known = tuple(routes)
        self.routes = (
            *known,
            *(("HEAD", path) for method, path in known if method == "GET"),
            *((method, NO_ROUTE) for method in (*METHODS, OTHER)),
        )
        self.deaths = Counters(
            self.counted,
            "grantory_worker_deaths",
            "Workers that ended without being told to.",
            (),
            ((),),
        )
        self.told_at = self.counted.take(1)
        """When the process last added everything up, on the monotonic clock; nobody's sum."""
        self._of_requests(tuple(grant_types))
        self._of_the_store()
        self._of_the_memory()
        self.always = (
            *(self.requests, self.durations, self.tokens, self.token_refusals, self.refusals),
            self.deaths,
            *(self.store, self.store_failures, self.changes, self.unlisted),
            *(self.entries, self.loads, self.forgotten),
        )

    def _of_requests(self, grant_types: tuple[str, ...]) -> None:
        self.requests = Counters(
            self.counted,
            "grantory_http_requests",
            "Requests that were answered, by method, route and status.",
            ("method", "route", "status"),
            ((*route, status) for route in self.routes for status in STATUS_LABELS),
            always=False,
        )
        self.durations = Histograms(
            self.counted,
            "grantory_http_request_duration_seconds",
            "How long answering took, from the moment that a request had its turn.",
            ("method", "route"),
            self.routes,
        )
        self.tokens = Counters(
            self.counted,
            "grantory_token_requests",
            "Token requests, by grant type and outcome: issued, or the error code of OAuth.",
            ("grant_type", "outcome"),
            (
                (grant, outcome)
                for grant in (*grant_types, OTHER)
                for outcome in (ISSUED, *OAUTH_REASONS, OTHER)
            ),
        )
        self.token_refusals = Counters(
            self.counted,
            "grantory_token_refusals",
            "What OAuth's endpoints refused, by the reason; an unknown client is a wrong secret.",
            ("reason",),
            ((reason,) for reason in (*TOKEN_REASONS, OTHER)),
        )
        self.refusals = Counters(
            self.counted,
            "grantory_refusals",
            "Requests that were refused, by the code that the caller was told.",
            ("code",),
            ((code,) for code in (*REASONS, OTHER)),
        )

    def _of_the_store(self) -> None:
        works = [(work,) for work in WORKS]
        self.store = Histograms(
            self.counted,
            "grantory_store_duration_seconds",
            "How long the store took, waiting for it included.",
            ("work",),
            works,
        )
        self.store_failures = Counters(
            self.counted,
            "grantory_store_failures",
            "Work that the store did not do, or of which nobody knows whether it did.",
            ("work", "outcome"),
            ((work, outcome) for work in WORKS for outcome in ("unavailable", "unknown")),
        )
        self.changes = Counters(
            self.state,
            "grantory_store_changes",
            "Changes that are under way or wait, and how many more would be made in time.",
            ("state",),
            (("waiting",), ("room",)),
            gauge=True,
        )
        self.unlisted = Counters(
            self.state,
            "grantory_unlisted_changes",
            "Changes of clients that are not in their lists yet; no more than 100,000 are counted.",
            (),
            ((),),
            gauge=True,
        )
        self.lease_losses = Counters(
            self.counted,
            "grantory_lease_losses",
            "How often a lease ran out, and how often the connection was lost that keeps it.",
            ("what",),
            (("lease",), ("connection",)),
        )

    def _of_the_memory(self) -> None:
        kinds = [(kind,) for kind in KINDS]
        self.entries = Counters(
            self.state,
            "grantory_cache_entries",
            "What the memories of all processes hold.",
            ("kind",),
            kinds,
            gauge=True,
        )
        self.loads = Counters(
            self.counted,
            "grantory_cache_loads",
            "What was not in memory and was asked of the store.",
            ("kind",),
            kinds,
        )
        self.forgotten = Counters(
            self.counted,
            "grantory_cache_forgotten",
            "Changes that a memory was told of; all stands for everything at once.",
            ("kind",),
            (*kinds, ("role",), (ALL_KINDS,)),
        )
