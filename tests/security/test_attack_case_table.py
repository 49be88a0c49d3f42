"""The table in docs/security/attack-cases.md says what is tested, and nothing else."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "security" / "attack-cases.md"
CASES = 88
ROW = re.compile(r"\| (\d+) \| ([^|]+) \| (.+) \|")
TEST = re.compile(r"`(test_case_\w+)`")
NUMBER = re.compile(r"test_case_(\d\d)_[a-z0-9_]+")


def rows() -> dict[int, str]:
    """The last cell of each row, by number."""
    found = [ROW.fullmatch(line) for line in TABLE.read_text("utf-8").splitlines()]
    numbers = Counter(int(match[1]) for match in found if match)
    assert numbers == Counter(range(1, CASES + 1))
    return {int(match[1]): match[3] for match in found if match}


@cache
def written() -> dict[str, str]:
    """Every test of an attack case that there is: its name, and the name of its file."""
    found: dict[str, str] = {}
    for path in sorted((ROOT / "tests").rglob("*.py")):
        text = path.read_text("utf-8")
        if "def test_case_" not in text:
            continue
        tree = ast.parse(text)
        functions = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
        for name in (function.name for function in functions):
            if name.startswith("test_case_"):
                assert name not in found, f"{name} is there twice"
                found[name] = path.name
    return found


def test_every_case_has_its_row() -> None:
    assert set(rows()) == set(range(1, CASES + 1))


def test_every_listed_test_exists_and_every_test_is_listed() -> None:
    listed = {name for cell in rows().values() for name in TEST.findall(cell)}
    there = set(written())

    assert not there - listed, "not in docs/security/attack-cases.md"
    assert not listed - there, "in docs/security/attack-cases.md, but not there"


def test_every_test_stands_in_the_row_of_its_number_beside_its_file() -> None:
    files = written()
    for number, cell in rows().items():
        for part in cell.split("<br>"):
            for name in TEST.findall(part):
                match = NUMBER.fullmatch(name)
                assert match, f"{name} must be test_case_NN_what_it_shows"
                assert int(match[1]) == number
                assert part.startswith(files[name] + ": ")


def test_a_case_without_a_test_says_what_it_waits_for() -> None:
    for number, cell in rows().items():
        if TEST.search(cell) is None:
            assert re.fullmatch(r"None yet: .{10,120}\.", cell), f"case {number}: {cell}"
