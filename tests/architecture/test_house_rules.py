"""The rules of the house that no other tool checks."""

import ast
import re
import statistics
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "grantory"
DOMAIN = PACKAGE / "domain"

HARD_LIMIT = 500
MEDIAN_LIMIT = 120
REFUSED_NAMES = {"utils", "helpers", "common", "manager"}

# What the domain may use: nothing that reads a clock, draws a number or touches the world.
PURE_MODULES = {
    "__future__",
    "abc",
    "base64",
    "binascii",
    "bisect",
    "collections",
    "collections.abc",
    "dataclasses",
    "datetime",
    "enum",
    "functools",
    "hashlib",
    "hmac",
    "ipaddress",
    "itertools",
    "math",
    "operator",
    "re",
    "string",
    "types",
    "typing",
    "unicodedata",
    "urllib.parse",
    "uuid",
    "zlib",
    # not of the standard library, and as pure
    "msgspec",
    "typing_extensions",
    # the only layers below
    "grantory.domain",
    "grantory.errors",
}
# Functions of otherwise pure modules that are not.
IMPURE_CALLS = {
    "date.today",
    "datetime.now",
    "datetime.today",
    "datetime.utcnow",
    "uuid.getnode",
    "uuid.uuid1",
    "uuid.uuid4",
    "uuid1",
    "uuid4",
}

# Folders that exist on one machine only. The pieces are put together here, lest this file
# be the first to break the rule.
HOMES = "|".join(["root", "work", "home", "Users"])
ONE_MACHINE = re.compile(rf"(?<![\w.~}}-])/(?:{HOMES})/\w")


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


MADE = frozenset(
    {
        ".venv",
        ".compat",
        ".locker",
        ".bench",
        "dist",
        "build",
        "soak-report",
        "__pycache__",
        ".hypothesis",
    }
)


def line_count(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


ALL_PYTHON = python_files("src", "sdk", "tests", "tools", "benchmarks")
SOURCE = python_files("src", "sdk/src")
DOMAIN_FILES = sorted(DOMAIN.rglob("*.py"))


def text_files() -> list[Path]:
    """Every file that is in the repository or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:  # an unpacked archive: all that is not made by make
        paths = [path for path in ROOT.rglob("*") if not MADE.intersection(path.parts)]
    else:
        paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def imported_modules(tree: ast.Module, package: str) -> set[str]:
    """The full names of what a module imports, relative imports resolved."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] + "." if node.level else ""
            found.add((base + (node.module or "")).rstrip("."))
    return found


def is_pure(name: str) -> bool:
    if name in PURE_MODULES:
        return True
    return name.startswith(("grantory.domain.", "grantory.errors.", "msgspec."))


def test_there_is_something_to_check() -> None:
    assert SOURCE
    assert DOMAIN_FILES


def test_no_file_is_too_long() -> None:
    too_long = {relative(p): n for p in ALL_PYTHON if (n := line_count(p)) > HARD_LIMIT}

    assert not too_long


def test_half_of_the_source_files_are_short() -> None:
    assert statistics.median(map(line_count, SOURCE)) <= MEDIAN_LIMIT


def test_names_say_what_is_inside() -> None:
    refused = [
        relative(path)
        for path in ALL_PYTHON
        if REFUSED_NAMES & {path.stem, *path.relative_to(ROOT).parts[:-1]}
    ]

    assert not refused


def test_every_public_module_says_what_it_is_for() -> None:
    silent = [
        relative(path)
        for path in SOURCE
        if (not path.stem.startswith("_") or path.stem in {"__init__", "__main__"})
        and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]

    assert not silent


def test_no_file_names_a_folder_of_one_machine() -> None:
    named: list[str] = []
    for path in text_files():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # a picture or a font
        named += [f"{relative(path)}: {match[0]}" for match in ONE_MACHINE.finditer(text)]

    assert not named


@pytest.mark.parametrize("path", DOMAIN_FILES, ids=relative)
def test_the_domain_imports_only_what_is_pure(path: Path) -> None:
    parts = path.relative_to(ROOT / "src").with_suffix("").parts
    tree = ast.parse(path.read_text("utf-8"))

    impure = {name for name in imported_modules(tree, ".".join(parts[:-1])) if not is_pure(name)}

    assert not impure


@pytest.mark.parametrize("path", DOMAIN_FILES, ids=relative)
def test_the_domain_reads_no_clock_and_draws_no_number(path: Path) -> None:
    calls = {
        ast.unparse(node.func)
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
    }

    assert not {call for call in calls if ".".join(call.split(".")[-2:]) in IMPURE_CALLS}
