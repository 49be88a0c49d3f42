"""``make soak`` runs every test that goes on for longer then."""

import re
from pathlib import Path

from tools.soak import PARTS

ROOT = Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
ASKS = re.compile(
    r"^from tests\.support\.soak import .*\b(rounds|soaking|databases)\b", re.MULTILINE
)


def test_what_asks_whether_it_is_a_soak_run_is_part_of_one() -> None:
    named = [ROOT / name for name in PARTS["tests"] if name.startswith("tests/")]
    assert [path for path in named if not path.exists()] == []
    asking = [path for path in TESTS.rglob("test_*.py") if ASKS.search(path.read_text("utf-8"))]
    assert len(asking) > 10
    left_out = [
        str(path.relative_to(ROOT))
        for path in asking
        if not any(path.is_relative_to(name) for name in named)
    ]
    assert left_out == []
