"""What counting a request costs, and what reading the metrics does.

``python -m benchmarks.metrics_cost [--pairs N]`` counts the same requests, in turn, as Grantory
does, as prometheus-client does for a single process, and as it does for several (a mapped file
for each). The share of the first in the others is what counts, pair by pair.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

from grantory.observability.columns import SECONDS
from grantory.observability.exposition import Build, Exposition
from grantory.observability.families import Families
from grantory.observability.server_metrics import ServerMetrics
from grantory.observability.shared_numbers import SharedNumbers

Count = Callable[[str, str, int, float], None]
ROUTES = tuple(
    (method, f"/api/v2/things{number}/{{thingId}}")
    for number in range(30)
    for method in ("GET", "PUT", "DELETE")
)
REQUESTS = 20_000
WORKERS = 4


def ours(numbers: SharedNumbers, row: int) -> tuple[Families, Count]:
    """Grantory's: a row of the shared numbers."""
    families = Families(ROUTES, ("client_credentials",))
    metrics = ServerMetrics(families, numbers, row)

    def count(method: str, route: str, status: int, seconds: float) -> None:
        metrics.request(method, route, status, seconds, "")

    return families, count


def theirs(registry: CollectorRegistry) -> Count:
    """The library's own counter and histogram, as its documentation shows them."""
    counter = Counter("requests", "all", ("method", "route", "status"), registry=registry)
    histogram = Histogram(
        "seconds", "long", ("method", "route"), buckets=SECONDS, registry=registry
    )

    def count(method: str, route: str, status: int, seconds: float) -> None:
        counter.labels(method, route, str(status)).inc()
        histogram.labels(method, route).observe(seconds)

    return count


def microseconds(count: Count) -> float:
    """Measures the processor time of one request, the mean of many."""
    calls = [(*ROUTES[n % len(ROUTES)], 200 if n % 7 else 404, n % 50 / 1000) for n in range(100)]
    started = time.process_time()
    for _ in range(REQUESTS // len(calls)):
        for method, route, status, seconds in calls:
            count(method, route, status, seconds)
    return (time.process_time() - started) / REQUESTS * 1e6


def milliseconds(read: Callable[[], bytes]) -> float:
    """Measures the processor time of one reading."""
    started = time.process_time()
    read()
    return (time.process_time() - started) * 1e3


def in_workers(work: Callable[[int], None]) -> None:
    """Lets each of several processes count on its own."""
    for worker in range(WORKERS):
        child = os.fork()
        if not child:
            work(worker)
            os._exit(0)
        os.waitpid(child, 0)


def compare(folder: Path, pairs: int) -> None:
    """Measures all variants in turn, and prints medians and shares."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    numbers = SharedNumbers(WORKERS)
    families, count = ours(numbers, 0)
    values.ValueClass = values.MutexValue
    single = theirs(CollectorRegistry())
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
    several = theirs(CollectorRegistry())
    variants = {"ours": count, "library, one process": single, "library, several": several}
    found: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(pairs):
        for name, variant in variants.items():
            found[name].append(microseconds(variant))

    def in_ours(worker: int) -> None:
        microseconds(ours(numbers, worker)[1])

    def in_theirs(_worker: int) -> None:
        values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]
        microseconds(theirs(CollectorRegistry()))

    in_workers(in_ours)
    in_workers(in_theirs)
    exposition = Exposition(families, numbers, 0, Build("0", "sqlite"), time.monotonic)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    readers = {
        "ours": lambda: exposition.written({}, openmetrics=False).body,
        "library, several": lambda: generate_latest(registry),
    }
    read: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(pairs):
        for name, reader in readers.items():
            read[name].append(milliseconds(reader))
    _tell("counting one request", "µs", found)
    _tell(f"reading the metrics of {WORKERS} workers", "ms", read)


def _tell(what: str, unit: str, found: dict[str, list[float]]) -> None:
    print(f"{what}:")
    for name, figures in found.items():
        shares = [ours / other for ours, other in zip(found["ours"], figures, strict=True)]
        median, share = statistics.median(figures), statistics.median(shares)
        print(
            f"  {name:22} {median:8.2f} {unit}   "
            f"ours is {share:.2f} of it ({min(shares):.2f} to {max(shares):.2f})"
        )


def main() -> None:
    """Compares as often as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metrics_cost", description=__doc__)
    parser.add_argument("--pairs", type=int, default=20)
    with tempfile.TemporaryDirectory(prefix="grantory-bench-") as name:
        compare(Path(name), parser.parse_args().pairs)


if __name__ == "__main__":
    main()
