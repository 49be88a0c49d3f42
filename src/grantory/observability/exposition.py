"""Prometheus's text: what all processes have counted, and what is so at this moment."""

import platform
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.openmetrics import exposition
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE_OPENMETRICS
from prometheus_client.registry import Collector

from grantory.observability.families import Families
from grantory.observability.shared_numbers import SharedNumbers
from grantory.ports.metrics_text import MetricsText

_openmetrics: Final[Callable[[Collector], bytes]] = exposition.generate_latest


class Build(NamedTuple):
    """What runs."""

    version: str
    store: str
    """sqlite or postgresql."""


class _Collected(Collector):
    """What the library writes."""

    def __init__(self, families: tuple[Metric, ...]) -> None:
        self._families = families

    def collect(self) -> tuple[Metric, ...]:
        return self._families


class Exposition:
    """Writes the metrics of all processes, whichever of them is asked.

    Args:
        families: what is counted.
        numbers: of all processes.
        row: that of this process.
        build: what runs.
        monotonic: the clock of leases, which all processes of a machine share.
    """

    def __init__(
        self,
        families: Families,
        numbers: SharedNumbers,
        row: int,
        build: Build,
        monotonic: Callable[[], float],
    ) -> None:
        self._families = families
        self._numbers = numbers
        self._row = numbers.rows[row]
        self._others = (*numbers.rows[:row], *numbers.rows[row + 1 :])
        self._build = build
        self._monotonic = monotonic

    def is_newest(self, made: float) -> bool:
        """Tells whether nothing that another process tells is newer than what was made then.

        Args:
            made: when this process began to add up.
        """
        return all(row[self._families.told_at] <= made for row in self._others)

    def written(self, size: Mapping[str, int], *, openmetrics: bool) -> MetricsText:
        """Writes everything; in whatever thread.

        Args:
            size: bytes of the store's parts; empty where that is not known.
            openmetrics: whether in OpenMetrics's form.
        """
        # No sum is older than the first moment or newer than the second, whatever comes between.
        made = self._monotonic()
        sums = self._numbers.sums(self._families.counted.next)
        self._row[self._families.told_at] = self._monotonic()
        collected = _Collected(tuple(self._collect(sums, size)))
        if openmetrics:
            return MetricsText(_openmetrics(collected), CONTENT_TYPE_OPENMETRICS, made)
        return MetricsText(generate_latest(collected), CONTENT_TYPE_PLAIN_0_0_4, made)

    def _collect(self, numbers: list[float], sizes: Mapping[str, int]) -> Iterator[Metric]:
        families = self._families
        for family in families.always:
            yield family.shown(numbers)
        live = [row for row in self._numbers.rows[:-1] if row[families.lives]]
        seen = [row[families.seen_at] for row in live if row[families.seen_at]]
        leases = [row[families.leased_at] for row in live if row[families.leased_at]]
        now = self._monotonic()
        if leases:
            yield families.lease_losses.shown(numbers)
            yield _gauge(
                "grantory_lease_age_seconds",
                "Since the oldest lease was asked for that a process has.",
                now - min(leases),
            )
        yield _gauge("grantory_workers", "Workers that live.", len(live))
        yield _gauge(
            "grantory_worker_silence_seconds",
            "Since the worker last did anything that has done nothing for the longest.",
            max((now - moment for moment in seen), default=0.0),
        )
        yield _gauge(
            "grantory_workers_wanted", "Workers that there should be.", len(self._numbers.rows) - 1
        )
        yield _gauge(
            "process_start_time_seconds",
            "When the server was started, in seconds since 1970.",
            self._numbers.started_at,
        )
        if sizes:
            size = GaugeMetricFamily(
                "grantory_store_size_bytes", "How large the store is.", labels=("part",)
            )
            for part, count in sizes.items():
                size.add_metric((part,), count)
            yield size
        build = InfoMetricFamily("grantory_build", "What runs.")
        build.add_metric((), {**self._build._asdict(), "python": platform.python_version()})
        yield build


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)
