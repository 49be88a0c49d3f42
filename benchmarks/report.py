"""A run as tables for the terminal and the documents, and as a document for a program."""

from collections.abc import Iterator
from typing import Any

import msgspec

from benchmarks.columns import aligned, percent
from benchmarks.goals import (
    MEMORY_IDLE_MB,
    MEMORY_LOADED_MB,
    MULTIPLES,
    SHARES,
    TOKEN_P99_MS,
    Goal,
)
from benchmarks.key import GRANTORY, Key
from benchmarks.machine import Machine
from benchmarks.measurement import Measured, Plan, Result, ratio
from benchmarks.scene import FEW_CONNECTIONS
from benchmarks.spread import Spread, spread

CALM = 0.05
OPEN = " ~"
"""Behind what was reached, where the interval of the median has the must within it."""
COLUMNS = (
    *("", "requests/s", "p50 ms", "p90 ms", "p99 ms", "errors", "idle MB", "PSS MB"),
    *("% of F", "from", "to", "must", "aim", "reached"),
)
AGAINST = ("times as fast as", "", "median", "from", "to", "must", "reached")


class Run(msgspec.Struct, frozen=True):
    """Everything that was measured, the single rounds included, and where; it is kept as JSON."""

    date: str
    machine: Machine
    plan: Plan
    pinned: bool
    measured: Measured
    floor: str = ""
    """The SHA-256 of the file that was the floor; empty for ``benchmarks/floor_app.py``."""


def subjects(measured: Measured) -> dict[str, list[Result]]:
    """The results by whose they are, in their order."""
    found: dict[str, list[Result]] = {}
    for result in measured.results:
        found.setdefault(result.key.subject, []).append(result)
    return found


def table(measured: Measured) -> str:
    """Writes the results as aligned columns."""
    floor, calm = measured.results[0], measured.others <= CALM
    rows: list[tuple[str, ...]] = [COLUMNS]
    for subject, results in subjects(measured).items():
        if subject.startswith(GRANTORY):
            rows += [(), (subject, *[""] * (len(COLUMNS) - 1))]
        rows += [_row(result, floor, calm=calm) for result in results]
    return aligned(rows)


def _row(result: Result, floor: Result, *, calm: bool) -> tuple[str, ...]:
    shares = ratio(result, floor)
    ours = result.key.subject.startswith(GRANTORY)
    goal = SHARES.get(result.key.work) if ours else None
    reached = goal.reached_from_below(shares.median) if goal else ""
    if goal and shares.leaves_open(goal.must):
        reached += OPEN
    title = f"  {result.key.work}" if ours else str(result.key)
    return (
        title.removesuffix(": constant answer"),
        f"{result.rate:,.0f}",
        f"{result.p50:.2f}",
        f"{result.p90:.2f}",
        f"{result.p99:.2f}",
        str(result.errors),
        f"{result.idle_memory:.0f}",
        f"{result.memory:.0f}",
        *(percent(share) for share in (shares.median, shares.low, shares.high)),
        percent(goal.must) if goal else "",
        percent(goal.aim) if goal else "",
        reached if calm or not goal else "?",
    )


def against_peers(measured: Measured) -> str:
    """Writes how many times as fast as peers it is; empty where no peer was measured."""
    calm = measured.others <= CALM
    rows: list[tuple[str, ...]] = [AGAINST]
    for key, than, times, must in multiples(measured):
        reached = ("yes" if times.median >= must else "no") + OPEN * times.leaves_open(must)
        figures = (f"{value:.1f}" for value in (times.median, times.low, times.high))
        told = reached if calm else "?"
        rows.append((str(than), key.subject, *figures, f"{must:g}", told))
    return aligned(rows, left=2) if len(rows) > 1 else ""


def multiples(measured: Measured) -> Iterator[tuple[Key, Key, Spread, float]]:
    """Lists what must be so many times as fast as what, and how often it is."""
    for multiple in MULTIPLES:
        peer = measured.result(multiple.than)
        for subject in subjects(measured):
            ours = measured.result(Key(subject, multiple.work))
            if subject.startswith(GRANTORY) and peer and ours:
                yield ours.key, peer.key, ratio(ours, peer), multiple.must


def bounds(measured: Measured) -> Iterator[tuple[str, Spread, str, Goal]]:
    """Lists what must stay low: the figure, its unit, and the goal."""
    for subject, results in subjects(measured).items():
        if not subject.startswith(GRANTORY):
            continue
        for result in results:
            if result.key.work == "token":
                yield f"{subject}: p99 of a token", result.p99_spread, "ms", TOKEN_P99_MS
        idle, loaded = results[0].idle_memory, max(result.memory for result in results)
        yield f"{subject}: memory idle", spread([idle]), "MB PSS", MEMORY_IDLE_MB
        yield f"{subject}: memory under load", spread([loaded]), "MB PSS", MEMORY_LOADED_MB


