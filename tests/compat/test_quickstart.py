"""Two short programs, as users write them, run from start to end."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.compat.sdk import NODE, NODE_MODULES, PYTHON_SDK
from tests.support.server import RunningServer

pytestmark = pytest.mark.compat
HERE = Path(__file__).resolve().parent


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([PYTHON_SDK, HERE / "python_sdk" / "quickstart.py"], id="python"),
        pytest.param([NODE, HERE / "node" / "quickstart.cjs"], id="javascript"),
    ],
)
def test_quickstart(command: list[Path], server: RunningServer, tmp_path: Path) -> None:
    done = subprocess.run(
        command,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "NODE_PATH": str(NODE_MODULES),
            "URL": server.url,
            "PORT": str(server.port),
            "CLIENT_ID": server.client_id,
            "CLIENT_SECRET": server.client_secret,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert result["caller"] == result["id"]
    assert result["listed"].count(result["id"]) == 1
    assert result["id"] not in result["remaining"]
    assert server.client_id in result["remaining"]
    first, second = result["secrets"]
    assert first != second
