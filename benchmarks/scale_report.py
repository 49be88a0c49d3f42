"""What a million clients cost, as text and as JSON."""

import msgspec

from benchmarks.columns import aligned
from benchmarks.goals import Goal
from benchmarks.machine import Machine
from benchmarks.report import CALM, OPEN
from benchmarks.spread import Spread, spread

COLUMNS = ("", "from", "to", "", "must", "aim", "reached")
VERSIONS = ("grantory", "python", "SQLite", "PostgreSQL")


class Line(msgspec.Struct, frozen=True):
    """One figure and its goal, which it is not to exceed."""

    kind: str
    """The database."""
    what: str
    before: str
    """Of the small store: median and p99 in ms, or the memory at first."""
    after: str
    """Of the large store, or the most memory."""
    values: tuple[float, ...]
    """Of each round; of what has no rounds one."""
    unit: str
    goal: Goal

    @property
    def figure(self) -> Spread:
        """What counts is its median."""
        return spread(self.values)

    @property
    def reached(self) -> str:
        """Which goal was reached."""
        return self.goal.reached_from_above(self.figure.median)


class Run(msgspec.Struct, frozen=True):
    """Everything that was measured, and where."""

    date: str
    machine: Machine
    few: int
    clients: int
    samples: int
    filling: dict[str, float]
    """By database, the seconds that it took to fill the large store, whenever that was."""
    lines: tuple[Line, ...]
    others: float
    """The share of the machine that other programs took meanwhile."""


def missed(run: Run) -> list[str]:
    """Names every goal that must be reached and was not."""
    return [
        f"{line.kind}, {line.what}: {number(line.figure.median)} {line.unit}, "
        f"must {line.goal.must:g}"
        for line in run.lines
        if line.reached == "no"
    ]


def as_text(run: Run) -> str:
    """Writes everything that is told of a run."""
    machine = run.machine
    versions = (f"{name} {machine.versions[name]}" for name in VERSIONS if name in machine.versions)
    taken = (f"{kind} {seconds:,.0f} s" for kind, seconds in run.filling.items())
    sizes = f"{run.few} clients", f"{run.clients:,} clients"
    rows: list[tuple[str, ...]] = [("", *sizes, *COLUMNS)]
    for kind in dict.fromkeys(line.kind for line in run.lines):
        rows += [(), (kind, *[""] * (len(rows[0]) - 1))]
        rows += [_row(line, calm=run.others <= CALM) for line in run.lines if line.kind == kind]
    lines = [
        f"{run.date}: {machine.cores} cores, {machine.processor}, {machine.system}",
        ", ".join(versions),
        f"{run.samples} samples, median/p99 in ms; filling took: {', '.join(taken)}",
        "",
        aligned(rows),
        "",
        f"other programs took {run.others * 100:.1f} % of the machine",
        *(f"MISSED: {goal}" for goal in missed(run)),
    ]
    if run.others > CALM:
        lines.append("NOT CALM: run it again")
    return "\n".join(lines)


def _row(line: Line, *, calm: bool) -> tuple[str, ...]:
    figure = line.figure
    is_ratio = len(line.values) > 1
    reached = line.reached + OPEN * figure.leaves_open(line.goal.must)
    return (
        f"  {line.what}",
        line.before,
        line.after,
        number(figure.median),
        number(figure.low) if is_ratio else "",
        number(figure.high) if is_ratio else "",
        line.unit,
        f"{line.goal.must:g}",
        f"{line.goal.aim:g}",
        reached if calm else f"{reached} ?",
    )


def number(value: float) -> str:
    """A figure with two digits behind the point, or fewer where it is large."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def as_json(run: Run) -> bytes:
    """Writes a run for ``read`` and other programs, with what follows from it."""
    document = msgspec.to_builtins(run)
    for line, written in zip(run.lines, document["lines"], strict=True):
        written["figure"] = msgspec.to_builtins(line.figure)
        written["reached"] = line.reached
    document["missed"] = missed(run)
    return msgspec.json.format(msgspec.json.encode(document)) + b"\n"


def read(content: bytes) -> Run:
    """Reads what ``as_json`` wrote."""
    return msgspec.json.decode(content, type=Run)
