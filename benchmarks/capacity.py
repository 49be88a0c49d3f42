"""``python -m benchmarks capacity [--quick] [--only PART] [--json FILE] [--publish]``.

Ends with status 0 when every goal was reached; 1 when the figures do not count, because a request
failed; 3 when a goal was missed, in a run that nothing disturbed.
"""

import argparse
import datetime
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import capacity_report, publish
from benchmarks.capacity_connections import connections
from benchmarks.capacity_denied import denied
from benchmarks.capacity_report import Part
from benchmarks.capacity_store import costs, growth, start
from benchmarks.capacity_workers import nodes, workers
from benchmarks.disturbance import others, usage_now
from benchmarks.loading import Loader
from benchmarks.machine import look_around
from benchmarks.pinning import choose_cores
from benchmarks.report import CALM
from benchmarks.site import STORES, Site, new_site
from benchmarks.speed import DOES_NOT_COUNT, MISSED, RESULTS, progress
from benchmarks.wrk import find_wrk

IDLE, DENIED, DENIED_QUICK = 10_000, 1_000_000, 100_000

Measure = Callable[[Loader, Site], Part]
PARTS: dict[str, tuple[Measure, tuple[str, ...]]] = {
    "costs": (costs, STORES),
    "start": (start, STORES),
    "growth": (growth, STORES),
    "workers": (workers, STORES),
    "nodes": (nodes, ("PostgreSQL",)),
    "connections": (lambda loader, site: connections(loader, site, IDLE), ("SQLite",)),
}
"""Each with the stores that it is measured on; the deny-list besides, which takes two of each."""


def run_parts(loader: Loader, names: list[str], many: int) -> list[Part]:
    """Measures one part after another."""
    found = []
    for name, (part, stores) in PARTS.items():
        for store in stores if name in names else ():
            progress(f"{name}, {store}")
            with new_site(store, loader.cores) as site:
                found.append(part(loader, site))
    for store in STORES if "denied" in names else ():
        progress(f"denied, {store}")
        found.append(denied(loader, store, many))
    return found


def main() -> int:
    """Measures and reports."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks capacity", description=__doc__)
    names = [*PARTS, "denied"]
    parser.add_argument("--quick", action="store_true", help="short, with fewer ended tokens")
    parser.add_argument("--only", choices=names, action="append", help="some parts alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--publish", action="store_true", help="put the figures into docs/")
    arguments = parser.parse_args()
    wrk, cores = find_wrk(), choose_cores()
    rounds, seconds = (2, 1) if arguments.quick else (8, 2)
    many = DENIED_QUICK if arguments.quick else DENIED
    loader = Loader(wrk, cores, rounds, seconds, [])
    usage, started = usage_now(()), time.monotonic()
    parts = run_parts(loader, arguments.only or names, many)
    progress("")
    # Servers that have ended are children of this program that have ended: they are ours.
    disturbed = others(usage, usage_now(()), time.monotonic() - started, os.cpu_count() or 1)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    run = capacity_report.Run(
        date=today,
        machine=look_around(wrk),
        rounds=rounds,
        seconds=seconds,
        parts=tuple(parts),
        others=disturbed,
        failures=tuple(loader.failures),
    )
    print(capacity_report.as_text(run))
    RESULTS.mkdir(parents=True, exist_ok=True)
    for file in (RESULTS / "capacity.json", arguments.json):
        if file is not None:
            file.write_bytes(capacity_report.as_json(run))
    if arguments.publish and not run.failures:
        publish.capacity(run)
    if run.failures:
        return DOES_NOT_COUNT
    missed = capacity_report.missed(run)
    for goal in missed:
        print(f"MISSED: {goal}")
    return MISSED if missed and disturbed <= CALM else 0


if __name__ == "__main__":
    sys.exit(main())
