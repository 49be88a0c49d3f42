"""The shares of F as a picture: SVG by hand, for light and dark pages, with its text inside."""

import math
from collections.abc import Iterator
from html import escape

from benchmarks.columns import percent
from benchmarks.goals import SHARES, Goal
from benchmarks.key import FLOOR, GRANTORY
from benchmarks.measurement import Measured, Result, ratio
from benchmarks.spread import Spread

WIDTH, LEFT, RIGHT = 860, 250, 96
ROW, HEAD, TOP, BOTTOM = 20, 28, 46, 30
LEAST, MOST = 1e-4, 1.5
TICKS = (1e-4, 1e-3, 1e-2, 0.1, 1.0)
STYLE = """
    text { font: 12px system-ui, sans-serif; fill: #1f2328 }
    .title { font-size: 14px; font-weight: 600 }
    .work { font-weight: 600 }
    .axis { stroke: #d1d9e0 }
    .spread { stroke: #59636e; stroke-width: 2 }
    .ours { fill: #0969da }
    .other { fill: #818b98 }
    .must { stroke: #d1242f; stroke-width: 2 }
    .aim { stroke: #1a7f37; stroke-width: 2 }
    .paper { fill: #ffffff }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .axis { stroke: #3d444d }
      .spread { stroke: #9198a1 }
      .ours { fill: #58a6ff }
      .other { fill: #7d8590 }
      .must { stroke: #ff7b72 }
      .aim { stroke: #3fb950 }
      .paper { fill: #0d1117 }
    }"""
WORKS = (
    *("token", "JWT token", "introspection", "read one", "list of 10"),
    *("create", "refresh", "code exchange"),
)


def picture(measured: Measured, date: str) -> str:
    """Draws each work with everybody who does it, on a logarithmic axis."""
    rows: list[str] = []
    spoken: list[str] = []
    height = float(TOP)
    for work, results in _by_work(measured):
        height += HEAD
        rows.append(_text(8, height, work, "work"))
        for result in results:
            height += ROW
            shares = ratio(result, measured.results[0])
            goal = SHARES.get(work) if result.key.subject.startswith(GRANTORY) else None
            rows += _row(result, shares, goal, height)
            spoken.append(f"{result.key}: {percent(shares.median)} % of F")
    bottom = height + BOTTOM
    title = f"Requests per second as a share of the bare floor F, {date}"
    axis = [_axis(tick, bottom - 18) for tick in TICKS]
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 8:g}" '
            f'role="img" aria-labelledby="title description">',
            f'  <title id="title">{escape(title)}</title>',
            f'  <desc id="description">{escape(". ".join(spoken))}.</desc>',
            f"  <style>{STYLE}\n  </style>",
            f'  <rect class="paper" width="{WIDTH}" height="{bottom + 8:g}"/>',
            _text(8, 20, title, "title"),
            _text(8, 38, "line: 95 % interval of the median; red: must; green: aim"),
            *axis,
            *rows,
            "</svg>\n",
        )
    )


def _by_work(measured: Measured) -> Iterator[tuple[str, list[Result]]]:
    for work in WORKS:
        found = [result for result in measured.results if result.key.work == work]
        if found:
            yield work, found


def _row(result: Result, shares: Spread, goal: Goal | None, y: float) -> list[str]:
    middle = y - 4
    kind = "ours" if result.key.subject.startswith(GRANTORY) else "other"
    least, most = _x(shares.low), _x(shares.high)
    parts = [
        _text(20, y, result.key.subject),
        _line("spread", least, middle, max(most, least + 1), middle),
        f'  <circle class="{kind}" cx="{_x(shares.median):.1f}" cy="{middle:g}" r="4.5"/>',
        _text(WIDTH - RIGHT + 8, y, f"{percent(shares.median)} %"),
    ]
    for name, value in (("must", goal.must), ("aim", goal.aim)) if goal else ():
        parts.append(_line(name, _x(value), middle - 7, _x(value), middle + 7))
    return parts


def _axis(tick: float, bottom: float) -> str:
    x = _x(tick)
    label = f"{tick * 100:g} %" + (f" = {FLOOR.subject.removeprefix('floor ')}" * (tick == 1.0))
    return (
        _line("axis", x, TOP, x, bottom)
        + "\n"
        + f'  <text x="{x:.1f}" y="{bottom + 16:g}" text-anchor="middle">{label}</text>'
    )


def _x(share: float) -> float:
    inside = min(max(share, LEAST), MOST)
    part = math.log(inside / LEAST) / math.log(MOST / LEAST)
    return LEFT + part * (WIDTH - LEFT - RIGHT)


def _line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'  <line class="{kind}" x1="{x1:.1f}" y1="{y1:g}" x2="{x2:.1f}" y2="{y2:g}"/>'


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'  <text{named} x="{x:g}" y="{y:g}">{escape(text)}</text>'
