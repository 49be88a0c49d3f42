"""A run as a table for the terminal, and as a document for a program."""

from typing import Any

import msgspec

from benchmarks.goals import MEMORY_IDLE_MB, MEMORY_LOADED_MB, RATIOS, TOKEN_P99_MS, Goal
from benchmarks.machine import Machine
from benchmarks.measurement import Measured, Plan, Result, ratio
from benchmarks.scene import FLOORS

CALM = 0.05
COLUMNS = (
    *("", "requests/s", "p50 ms", "p99 ms", "errors", "PSS MB"),
    *("% of F", "least", "most", "must", "aim", "reached"),
)


def table(measured: Measured) -> str:
    """Writes the results as aligned columns."""
    floor = measured.results[0]
    calm = measured.others <= CALM
    rows = [COLUMNS, *(_row(result, floor, calm=calm) for result in measured.results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def _row(result: Result, floor: Result, *, calm: bool) -> tuple[str, ...]:
    shares = ratio(result, floor)
    goal = RATIOS.get(result.name)
    reached = goal.reached_from_below(shares.median) if goal else ""
    return (
        result.name,
        f"{result.rate:,.0f}",
        f"{result.p50:.2f}",
        f"{result.p99:.2f}",
        str(result.errors),
        f"{result.memory:.0f}",
        *(_percent(share) for share in (shares.median, shares.least, shares.most)),
        _percent(goal.must) if goal else "",
        _percent(goal.aim) if goal else "",
        reached if calm or not goal else "?",
    )


def other_goals(measured: Measured) -> str:
    """Writes the goals that are no share of the floor."""
    lines = [
        f"{what}: {value:.1f} {unit}, must {goal.must:g}, aim {goal.aim:g}: "
        f"reached {goal.reached_from_above(value)}"
        for what, value, unit, goal in _bounds(measured)
    ]
    lines.append(f"other programs took {_percent(measured.others)} % of the machine")
    if measured.others > CALM:
        lines.append("NOT CALM: what disturbs the floor flatters the rest; run it again")
    if measured.lost_creates:
        lines.append(f"LOST: {measured.lost_creates} clients were acknowledged and are not there")
    if measured.failures:
        lines.append(f"FAILED: {measured.failures} requests failed; these figures do not count")
    return "\n".join(lines)


def _bounds(measured: Measured) -> tuple[tuple[str, float, str, Goal], ...]:
    token = next(result for result in measured.results if result.name == "token")
    loaded = max(r.memory for r in measured.results if r.name not in FLOORS)
    return (
        ("p99 of a token", token.p99, "ms", TOKEN_P99_MS),
        ("memory idle", measured.idle_memory, "MB PSS", MEMORY_IDLE_MB),
        ("memory under load", loaded, "MB PSS", MEMORY_LOADED_MB),
    )


def heading(machine: Machine, plan: Plan, *, pinned: bool) -> str:
    """Writes where and how the figures came about."""
    lines = [
        f"{machine.cores} cores, {machine.processor}, {machine.system}",
        ", ".join(f"{name} {number}" for name, number in machine.versions.items()),
        f"{plan.rounds} rounds of {plan.seconds} s each, {plan.connections} connections, "
        + ("server and load on a core each" if pinned else "NOT PINNED: ratios will be too low"),
    ]
    return "\n".join(lines)


def document(machine: Machine, plan: Plan, measured: Measured) -> dict[str, Any]:
    """Everything, the single rounds included."""
    floor = measured.results[0]
    works = [
        {
            "name": result.name,
            "requestsPerSecond": round(result.rate, 1),
            "p50Ms": result.p50,
            "p99Ms": result.p99,
            "errors": result.errors,
            "pssMb": round(result.memory, 1),
            "ratio": ratio(result, floor),
            "goal": RATIOS.get(result.name),
            "rounds": result.samples,
        }
        for result in measured.results
    ]
    found: dict[str, Any] = msgspec.to_builtins(
        {
            "machine": machine,
            "plan": plan,
            "works": works,
            "idlePssMb": round(measured.idle_memory, 1),
            "othersShare": round(measured.others, 3),
            "failures": measured.failures,
        }
    )
    return found


def _percent(share: float) -> str:
    return f"{share * 100:.1f}".removesuffix(".0")
