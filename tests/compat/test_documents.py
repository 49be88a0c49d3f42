"""The programs that README and guides show, run as they stand but for the address."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.compat.sdk import NODE, NODE_MODULES, PYTHON_SDK
from tests.support.server import RunningServer

pytestmark = [
    pytest.mark.compat,
    # The server that they start; each call that they make is tried on both databases elsewhere.
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True, scope="session"),
]
ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
GUIDE = ROOT / "docs" / "guides" / "official-sdks.md"


def shown(document: Path, language: str) -> str:
    """The first program in a language that a document shows."""
    found = re.search(rf"```{language}\n(.*?)```", document.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def run(command: list[str], server: RunningServer, folder: Path) -> str:
    """What a program prints; it must end well."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "NODE_PATH": str(NODE_MODULES),
    }
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("document", [README, GUIDE], ids=["readme", "guide"])
def test_the_python_programs(document: Path, server: RunningServer, tmp_path: Path) -> None:
    before = server.call("GET", "/api/v2/oauth/clients", token=server.token()).json()["total"]
    values = f"CLIENT_ID, CLIENT_SECRET = {server.client_id!r}, {server.client_secret!r}\n"
    program = values + shown(document, "python").replace("8080", str(server.port))
    said = run([str(PYTHON_SDK), "-c", program], server, tmp_path)
    if document == GUIDE:
        assert said.strip() == str(before)
    else:
        assert f"{server.client_id} First client CLIENT-CREDENTIALS" in said
        assert said.splitlines()[-1].startswith("gcs_")


def test_the_javascript_program(server: RunningServer, tmp_path: Path) -> None:
    before = server.call("GET", "/api/v2/oauth/clients", token=server.token()).json()["total"]
    values = f"const CLIENT_ID = {server.client_id!r}, CLIENT_SECRET = {server.client_secret!r};\n"
    program = shown(GUIDE, "js").replace("8080", str(server.port))
    wrapped = f"{values}(async () => {{ {program} }})();"
    assert run([str(NODE), "-e", wrapped], server, tmp_path).strip() == str(before)
