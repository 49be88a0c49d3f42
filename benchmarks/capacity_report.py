"""What a capacity run has found, as text and as JSON."""

import statistics
from collections.abc import Sequence

import msgspec

from benchmarks.columns import aligned
from benchmarks.goals import Goal
from benchmarks.machine import Machine
from benchmarks.report import CALM

MOST_TOLD = 5
COLUMNS = ("", "median", "least", "most", "unit", "must", "aim", "reached")


class Figure(msgspec.Struct, frozen=True):
    """One figure, of several rounds."""

    what: str
    values: tuple[float, ...]
    unit: str = ""
    goal: Goal | None = None
    high_is_good: bool = False

    @property
    def median(self) -> float:
        """What counts."""
        return statistics.median(self.values)

    @property
    def reached(self) -> str:
        """Which goal it has reached; empty where there is none."""
        if self.goal is None:
            return ""
        if self.high_is_good:
            return self.goal.reached_from_below(self.median)
        return self.goal.reached_from_above(self.median)


class Part(msgspec.Struct, frozen=True):
    """The figures of one question, with what must be known to read them."""

    name: str
    figures: tuple[Figure, ...]
    note: str = ""


class Run(msgspec.Struct, frozen=True):
    """Everything that was found, and where."""

    date: str
    machine: Machine
    rounds: int
    seconds: int
    parts: tuple[Part, ...]
    others: float
    """The share of the machine that other programs took meanwhile."""
    failures: tuple[str, ...] = ()
    """Requests that failed."""

    def figure(self, what: str) -> Figure | None:
        """A figure by its name, if it was measured."""
        figures = (figure for part in self.parts for figure in part.figures)
        return next((figure for figure in figures if figure.what == what), None)


def missed(run: Run) -> list[str]:
    """Names every goal that must be reached and was not."""
    return [
        f"{figure.what}: {number(figure.median)} {figure.unit}".rstrip()
        for part in run.parts
        for figure in part.figures
        if figure.reached == "no"
    ]


def as_text(run: Run) -> str:
    """Writes everything that is told of a run."""
    machine, calm = run.machine, run.others <= CALM
    versions = (f"{name} {version}" for name, version in machine.versions.items())
    kept = [text for text in versions if text.split()[0] in ("grantory", "python", "SQLite")]
    kept += [f"PostgreSQL {machine.versions.get('PostgreSQL', 'none')}"]
    lines = [
        f"{run.date}: {machine.cores} cores, {machine.processor}, {machine.system}",
        ", ".join(kept),
        f"{run.rounds} rounds of {run.seconds} s each",
        "",
        aligned(_rows(run.parts, calm=calm)),
        "",
    ]
    lines += dict.fromkeys(part.note for part in run.parts if part.note)
    lines.append(f"other programs took {run.others * 100:.1f} % of the machine")
    lines += [f"FAILED: {failure}" for failure in run.failures[:MOST_TOLD]]
    if len(run.failures) > MOST_TOLD:
        lines.append(f"FAILED: {len(run.failures) - MOST_TOLD} times more")
    if not calm:
        lines.append("NOT CALM: run it again")
    return "\n".join(lines)


def _rows(parts: Sequence[Part], *, calm: bool) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [COLUMNS]
    for part in parts:
        rows += [(), (part.name, *[""] * (len(COLUMNS) - 1))]
        for figure in part.figures:
            goal = figure.goal
            rows.append(
                (
                    f"  {figure.what}",
                    number(figure.median),
                    number(min(figure.values)) if len(figure.values) > 1 else "",
                    number(max(figure.values)) if len(figure.values) > 1 else "",
                    figure.unit,
                    number(goal.must) if goal else "",
                    number(goal.aim) if goal else "",
                    figure.reached if calm or not goal else "?",
                )
            )
    return rows


def number(value: float) -> str:
    """A figure with three digits that count, or all that stand before the point."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 or value == 0 else f"{value:.3g}"


def as_json(run: Run) -> bytes:
    """Writes a run for ``read`` and other programs."""
    return msgspec.json.format(msgspec.json.encode(run)) + b"\n"


def read(content: bytes) -> Run:
    """Reads what ``as_json`` wrote."""
    return msgspec.json.decode(content, type=Run)
