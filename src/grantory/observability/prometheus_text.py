"""Prometheus's text, written by its library.

The library brings a server and a client of HTTP with it, which take longer to load than all the
rest that counts: so only who is asked for the text loads this.
"""

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.openmetrics import exposition
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST as CONTENT_TYPE_OPENMETRICS
from prometheus_client.registry import Collector

from grantory.observability.columns import BOUNDS, Counters, Histograms
from grantory.observability.moment import Moment

_openmetrics: Final[Callable[[Collector], bytes]] = exposition.generate_latest


class _Collected(Collector):
    """What the library writes."""

    def __init__(self, families: tuple[Metric, ...]) -> None:
        self._families = families

    def collect(self) -> tuple[Metric, ...]:
        return self._families


def text_of(moment: Moment, *, openmetrics: bool) -> tuple[bytes, str]:
    """Writes everything.

    Args:
        moment: what is to be told.
        openmetrics: whether in OpenMetrics's form.

    Returns:
        The text and its content type.
    """
    collected = _Collected(tuple(_all(moment)))
    if openmetrics:
        return _openmetrics(collected), CONTENT_TYPE_OPENMETRICS
    return generate_latest(collected), CONTENT_TYPE_PLAIN_0_0_4


def _all(moment: Moment) -> Iterator[Metric]:
    for family in moment.families.always:
        yield _shown(family, moment.numbers)
    if moment.lease_age is not None:
        yield _shown(moment.families.lease_losses, moment.numbers)
        yield _gauge(
            "grantory_lease_age_seconds",
            "Since the oldest lease was asked for that a process has.",
            moment.lease_age,
        )
    yield _gauge("grantory_workers", "Workers that live.", moment.workers)
    yield _gauge(
        "grantory_worker_silence_seconds",
        "Since the worker last did anything that has done nothing for the longest.",
        moment.silence,
    )
    yield _gauge("grantory_workers_wanted", "Workers that there should be.", moment.wanted)
    yield _gauge(
        "process_start_time_seconds",
        "When the server was started, in seconds since 1970.",
        moment.started_at,
    )
    if moment.sizes:
        size = GaugeMetricFamily(
            "grantory_store_size_bytes", "How large the store is.", labels=("part",)
        )
        for part, count in moment.sizes.items():
            size.add_metric((part,), count)
        yield size
    build = InfoMetricFamily("grantory_build", "What runs.")
    build.add_metric((), dict(moment.build))
    yield build


def _shown(family: Counters | Histograms, numbers: list[float]) -> Metric:
    return _counters(family, numbers) if isinstance(family, Counters) else _times(family, numbers)


def _counters(family: Counters, numbers: list[float]) -> Metric:
    kind = GaugeMetricFamily if family.gauge else CounterMetricFamily
    shown = kind(family.name, family.meaning, labels=family.labels)
    for series, place in family.places.items():
        if family.always or numbers[place]:
            shown.add_metric(series, numbers[place])
    return shown


def _times(family: Histograms, numbers: list[float]) -> Metric:
    shown = HistogramMetricFamily(family.name, family.meaning, labels=family.labels)
    for series, place in family.places.items():
        buckets, total = [], 0.0
        for bound, count in zip(BOUNDS, numbers[place : place + len(BOUNDS)], strict=True):
            total += count
            buckets.append((bound, total))
        if total:
            shown.add_metric(series, buckets, numbers[place + len(BOUNDS)])
    return shown


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)
