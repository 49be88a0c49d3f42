"""Tables for people: as wide as the terminal, and never cut."""

import os
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

import typer

GAP: Final = 2
LEAST: Final = 12
"""Columns of a terminal that a text which can be folded is left at least."""
PIECE: Final = 300
"""Rows that are looked at before the first of them is written."""
_STATES: Final = {
    "inactive": typer.colors.YELLOW,
    "disabled": typer.colors.RED,
    "Revoked": typer.colors.RED,
}


class Column(NamedTuple):
    """A column of a table."""

    title: str
    value: Callable[[dict[str, Any]], Any]
    folds: bool = False
    """Whether it may take several lines where the terminal is narrow."""
    spare: bool = False
    """Whether it is left out where the terminal is narrow."""


def plain(text: object) -> str:
    """A text that moves no cursor: what a server sends may hold a terminal's own language."""
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in str(text))


def table(
    columns: Sequence[Column], rows: Iterable[Sequence[str]], width: int | None
) -> Iterator[str]:
    """Writes a table, of which it holds a piece at a time, however long it is.

    Columns only grow from piece to piece; where they do in a terminal, the heading is repeated.

    Args:
        columns: those that there are.
        rows: a text for each column.
        width: columns of the terminal; None for a file or a pipe, where every row is one line.

    Yields:
        Lines, each with a line break at its end, of which the first is the heading; many at once.
    """
    titles = [column.title for column in columns]
    widths = list(map(cells, titles))
    rest = iter(rows)
    layout: _Layout | None = None
    while True:
        piece = [[plain(text) for text in row] for row in islice(rest, PIECE)]
        if layout is not None and not piece:
            return
        for place, each in enumerate(zip(*piece, strict=True)):
            widths[place] = max(widths[place], *map(cells, each))
        last, layout = layout, _layout(columns, widths, width)
        lines = []
        if last is None or (width is not None and last != layout):
            lines += _lines(titles, layout, heading=True)
        for row in piece:
            lines += _lines(row, layout, heading=False)
        yield "".join(f"{line}\n" for line in lines)


def terminal_width() -> int | None:
    """The columns of the terminal that is written to; None where that is none."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def colours() -> bool:
    """Whether what is written may have colours (https://no-color.org)."""
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def cells(text: str) -> int:
    """The columns of a terminal that a text takes."""
    return sum(map(_cells_of, text)) if not text.isascii() else len(text)


def _cells_of(sign: str) -> int:
    if unicodedata.combining(sign):
        return 0
    return 2 if unicodedata.east_asian_width(sign) in "WF" else 1


class _Layout(NamedTuple):
    """Which columns are shown, and how wide each of all columns is."""

    chosen: list[int]
    widths: list[int]


def _layout(columns: Sequence[Column], widths: Sequence[int], width: int | None) -> _Layout:
    """Leaves columns out, and takes from those that fold, the last one first, what is too much."""
    chosen, wide = list(range(len(columns))), list(widths)
    if width is None:
        return _Layout(chosen, wide)
    for place in reversed(range(len(columns))):
        least = [min(wide[i], LEAST) if columns[i].folds else wide[i] for i in chosen]
        if sum(least) + GAP * (len(chosen) - 1) > width and columns[place].spare:
            chosen.remove(place)
    for place in reversed(chosen):
        over = sum(wide[i] for i in chosen) + GAP * (len(chosen) - 1) - width
        if over > 0 and columns[place].folds:
            wide[place] = max(min(wide[place], LEAST), wide[place] - over)
    return _Layout(chosen, wide)


def _lines(line: Sequence[str], layout: _Layout, *, heading: bool) -> list[str]:
    chosen, widths = layout
    parts = [folded(line[place], widths[place]) for place in chosen]
    written = []
    for number in range(max(map(len, parts))):
        texts = [part[number] if number < len(part) else "" for part in parts]
        padded = [
            text + " " * (widths[place] - cells(text))
            for text, place in zip(texts, chosen, strict=True)
        ]
        padded[-1] = texts[-1]
        if colours():
            padded = [_coloured(text, heading=heading) for text in padded]
        written.append((" " * GAP).join(padded).rstrip())
    return written


def _coloured(text: str, *, heading: bool) -> str:
    if heading:
        return typer.style(text, bold=True)
    colour = _STATES.get(text.strip())
    return typer.style(text, fg=colour) if colour else text


def folded(text: str, width: int) -> list[str]:
    """A text in lines of a width, parted between words where that can be.

    Args:
        text: the text.
        width: columns of a terminal.
    """
    lines: list[str] = []
    while cells(text) > width:
        end = min(len(text), width)
        while cells(text[:end]) > width and end > 1:
            end -= 1
        space = text.rfind(" ", 1, end + 1)
        cut = space if space > 0 else end
        lines.append(text[:cut].rstrip())
        text = text[cut:].lstrip()
    return [*lines, text]
