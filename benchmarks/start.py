"""How long ``grantory serve`` takes on an existing store until it is ready.

``python -m benchmarks start [--times N]`` starts the server, a command and the floor in turn: a
Python that loads uvicorn, which every server in it has to. Seconds differ from machine to
machine and with what else runs; processor time less so, and its ratio to the floor's least.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.servers import Server
from grantory.testing import GrantoryServer

FLOOR: Final = "uvicorn loaded, no more"
MUST: Final = 1.0
AIM: Final = 0.5


class Start(NamedTuple):
    """One start, in seconds."""

    wall: float
    processor: float


def processor_seconds(process_id: int) -> float:
    """What a process that lives has used (the clock of clock_getcpuclockid(3), on Linux)."""
    return time.clock_gettime((~process_id << 3) | 2)


def server(folder: Path, workers: int) -> Start:
    """Starts the server until it says that it is ready."""
    arguments = ("-m", "grantory", "serve", "--port", "{port}", "--workers", str(workers))
    with Server(f"serve-{workers}", (*arguments, "--data-dir", str(folder)), folder, None) as one:
        return Start(one.start_seconds, sum(map(processor_seconds, one.process_ids())))


def server_of_tests() -> Start:
    """Starts what the fixture of pytest starts, until it can be asked."""
    started = time.monotonic()
    with GrantoryServer() as one:
        return Start(time.monotonic() - started, processor_seconds(one.process_id))


def program(*arguments: str) -> Start:
    """Runs a Python to its end."""
    before, started = _used_by_children(), time.monotonic()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return Start(time.monotonic() - started, _used_by_children() - before)


def _used_by_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(folder: Path, times: int) -> dict[str, list[Start]]:
    """Starts each of them so many times, in turn, after one that is not counted."""
    command = ("-m", "grantory", "keys", "list", "--data-dir", str(folder))
    starts: dict[str, Callable[[], Start]] = {
        FLOOR: lambda: program("-c", "import uvicorn"),
        "serve": lambda: server(folder, 1),
        "serve, 2 workers": lambda: server(folder, 2),
        "grantory_server of pytest": server_of_tests,
        "keys list": lambda: program(*command),
    }
    found: dict[str, list[Start]] = {name: [] for name in starts}
    for number in range(times + 1):
        for name, start in starts.items():
            if number:
                found[name].append(start())
            else:  # makes the store, and compiles what is not compiled
                start()
    return found


def tell(found: dict[str, list[Start]]) -> None:
    """Prints medians, and by how much the floor's processor time is exceeded in the same turn."""
    for name, starts in found.items():
        pairs = zip(starts, found[FLOOR], strict=True)
        ratio = statistics.median(one.processor / floor.processor for one, floor in pairs)
        wall = statistics.median(one.wall for one in starts)
        processor = statistics.median(one.processor for one in starts)
        print(f"{name:26} {wall:6.2f} s   {processor:6.2f} s of processor time   {ratio:5.2f} x")
    wall = statistics.median(one.wall for one in found["serve"])
    reached = "aim" if wall <= AIM else "must" if wall <= MUST else "neither"
    print(f"goal: {MUST} s, aim: {AIM} s, reached: {reached}")


def main() -> None:
    """Starts as often as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks start", description=__doc__)
    parser.add_argument("--times", type=int, default=10)
    times = parser.parse_args().times
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program is compiled
    with tempfile.TemporaryDirectory(prefix="grantory-bench-") as name:
        folder = Path(name)
        program("-m", "grantory", "init", "--json", "--data-dir", str(folder))
        tell(measured(folder, times))


if __name__ == "__main__":
    main()
