"""Rows of text as aligned columns."""

from collections.abc import Sequence


def aligned(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Writes a table, the first row above a line.

    Args:
        rows: the heading and what stands below it; an empty row makes an empty line.
        left: so many columns begin where the others end.
    """
    count = len(rows[0])
    full = [row for row in rows if row]
    widths = [max(len(row[column]) for row in full) for column in range(count)]
    lines = [
        "  ".join(
            cell.ljust(width) if column < left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        if row
        else ""
        for row in rows
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)


def percent(share: float) -> str:
    """A share as a number of percent, with a digit where that says anything."""
    if 0 < share < 0.01:
        return f"{share * 100:.2f}"
    return f"{share * 100:.1f}".removesuffix(".0")
