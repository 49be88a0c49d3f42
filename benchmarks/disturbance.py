"""How much of the machine other programs took while a run was measured."""

import os
import resource
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

TICKS = os.sysconf("SC_CLK_TCK")


class Usage(msgspec.Struct, frozen=True):
    """Seconds of processor time up to now."""

    whole_machine: float
    ours: float


def usage_now(server_processes: Iterable[int]) -> Usage:
    """Reads the machine's time, and that of the servers, of wrk and of this program."""
    if sys.platform != "linux":
        return Usage(0.0, 0.0)
    ours = processor_seconds(server_processes)
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        ours += used.ru_utime + used.ru_stime
    return Usage(read_machine(Path("/proc/stat").read_text()), ours)


def processor_seconds(processes: Iterable[int]) -> float:
    """What processes have taken so far; those that have ended took nothing."""
    return sum(_of_process(process_id) for process_id in processes)


def others(before: Usage, after: Usage, seconds: float, cores: int) -> float:
    """The share of the machine that went to programs other than ours."""
    foreign = (after.whole_machine - before.whole_machine) - (after.ours - before.ours)
    return max(0.0, foreign / (seconds * cores))


def read_machine(text: str) -> float:
    """Sums ``/proc/stat`` without idling and waiting; the time that a host took away counts.

    Interrupts count too: most are packets, whose time the processes' own figures include.
    """
    fields = [int(field) for field in text.splitlines()[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def _of_process(process_id: int) -> float:
    try:
        text = Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return 0.0
    fields = text.rpartition(")")[2].split()
    # With that of children that have ended: those of a database server come and go.
    return sum(map(int, fields[11:15])) / TICKS
