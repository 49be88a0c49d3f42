"""The plugin in a run of pytest of its own, as a project has it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

TESTS = """
import pytest

@pytest.mark.parametrize("number", range(2))
async def test_each_begins_anew(grantory_server, number):
    assert len(grantory_server.call("GET", "/api/v2/oauth/clients")["entities"]) == 1
    grantory_server.make_client()
    print("server", grantory_server.process_id)
"""
KILLED = """
import os, signal, time

def test_killed(grantory_server):
    forked = os.fork()
    if not forked:  # has all that the test has, and stays
        time.sleep(600)
        os._exit(0)
    print(grantory_server.process_id, forked, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
INI = """[pytest]
filterwarnings = error
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""
STRICT = (
    "-p",
    "no:cacheprovider",
    "-p",
    "no:schemathesis",
    "--strict-markers",
    "--strict-config",
    "-rP",
)


class Run(NamedTuple):
    """How a run ended, and what it wrote."""

    status: int
    said: str


def run(folder: Path, text: str, *arguments: str) -> Run:
    (folder / "pytest.ini").write_text(INI)
    (folder / "test_it.py").write_text(text)
    said = folder / "said"  # a pipe would not end before all that were forked
    with said.open("w") as file:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *STRICT, *arguments, "test_it.py"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdout=file,
            stderr=file,
            timeout=100,
            check=False,
        )
    return Run(done.returncode, said.read_text())


def is_gone(process_id: int) -> bool:
    try:
        return " Z " in Path(f"/proc/{process_id}/stat").read_text()
    except OSError:
        return True


def test_workers_have_servers_of_their_own_and_leave_none(tmp_path: Path) -> None:
    done = run(tmp_path, TESTS, "-n", "2")
    assert "2 passed" in done.said, done.said
    servers = {int(each.split()[1]) for each in done.said.splitlines() if "server " in each}
    assert len(servers) == 2
    assert all(map(is_gone, servers))


def test_a_server_does_not_outlive_killed_tests(tmp_path: Path) -> None:
    done = run(tmp_path, KILLED, "-s", "-p", "no:xdist")
    assert done.status == -signal.SIGKILL, done.said
    server, forked = map(int, done.said.splitlines()[-1].split()[-2:])
    try:
        deadline = time.monotonic() + 30
        while not is_gone(server):
            assert time.monotonic() < deadline, "the server is still there"
            time.sleep(0.02)
    finally:
        os.kill(forked, signal.SIGKILL)