def missed(measured: Measured) -> list[str]:
    """Names every goal that must be reached and was not; what was not measured is not missed."""
    floor, found = measured.results[0], []
    for result in measured.results:
        goal = SHARES.get(result.key.work)
        if goal and result.key.subject.startswith(GRANTORY):
            share = ratio(result, floor).median
            if share < goal.must:
                found.append(f"{result.key}: {percent(share)} % of F, must {percent(goal.must)}")
    for key, than, times, must in multiples(measured):
        if times.median < must:
            found.append(f"{key}: {times.median:.1f} times {than}, must {must:g}")
    for what, value, unit, goal in bounds(measured):
        if value.median > goal.must:
            found.append(f"{what}: {value.median:.1f} {unit}, must {goal.must:g}")
    return found


def other_goals(measured: Measured) -> str:
    """Writes the goals that are no ratios, what was not measured, and what discredits a run."""
    calm = measured.others <= CALM
    lines = []
    for what, value, unit, goal in bounds(measured):
        reached = goal.reached_from_above(value.median) + OPEN * value.leaves_open(goal.must)
        between = f" ({value.low:.1f} to {value.high:.1f})" if value.low < value.high else ""
        lines.append(
            f"{what}: {value.median:.1f}{between} {unit}, must {goal.must:g}, aim {goal.aim:g}: "
            f"reached {reached if calm else '?'}"
        )
    lines.append(f"other programs took {percent(measured.others)} % of the machine")
    lines += _not_measured(measured)
    if not calm:
        lines.append("NOT CALM: what disturbs the floor flatters the rest; run it again")
    if measured.lost_creates:
        lines.append(f"LOST: {measured.lost_creates} clients were acknowledged and are not there")
    if measured.failures:
        lines.append(f"FAILED: {measured.failures} requests failed; these figures do not count")
    return "\n".join(lines)


def _not_measured(measured: Measured) -> Iterator[str]:
    """Writes one line for all that one subject does not do for the same reason."""
    found: dict[tuple[str, str], list[str]] = {}
    for what, why in measured.missing.items():
        subject, colon, work = what.rpartition(": ")
        found.setdefault((subject + colon, why), []).append(work)
    for (subject, why), works in found.items():
        yield f"not measured: {subject}{', '.join(works)}: {why}"


def heading(run: Run) -> str:
    """Writes where and how the figures came about."""
    machine, plan = run.machine, run.plan
    names = [f"{name} {number}" for name, number in machine.versions.items()]
    lines = [f"{run.date}: {machine.cores} cores, {machine.processor}, {machine.system}"]
    lines += [", ".join(names[first : first + 7]) for first in range(0, len(names), 7)]
    lines.append(
        f"{plan.rounds} rounds of {plan.seconds} s each, {plan.connections} connections "
        f"({', '.join(f'{n} for creates on {store}' for store, n in FEW_CONNECTIONS.items())}), "
        + ("server and load on a core each" if run.pinned else "NOT PINNED: ratios will be too low")
    )
    if run.floor:
        lines.append(f"the floor is a file that was given, of SHA-256 {run.floor}")
    return "\n".join(lines)


def as_text(run: Run) -> str:
    """Writes everything that is told of a run."""
    parts = (
        heading(run),
        table(run.measured),
        against_peers(run.measured),
        other_goals(run.measured),
    )
    return "\n\n".join(part for part in parts if part)


def as_json(run: Run) -> bytes:
    """Writes a run for ``read`` and other programs, with the figures that follow from it."""
    floor = run.measured.results[0]
    document: dict[str, Any] = msgspec.to_builtins(run, str_keys=True)
    for result, written in zip(run.measured.results, document["measured"]["results"], strict=True):
        figures = {"rate": result.rate, "p50": result.p50, "p90": result.p90, "p99": result.p99}
        ours = result.key.subject.startswith(GRANTORY)
        goal = SHARES.get(result.key.work) if ours else None
        written["figures"] = msgspec.to_builtins(
            {
                **figures,
                "ofF": ratio(result, floor),
                "timesF": _times(result, floor),
                "goal": goal,
            }
        )
    document["missed"] = missed(run.measured)
    return msgspec.json.format(msgspec.json.encode(document)) + b"\n"


def _times(result: Result, floor: Result) -> dict[str, float]:
    """Latencies and memory as multiples of the floor's; 0 where the system tells no memory."""
    pairs = {
        "p50": (result.p50, floor.p50),
        "p90": (result.p90, floor.p90),
        "p99": (result.p99, floor.p99),
        "idleMemory": (result.idle_memory, floor.idle_memory),
        "memory": (result.memory, floor.memory),
    }
    return {name: round(value / base, 3) if base else 0.0 for name, (value, base) in pairs.items()}


def read(content: bytes) -> Run:
    """Reads what ``as_json`` wrote."""
    return msgspec.json.decode(content, type=Run)
