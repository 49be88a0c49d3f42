"""docs/guides/testing.md, as it stands: its tests pass in a project of their own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from grantory.testing import GrantoryServer
from tests.compat.guides.guide import Guide
from tests.compat.sdk import NODE, NODE_MODULES, PYTHON_SDK

pytestmark = pytest.mark.compat
GUIDE = Guide("testing")
IN_PYTHON, IN_JAVASCRIPT, SETTINGS = (GUIDE.block("python", number) for number in (1, 2, 3))
PROGRAM = GUIDE.block("js")
QUIET = ("-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:xdist")


def test_no_block_is_left_out() -> None:
    assert GUIDE.left() == []


def test_the_tests_pass(tmp_path: Path) -> None:
    [packages] = (PYTHON_SDK.parents[1] / "lib").glob("python*/site-packages")
    # Last of all, so that what this run uses besides stays what it is.
    (tmp_path / "conftest.py").write_text(f"import sys\n\nsys.path.append({str(packages)!r})\n")
    (tmp_path / "clients.js").write_text(PROGRAM)
    (tmp_path / "test_python.py").write_text(IN_PYTHON)
    (tmp_path / "test_javascript.py").write_text(IN_JAVASCRIPT)
    assert pytest_in(tmp_path, "test_python.py", "test_javascript.py") == "5 passed"


def test_the_settings_are_those_of_the_server(tmp_path: Path) -> None:
    (tmp_path / "test_settings.py").write_text(SETTINGS)
    assert pytest_in(tmp_path, "test_settings.py") == "1 passed"


def test_what_the_tables_name_is_there(grantory_session_server: GrantoryServer) -> None:
    server, faults = GUIDE.text.split("| `grantory_server.faults`")
    for table, subject in (
        (server, grantory_session_server),
        (faults, grantory_session_server.faults),
    ):
        rows = re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE)
        assert rows
        for name in re.findall(r"`(\w+)", " ".join(rows)):
            assert hasattr(subject, name), name


def pytest_in(folder: Path, *files: str) -> str:
    """What pytest says at the end of a run, without its seconds."""
    variables = {
        "HOME": str(folder),
        "PATH": os.pathsep.join((str(NODE.parent), os.environ["PATH"])),
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "NODE_PATH": str(NODE_MODULES),
    }
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *QUIET, *files],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    said = re.search(r"^(\d+ passed) in ", done.stdout, re.MULTILINE)
    assert said, done.stdout + done.stderr
    return said[1]
