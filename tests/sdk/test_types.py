"""The SDK's types as a program's author meets them: pyright in its strict mode."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.compat.sdk import NODE, NODE_MODULES, ROOT

pytestmark = pytest.mark.compat
PROGRAM = Path(__file__).with_name("consumer.py")
STRICT = {"typeCheckingMode": "strict", "include": ["program.py"]}
WRONG = """
from grantory_sdk import AsyncGrantory, Grantory, OAuthClient

grantory = Grantory("http://127.0.0.1:8080", access_token="token")
grantory.oauth_clients.create(name="no grant type")
grantory.oauth_clients.create(name="n", authorized_grant_type="CODES")
grantory.oauth_clients.update("id", descripton="misspelt")
made: OAuthClient = grantory.oauth_clients.list()
length: int = grantory.oauth_clients.get("id").secret
async def main() -> None:
    for each in AsyncGrantory().oauth_clients.list():
        print(each)
"""
FIRST_WRONG_LINE = 5


def pyright(folder: Path, *arguments: str) -> dict[str, Any]:
    """What pyright reports in a folder outside the repository."""
    folders = [str(ROOT / "sdk" / "src"), os.environ.get("PYTHONPATH", "")]
    done = subprocess.run(
        [str(NODE), str(NODE_MODULES / "pyright" / "index.js"), "--outputjson", *arguments],
        cwd=folder,
        env={
            "HOME": str(folder),
            # It asks the first Python on PATH where packages are.
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join(filter(None, folders)),
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.stdout.startswith("{"), done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def check(folder: Path, program: str) -> list[dict[str, Any]]:
    """What pyright has to say of a program in its strict mode."""
    (folder / "pyrightconfig.json").write_text(json.dumps(STRICT), encoding="utf-8")
    (folder / "program.py").write_text(program, encoding="utf-8")
    report = pyright(folder)
    assert report["summary"]["filesAnalyzed"] == 1
    found: list[dict[str, Any]] = report["generalDiagnostics"]
    return found


def test_a_program_is_typed_throughout(tmp_path: Path) -> None:
    assert not check(tmp_path, PROGRAM.read_text("utf-8"))


def test_what_is_wrong_is_told_line_by_line(tmp_path: Path) -> None:
    wrong = {each["range"]["start"]["line"] + 1 for each in check(tmp_path, WRONG)}
    assert wrong == {FIRST_WRONG_LINE + number for number in (0, 1, 2, 3, 4, 6, 7)}


def test_every_public_name_has_a_type(tmp_path: Path) -> None:
    report = pyright(tmp_path, "--verifytypes", "grantory_sdk", "--ignoreexternal")
    told = report["typeCompleteness"]
    counts = told["exportedSymbolCounts"]
    lacking = [each["name"] for each in told["symbols"] if not each["isTypeKnown"]]
    assert counts["withKnownType"] > 500
    assert not lacking
