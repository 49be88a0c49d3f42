"""The tables of docs/compatibility, read as tests compare them with what is there."""

import re
from pathlib import Path
from typing import Final

INDEX: Final = Path(__file__).resolve().parents[2] / "docs" / "compatibility.md"
FOLDER: Final = INDEX.with_suffix("")
ABSENT: Final = {"ignored", "never"}
"""What is said of a field that a body need not have, or an answer has not."""
_TEXT: Final = re.compile(r"`([^`]+)`")
_OPERATION: Final = re.compile(r"\| `([A-Z]+ /[^`]*)` (\|.*\|)")


def named(cell: str) -> list[str]:
    """What a cell names in code."""
    return _TEXT.findall(cell)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line[1:-1].split("|")]


def told_operations() -> dict[str, list[str]]:
    """The cells of each operation's row after the first, by method and path."""
    found: dict[str, list[str]] = {}
    for line in (FOLDER / "operations.md").read_text("utf-8").splitlines():
        if match := _OPERATION.fullmatch(line):
            assert match[1] not in found, f"{match[1]} is there twice"
            found[match[1]] = _cells(match[2])
    return found


def told_models() -> dict[str, dict[str, str]]:
    """For each model what its column says of each field."""
    found: dict[str, dict[str, str]] = {}
    columns: list[list[str]] = []
    for line in (FOLDER / "models.md").read_text("utf-8").splitlines():
        if not line.startswith("|"):
            columns = []
        elif line.startswith("| field |"):
            columns = [named(cell) for cell in _cells(line)]
            for name in (name for column in columns for name in column):
                assert name not in found, f"{name} has two columns"
                found[name] = {}
        elif columns and not line.startswith("|---"):
            field, *told = _cells(line)
            for names, cell in zip(columns[1:], told, strict=True):
                for name in names:
                    found[name][named(field)[0]] = cell
    return found
