"""The load generator h2load, which sends at a set rate, however late the answers come."""

import os
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.pinning import pinned
from benchmarks.wrk import Target

HOW_TO_INSTALL = (
    "The overload run needs the load generator h2load. Install it:\n"
    "  apt-get install nghttp2-client     (Debian, Ubuntu; as root)\n"
    "  brew install nghttp2               (macOS)"
)
CONNECTIONS_EACH = 50
MOST_TOLD = 5
WARM_UP = 1
"""Seconds in which connections are made; what is sent then is not counted."""
CUT_OFF = 100_000
"""Microseconds: what had no answer when h2load stopped is not taken for unanswered."""
PATIENCE = 30
MEMORY = Path("/dev/shm")


class Flood(msgspec.Struct, frozen=True):
    """One request, sent so often in a second over so many connections."""

    name: str
    target: Target
    rate: float
    connections: int


class Latencies(msgspec.Struct, frozen=True):
    """How long answers took, in milliseconds, counted from the sending of the request."""

    count: int
    p50: float
    p99: float
    most: float


class Outcome(msgspec.Struct, frozen=True):
    """What became of a flood."""

    name: str
    meant: float
    """Requests per second that were to be sent; fewer were if connections had to wait."""
    sent: float
    served: Latencies
    refused: Latencies
    broken: int
    """Neither 200 nor 503."""
    how_broken: str = ""
    """The first few of them: status, how long it took, how long before the end it ended."""


def find_h2load() -> str:
    """The path of h2load.

    Raises:
        SystemExit: where there is none.
    """
    found = shutil.which("h2load")
    if found is None:
        raise SystemExit(HOW_TO_INSTALL)
    return found


def in_memory() -> Path | None:
    """A folder that is kept in memory; None where the system has none.

    h2load writes a line for each answer before it reads the next. On a disk it stands still for
    seconds once the system writes the first of them back, after half a minute, and the server
    seems to.
    """
    return MEMORY if os.access(MEMORY, os.W_OK) else None


def flood(
    h2load: str, floods: Sequence[Flood], seconds: int, folder: Path, core: int | None
) -> list[Outcome]:
    """Sends all floods at the same time, and waits for their end.

    h2load sends for all its connections at the same moment. So that requests come one by one,
    as from many callers, there are many of it, each a little later than the one before.
    """
    started: list[tuple[Flood, list[Path], list[subprocess.Popen[bytes]]]] = []
    with pinned(core):
        for number, wanted in enumerate(floods):
            count = max(1, wanted.connections // CONNECTIONS_EACH)
            logs = [folder / f"flood-{number}-{part}.log" for part in range(count)]
            started.append((wanted, logs, []))
        for part in range(max(len(logs) for _, logs, _ in started)):
            for wanted, logs, processes in started:
                if part < len(logs):
                    processes.append(_start(h2load, wanted, seconds, folder, logs[part]))
                    time.sleep(wanted.connections / wanted.rate / len(logs))
    outcomes = []
    for wanted, logs, processes in started:
        for process in processes:
            try:
                process.wait(seconds + WARM_UP + PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        outcomes.append(read_outcome(wanted, seconds, [log.read_text() for log in logs]))
        for log in logs:
            log.unlink()
    return outcomes


def _start(
    h2load: str, wanted: Flood, seconds: int, folder: Path, log: Path
) -> "subprocess.Popen[bytes]":
    target = wanted.target
    log.write_text("")
    command = [h2load, "--h1", "-t1", f"-c{CONNECTIONS_EACH}", f"-D{seconds}"]
    command += [f"--rps={wanted.rate / wanted.connections:.3f}", f"--warm-up-time={WARM_UP}"]
    command += [f"--log-file={log}", "-H", f"authorization: {target.authorization}"]
    if target.body:
        body = folder / f"{wanted.name}.body"
        body.write_text(target.body)
        command += ["-d", str(body), "-H", f"content-type: {target.content_type}"]
    return subprocess.Popen(
        [*command, target.url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def read_outcome(wanted: Flood, seconds: int, logs: Sequence[str]) -> Outcome:
    """Reads the lines of h2load's logs: when it was sent, the status, how long it took."""
    took: dict[str, list[int]] = {"200": [], "503": []}
    broken: list[str] = []
    for log in logs:
        lines = [tuple(map(int, line.split("\t")[:3])) for line in log.splitlines()]
        stopped = max((began + lasted for began, _, lasted in lines), default=0) - CUT_OFF
        for began, status, lasted in lines:
            if str(status) in took:
                took[str(status)].append(lasted)
            elif status != 0 or began + lasted < stopped:
                left = stopped + CUT_OFF - began - lasted
                broken.append(f"{status} after {lasted / 1000:.0f} ms, {left / 1000:.0f} ms before")
    sent = (len(took["200"]) + len(took["503"]) + len(broken)) / seconds
    served, refused = _latencies(took["200"]), _latencies(took["503"])
    told = "; ".join(broken[:MOST_TOLD])
    return Outcome(wanted.name, wanted.rate, sent, served, refused, len(broken), told)


def _latencies(microseconds: list[int]) -> Latencies:
    if not microseconds:
        return Latencies(0, 0.0, 0.0, 0.0)
    microseconds.sort()
    count = len(microseconds)
    p50, p99 = (microseconds[int(share * (count - 1))] / 1000 for share in (0.5, 0.99))
    return Latencies(count, p50, p99, microseconds[-1] / 1000)
