"""``python -m benchmarks [--quick] [--json FILE]``."""

import argparse
import sys
import tempfile
from pathlib import Path

import msgspec

from benchmarks import report
from benchmarks.machine import look_around
from benchmarks.measurement import FULL, QUICK, measure
from benchmarks.pinning import choose_cores
from benchmarks.scene import Work, scene
from benchmarks.wrk import Sample, find_wrk, run_wrk


def main() -> int:
    """Measures and reports; returns 1 when a request failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less than a minute, less exact")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    plan = QUICK if arguments.quick else FULL
    wrk, cores = find_wrk(), choose_cores()
    machine = look_around(wrk)
    print(report.heading(machine, plan, pinned=cores.server is not None), end="\n\n", flush=True)

    def load(work: Work, seconds: int) -> Sample:
        return run_wrk(wrk, work.target, seconds, plan.connections, cores.load)

    with (
        tempfile.TemporaryDirectory(prefix="grantory-bench-") as folder,
        scene(Path(folder), cores.server) as prepared,
    ):
        measured = measure(prepared, plan, load, _progress)
    _progress("")
    print(report.table(measured), report.other_goals(measured), sep="\n\n")
    if arguments.json:
        document = report.document(machine, plan, measured)
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(document)))
    return 1 if measured.failures else 0


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
