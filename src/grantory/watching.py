"""How a server's process is watched: its log, metrics and traces, wired together."""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from functools import cache
from typing import Final

import msgspec

from grantory import __version__
from grantory.domain.client import GrantType
from grantory.errors import OAuthError
from grantory.http.early_answers import TOKEN_PATH
from grantory.http.metrics import MetricsResource, may_be_read, networks_of
from grantory.observability.access_log import AccessLog
from grantory.observability.exposition import Build, Exposition
from grantory.observability.families import Families, Route
from grantory.observability.freshness import kept_fresh
from grantory.observability.log_writer import LogStream
from grantory.observability.server_metrics import ServerMetrics
from grantory.observability.shared_numbers import SharedNumbers
from grantory.observability.store_size import StoreSize
from grantory.observability.traced_parts import TracedIssuer, TracedStore
from grantory.observability.tracing import Tracing
from grantory.observability.watched_store import WatchedStore
from grantory.ports.metrics_text import MetricsText
from grantory.ports.request_line import RequestLine
from grantory.ports.runtime import Clock
from grantory.ports.storage import Store
from grantory.ports.store_state import WatchedStore as TellingStore
from grantory.protocol.access_tokens import TokenIssuer
from grantory.protocol.grants import GRANTS
from grantory.settings import Settings

IMPLICIT: Final = GrantType.IMPLICIT.value
"""Its tokens are issued without a request to the token endpoint."""


@cache
def _families(routes: tuple[Route, ...]) -> Families:
    """Thousands of series, the same for every server in a process."""
    return Families(routes, (*(grant.name for grant in GRANTS), IMPLICIT))


class Watch(msgspec.Struct, frozen=True):
    """What a process is given to be watched by; each default is for a process by itself."""

    numbers: SharedNumbers = msgspec.field(default_factory=lambda: SharedNumbers(1))
    row: int = 0
    """That of this process in the numbers."""
    metrics_token: str = ""
    """What whoever reads the metrics has to present; empty for nothing."""
    tracing: Tracing | None = None


class Watching:
    """Watches one process. Nothing is to be counted before ``begin``.

    Args:
        store: does the work.
        told: the same store, as far as it tells of itself.
        clock: the time.
        settings: the effective settings.
        log_stream: where request lines go.
        watch: what counts and traces.
    """

    metrics: ServerMetrics
    _exposition: Exposition
    _entries: Callable[[], Iterable[tuple[str, int]]]

    def __init__(
        self,
        store: Store,
        told: TellingStore,
        clock: Clock,
        settings: Settings,
        log_stream: LogStream,
        watch: Watch,
    ) -> None:
        self._told, self._clock, self._settings, self._watch = told, clock, settings, watch
        self._watched = WatchedStore(store)
        self.store: Store = self._watched
        """Does the same work, and it is counted."""
        if watch.tracing is not None:
            self.store = TracedStore(self._watched, watch.tracing)
        self._access_log = AccessLog(log_stream, clock)
        self._size = StoreSize(told.size, clock.monotonic)
        self._readers = networks_of(settings.metrics_allowed_networks)
        self.trusted_proxies = tuple(ipaddress.ip_network(n) for n in settings.trusted_proxies)
        self.reading = MetricsResource(
            self._write, self._is_newest, self._readers, watch.metrics_token, clock
        )
        """Answers whoever asks for the metrics."""

    def issuer(self, issuer: TokenIssuer) -> TokenIssuer:
        """Returns an issuer that does the same, and is traced where anything is."""
        tracing = self._watch.tracing
        return issuer if tracing is None else TracedIssuer(issuer, tracing)

    def begin(
        self, routes: Iterable[Route], entries: Callable[[], Iterable[tuple[str, int]]]
    ) -> None:
        """Begins to count.

        Args:
            routes: every method and template that there is.
            entries: lists how many of each kind are in memory.
        """
        watch, url = self._watch, self._settings.database_url
        families = _families(tuple(routes))
        build = Build(__version__, "postgresql" if url.startswith("postgres") else "sqlite")
        self.metrics = ServerMetrics(families, watch.numbers, watch.row)
        self._exposition = Exposition(
            families, watch.numbers, watch.row, build, self._clock.monotonic
        )
        self._entries = entries
        self._watched.count_for(self.metrics.store_worked)

    def may_read_metrics(self, peer: str) -> bool:
        """Tells whether a connection with an address may ask for the metrics at all."""
        return may_be_read(peer, self._readers, self.trusted_proxies)

    def token_refused(self, error: OAuthError) -> None:
        """Counts a token request that was refused, by its reason."""
        self.metrics.token_refused(error.reason)

    def record(self, line: RequestLine, grant_type: str) -> None:
        """Logs, counts and traces a request that was answered.

        Args:
            line: what is known of it.
            grant_type: as a token was asked for with; not logged, since anything may stand there.
        """
        self._access_log.write(line)
        metrics = self.metrics
        metrics.request(line.method, line.route, line.status, line.ms / 1000, line.error)
        if grant_type or (line.route == TOKEN_PATH and line.method != "OPTIONS"):
            metrics.token_request(grant_type, line.error)
        if self._watch.tracing is not None:
            self._watch.tracing.describe(line)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Notes every second how this process is, for as long as the context lasts."""
        try:
            async with kept_fresh(self._look):
                yield
        finally:
            await self._size.close()

    def _look(self) -> None:
        self.metrics.look(self._clock.monotonic(), self._told.state(), self._entries())

    async def _write(self, openmetrics: bool) -> MetricsText:
        known = await self._size.known()
        self._look()
        # In a thread, because it may take some ten milliseconds.
        return await asyncio.to_thread(self._exposition.written, known, openmetrics=openmetrics)

    def _is_newest(self, made: float) -> bool:
        return self._exposition.is_newest(made)
