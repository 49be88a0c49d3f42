"""Older programs of this very repository, out of its history, run as they were."""

import io
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from grantory.storage.sql.migrations import HEAD
from tests.support.barred import barred

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = "src/grantory/storage/sql/migrations/versions"
SAY_WHERE = "import grantory.storage.sql.migrations as m; print(m.HEAD, m.__file__)"


class OlderProgram(NamedTuple):
    """The source of a program as it was once."""

    source: Path
    schema: str
    """The newest revision of the tables that it knows."""

    @property
    def environment(self) -> dict[str, str]:
        """Has Python run it instead of the program of today."""
        return {"PYTHONPATH": str(self.source), "PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def program_of_the_same_schema() -> Iterator[OlderProgram]:
    """The first one that had the tables of today."""
    with _program_at(_first_of_this_schema()) as program:
        assert program.schema == HEAD
        yield program


@contextmanager
def program_of_the_schema_before() -> Iterator[OlderProgram]:
    """The last one that had the tables of the revision before."""
    with _program_at(f"{_first_of_this_schema()}^1") as program:
        assert int(program.schema) == int(HEAD) - 1
        yield program


@cache
def _first_of_this_schema() -> str:
    """The commit with which the newest revision came to the main line."""
    asked = ["log", "--first-parent", "--diff-filter=A", "-1", "--format=%H", "HEAD"]
    found = _git(*asked, "--", f"{SCRIPTS}/r{HEAD}_*.py").decode().strip()
    if not found or _git("rev-parse", "--is-shallow-repository").strip() == b"true":
        barred("this is no clone of the repository with its whole history")
    return found


@contextmanager
def _program_at(commit: str) -> Iterator[OlderProgram]:
    with TemporaryDirectory(prefix="grantory-older-") as folder:
        packed = io.BytesIO(_git("archive", "--format=zip", commit, "src"))
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(folder)
        program = OlderProgram(Path(folder) / "src", "")
        said = subprocess.run(
            [sys.executable, "-c", SAY_WHERE],
            env=program.environment,
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        schema, _, file = said.strip().partition(" ")
        assert Path(file).is_relative_to(program.source), "that is the program of today"
        yield program._replace(schema=schema)


def _git(*arguments: str) -> bytes:
    """What git says of this repository; nothing where there is no git, or no repository."""
    command = ["git", *arguments]
    try:
        said = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    except FileNotFoundError:
        return b""
    return said.stdout
