"""The figures of a million clients: what is told of a run, and the stores that are kept for it."""

from pathlib import Path

import pytest

from benchmarks.goals import Goal
from benchmarks.machine import Machine
from benchmarks.scale_report import Line, Run, as_json, as_text, missed, read
from benchmarks.scale_scene import DATA, FILLED, is_filled, place_of
from tests.support.postgres import Cluster

SIZES = Goal(1.2, 1.0)


def run(*lines: Line, foreign: float = 0.01) -> Run:
    machine = Machine(2, "A processor", "Linux", {"python": "3.11.7", "uvicorn": "0.1"})
    return Run("2026-01-31", machine, 10, 1_000_000, 200, {"sqlite": 767.2}, lines, foreign)


def line(*values: float, what: str = "create") -> Line:
    return Line("sqlite", what, "5.00/9.00", "6.00/9.90", values, "x", SIZES)


def test_a_run_says_what_was_reached_and_is_read_as_it_was_written() -> None:
    slow, fast = line(1.3, 1.3), line(0.9, 1.0, what="token")
    found = run(slow, fast)

    assert (slow.reached, fast.reached) == ("no", "aim")
    assert missed(found) == ["sqlite, create: 1.30 x, must 1.2"]
    assert read(as_json(found)) == found
    text = as_text(found)
    assert "filling took: sqlite 767 s" in text
    assert "MISSED: sqlite, create" in text
    assert "uvicorn" not in text
    assert "NOT CALM" in as_text(run(fast, foreign=0.2))


@pytest.mark.parametrize(("values", "end"), [((1.0, 1.1, 1.3), "must ~"), ((1.0, 1.1), "must")])
def test_a_must_within_the_interval_is_left_open(values: tuple[float, ...], end: str) -> None:
    row = as_text(run(line(*values))).splitlines()[8]

    assert row.endswith(end)


def test_a_store_is_filled_once_it_says_so(tmp_path: Path) -> None:
    place = place_of(tmp_path, "sqlite", 20)
    (place / DATA).mkdir(parents=True)

    assert not is_filled(place)
    (place / FILLED).write_text("{}")
    assert is_filled(place)
    assert place_of(tmp_path, "sqlite", 30) != place


@pytest.mark.slow
def test_a_database_server_begins_with_what_another_has_kept(tmp_path: Path) -> None:
    with Cluster() as first:
        first.psql("CREATE TABLE told (word text); INSERT INTO told VALUES ('kept')")
        first.keep(tmp_path / "kept")
    with Cluster(kept=tmp_path / "kept") as second:
        told = second.psql("TABLE told")
        second.psql("DROP TABLE told")
    with Cluster(kept=tmp_path / "kept") as third:
        again = third.psql("TABLE told")

    assert told == again == "kept"
