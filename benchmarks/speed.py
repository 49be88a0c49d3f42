"""``python -m benchmarks [--quick] [--no-peers] [--floor FILE] [--json FILE] [--publish]``.

Ends with status 0 when everything that was measured has reached what it must; 1 when the figures
do not count, because a request failed or a change was lost; 3 when a goal was missed, in a run
that nothing disturbed.
"""

import argparse
import datetime
import sys
import tempfile
from hashlib import sha256
from pathlib import Path

import msgspec

from benchmarks import publish, report
from benchmarks.machine import look_around
from benchmarks.measurement import FULL, QUICK, measure
from benchmarks.peers.works import BENCH
from benchmarks.pinning import choose_cores
from benchmarks.scene import scene
from benchmarks.site import STORES
from benchmarks.work import Work
from benchmarks.wrk import Bodies, Sample, find_wrk, run_wrk

DOES_NOT_COUNT, MISSED = 1, 3
RESULTS = BENCH / "results"


def main() -> int:
    """Measures and reports."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under three minutes, less exact")
    parser.add_argument("--rounds", type=int, help="so many of them, instead")
    parser.add_argument("--no-peers", action="store_true", help="Grantory and the floor alone")
    parser.add_argument("--store", choices=STORES, action="append", help="by default both")
    parser.add_argument("--floor", type=Path, metavar="FILE", help="its asgi is the floor instead")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--publish", action="store_true", help="put the figures into docs/")
    arguments = parser.parse_args()
    plan = QUICK if arguments.quick else FULL
    if arguments.rounds:
        plan = msgspec.structs.replace(plan, rounds=arguments.rounds)
    wrk, cores = find_wrk(), choose_cores()

    def load(work: Work, seconds: int, bodies: Bodies | None) -> Sample:
        connections = work.connections or plan.connections
        return run_wrk(wrk, work.target, seconds, connections, cores.load, bodies)

    machine = look_around(wrk)
    with tempfile.TemporaryDirectory(prefix="grantory-bench-") as name:
        folder = Path(name)
        stores = tuple(arguments.store or STORES)
        progress("starting the servers")
        with scene(
            folder, cores, stores, peers=not arguments.no_peers, floor_app=arguments.floor
        ) as prepared:
            measured = measure(prepared, plan, load, folder, progress)
    progress("")
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    digest = sha256(arguments.floor.read_bytes()).hexdigest() if arguments.floor else ""
    run = report.Run(today, machine, plan, cores.server is not None, measured, digest)
    print(report.as_text(run))
    RESULTS.mkdir(parents=True, exist_ok=True)
    for file in (RESULTS / "speed.json", arguments.json):
        if file is not None:
            file.write_bytes(report.as_json(run))
    if arguments.publish and not measured.failures:
        publish.speed(run)
    if measured.failures:
        return DOES_NOT_COUNT
    missed = report.missed(measured)
    for goal in missed:
        print(f"MISSED: {goal}")
    return MISSED if missed and measured.others <= report.CALM else 0


def progress(text: str) -> None:
    """Shows on a terminal what is going on, in one line."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
