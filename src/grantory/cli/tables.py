"""Tables for people: as wide as the terminal, and never cut."""

import os
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

import typer

GAP: Final = 2
LEAST: Final = 12
"""Columns of a terminal that a text which can be folded is left at least."""
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


def table(columns: Sequence[Column], rows: Iterable[Sequence[str]], width: int | None) -> str:
    """Writes a table.

    Args:
        columns: those that there are.
        rows: a text for each column.
        width: columns of the terminal; None for a file or a pipe, where every row is one line.

    Returns:
        Lines, of which the first is the heading, each with a line break at its end.
    """
    lines = [[column.title for column in columns], *([plain(text) for text in r] for r in rows)]
    widths = [max(map(cells, each)) for each in zip(*lines, strict=True)]
    chosen = list(range(len(columns)))
    if width is not None:
        for place in reversed(range(len(columns))):
            least = [min(widths[i], LEAST) if columns[i].folds else widths[i] for i in chosen]
            if sum(least) + GAP * (len(chosen) - 1) > width and columns[place].spare:
                chosen.remove(place)
        _shrink(widths, chosen, columns, width)
    written = []
    for number, line in enumerate(lines):
        written += _lines(line, chosen, widths, heading=number == 0)
    return "".join(f"{line}\n" for line in written)


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


def _shrink(widths: list[int], chosen: list[int], columns: Sequence[Column], width: int) -> None:
    """Takes from columns that fold, the last one first, what is too much."""
    for place in reversed(chosen):
        over = sum(widths[i] for i in chosen) + GAP * (len(chosen) - 1) - width
        if over > 0 and columns[place].folds:
            widths[place] = max(min(widths[place], LEAST), widths[place] - over)


def _lines(
    line: Sequence[str], chosen: Sequence[int], widths: Sequence[int], *, heading: bool
) -> list[str]:
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
