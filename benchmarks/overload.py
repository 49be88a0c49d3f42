"""``python -m benchmarks.overload [--seconds N] [--only NAME] [--json FILE]``.

Finds in a closed loop how much the server can do, then asks for twice as many tokens, for ten
times as many new clients, and for both at once, over 2,000 connections and in an open loop: a
request is sent when it is due, not when the one before was answered (unless its connection still
waits). Meanwhile and afterwards it looks how the server is.
"""

import argparse
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.h2load import Flood, Outcome, find_h2load, flood, in_memory
from benchmarks.overload_scene import SITES, OverloadedSite, site
from benchmarks.pinning import Cores, choose_cores
from benchmarks.watching import Recovery, Watch, recovery
from benchmarks.wrk import find_wrk, run_wrk

CONNECTIONS = 2_000
TOKENS, CREATES = 2, 10
TIMES = {"token": TOKENS, "create": CREATES}
"""So many times of what the server can do it is asked for."""
CLOSED_LOOP_CONNECTIONS = 32
MOST_P99_MS = 250.0
MOST_REFUSED_P99_MS = 3000.0
"""2,000 connections that all ask, and as many answers in a second, make that one second."""
LEAST_SERVED = 0.25
"""Of what the server can do in a closed loop, while it is asked for nothing else."""
MOST_RECOVERY_MS = 1000.0
MOST_GROWTH_MB = 150.0
"""For each process: 2,000 connections and what they have sent, whatever its size before."""


class Phase(msgspec.Struct, frozen=True):
    """A flood, how the server was meanwhile, and how soon it was itself again."""

    site: str
    outcomes: tuple[Outcome, ...]
    memory_before: float
    memory_peak: float
    memory_after: float
    slowest_health: float
    """Milliseconds until ``/health/live`` was answered on a new connection; endless for never."""
    recovery: Recovery
    faults: tuple[str, ...]


def capacity(place: OverloadedSite, seconds: int, wrk: str, cores: Cores) -> dict[str, float]:
    """How many requests of each kind are served in a second in a closed loop."""
    found = {}
    for name, target in place.targets.items():
        sample = run_wrk(wrk, target, seconds, CLOSED_LOOP_CONNECTIONS, cores.load)
        found[name] = (sample.requests - sample.errors) / sample.seconds
        place.server.empty_log()
    return found


def phase(
    place: OverloadedSite, floods: list[Flood], seconds: int, h2load: str, cores: Cores
) -> Phase:
    before = place.server.memory()
    with (
        tempfile.TemporaryDirectory(prefix="grantory-bench-", dir=in_memory()) as folder,
        Watch(place.server) as watch,
        ThreadPoolExecutor(1) as threads,
    ):
        running = threads.submit(flood, h2load, floods, seconds, Path(folder), cores.load)
        outcomes = tuple(running.result())
    regained = recovery(place)
    after = place.server.memory()
    place.server.empty_log()
    faults = _faults(outcomes, regained, watch, before, place)
    return Phase(
        place.name, outcomes, before, watch.peak, after, watch.slowest_health, regained, faults
    )


def _faults(
    outcomes: tuple[Outcome, ...],
    regained: Recovery,
    watch: Watch,
    before: float,
    place: OverloadedSite,
) -> tuple[str, ...]:
    faults = []
    for outcome in outcomes:
        if outcome.served.p99 > MOST_P99_MS:
            faults.append(f"p99 of {outcome.name} above {MOST_P99_MS:g} ms")
        if outcome.broken:
            told = f"neither served nor refused: {outcome.how_broken} the end"
            faults.append(f"{outcome.broken} of {outcome.name} {told}")
        answered = max(1, outcome.served.count + outcome.refused.count + outcome.broken)
        served = outcome.sent * outcome.served.count / answered
        least = outcome.meant / TIMES[outcome.name] * LEAST_SERVED if len(outcomes) == 1 else 1
        if served < least:
            faults.append(f"only {served:.0f} {outcome.name} in a second were served")
        if outcome.refused.p99 > MOST_REFUSED_P99_MS:
            faults.append(f"p99 of refused {outcome.name} above {MOST_REFUSED_P99_MS:g} ms")
    if regained.slowest > MOST_RECOVERY_MS:
        faults.append("no normal service a second later")
    if watch.peak > before + MOST_GROWTH_MB * place.processes:
        faults.append("memory grew too far")
    if watch.slowest_health == float("inf"):
        faults.append("health was not told")
    return tuple(faults)


def line(found: Phase) -> str:
    """The phase as lines of a table."""
    lines = []
    for outcome in found.outcomes:
        served, refused = outcome.served, outcome.refused
        total = max(1, served.count + refused.count + outcome.broken)
        per_second = outcome.sent / total
        lines.append(
            f"{found.site:14}{outcome.name:8}{outcome.meant:9,.0f}{outcome.sent:9,.0f}"
            f"{served.count * per_second:9,.0f}{served.p50:8.0f}{served.p99:8.0f}{served.most:8.0f}"
            f"{refused.count * per_second:9,.0f}{refused.p99:8.0f}{outcome.broken:8}"
        )
    lines.append(
        f"    PSS MB {found.memory_before:.0f} before, {found.memory_peak:.0f} at most, "
        f"{found.memory_after:.0f} after; slowest health {found.slowest_health:.0f} ms; first good "
        f"token {found.recovery.token:.0f} ms and client {found.recovery.create:.0f} ms after the "
        f"end; slowest a second later {found.recovery.later:.0f} ms"
    )
    lines += [f"    MISSED: {fault}" for fault in found.faults]
    return "\n".join(lines)


HEADING = "{:14}{:8}{:>9}{:>9}{:>9}{:>8}{:>8}{:>8}{:>9}{:>8}{:>8}".format(
    *("", "what", "meant/s", "sent/s", "served/s", "p50 ms", "p99 ms", "max ms"),
    *("refused/s", "p99 ms", "broken"),
)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overload", description=__doc__)
    parser.add_argument("--seconds", type=int, default=15, help="each flood lasts so long")
    parser.add_argument("--only", choices=SITES, action="append")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    wrk, h2load, cores = find_wrk(), find_h2load(), choose_cores()
    found: list[Phase] = []
    capacities: dict[str, Any] = {}
    print(HEADING, flush=True)
    for name in arguments.only or SITES:
        with site(name, cores) as place:
            can = capacities[name] = capacity(place, max(3, arguments.seconds // 5), wrk, cores)
            print(f"{name}: in a closed loop {can['token']:,.0f} tokens, {can['create']:,.0f} new")
            half = CONNECTIONS // 2
            token = (place.targets["token"], can["token"] * TOKENS)
            create = (place.targets["create"], can["create"] * CREATES)
            for floods in (
                [Flood("token", *token, CONNECTIONS)],
                [Flood("create", *create, CONNECTIONS)],
                [Flood("token", *token, half), Flood("create", *create, half)],
            ):
                found.append(phase(place, floods, arguments.seconds, h2load, cores))
                print(line(found[-1]), flush=True)
    if arguments.json:
        document = msgspec.to_builtins({"capacities": capacities, "phases": found})
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(document)))
    return 1 if any(each.faults for each in found) else 0


if __name__ == "__main__":
    sys.exit(main())
