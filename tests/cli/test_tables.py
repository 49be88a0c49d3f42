"""Tables of any length: laid out piece by piece, in flat memory, and never cut."""

import os
import tracemalloc
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from grantory.cli.clients import COLUMNS
from grantory.cli.session import Session
from grantory.cli.tables import PIECE, Column, table
from tests.support.scripted import Pages

THREE = (
    Column("ID", lambda row: row["id"]),
    Column("NAME", lambda row: row["name"], folds=True),
    Column("MADE", lambda row: row["made"], spare=True),
)


def rows(count: int, name: str = "n") -> list[list[str]]:
    return [[f"{number:04d}", name, "2026-11-28"] for number in range(count)]


def lines(width: int | None, *given: list[list[str]]) -> list[str]:
    return "".join(table(THREE, [row for part in given for row in part], width)).splitlines()


@pytest.mark.parametrize("count", [0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE])
@pytest.mark.parametrize("width", [None, 80])
def test_every_row_is_there_once_under_one_heading(count: int, width: int | None) -> None:
    shown = lines(width, rows(count))
    assert shown[0] == "ID    NAME  MADE" if count else "ID  NAME  MADE"
    assert [line[:4] for line in shown[1:]] == [f"{number:04d}" for number in range(count)]


def test_the_first_rows_come_before_the_last_ones_are_asked_for() -> None:
    asked = []

    def ask() -> list[str]:
        asked.append(1)
        return ["1", "2", "3"]

    pieces = table(THREE, (ask() for _ in range(10 * PIECE)), None)
    assert next(pieces).count("\n") == PIECE + 1
    assert len(asked) == PIECE


def test_what_comes_late_and_is_wide_is_one_line_in_a_pipe() -> None:
    shown = lines(None, rows(PIECE), rows(1, "wide " * 40), rows(PIECE))
    assert len(shown) == 1 + PIECE + 1 + PIECE
    assert shown[PIECE] == f"{PIECE - 1:04d}  n     2026-11-28"
    assert shown[PIECE + 1] == f"0000  {'wide ' * 40}  2026-11-28"
    assert shown[-2].startswith(f"{PIECE - 2:04d}  n     ")
    assert sum(line.startswith("ID") for line in shown) == 1


def test_where_columns_grow_in_a_terminal_the_heading_is_repeated() -> None:
    shown = lines(30, rows(PIECE), rows(1, "wide " * 12), rows(2 * PIECE))
    assert max(map(len, shown)) <= 30
    headings = [place for place, line in enumerate(shown) if line.startswith("ID")]
    assert headings == [0, PIECE + 1]
    assert shown[PIECE] == f"{PIECE - 1:04d}  n     2026-11-28"
    assert shown[PIECE + 1] == "ID    NAME          MADE"
    assert shown[PIECE + 2] == "0000  wide wide     2026-11-28"
    assert shown[PIECE + 3] == "      wide wide"
    ids = [line[:4] for line in shown if line[:4].isdigit()]
    assert len(ids) == 3 * PIECE + 1


def peak(count: int) -> int:
    """Bytes that a list takes at most."""
    with (
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
        Pages(count).client() as client,
    ):
        tracemalloc.start()
        try:
            Session(None, None).put_list(COLUMNS, client.oauth_clients.list(page_size=100))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


def test_a_list_that_is_ten_times_as_long_takes_no_more_memory() -> None:
    peak(1_000)  # whatever is loaded and kept for good
    short, long = peak(2_000), peak(20_000)
    assert long < short + 300_000
