"""A server under test ends with all that it has started."""

import socket
import time
from pathlib import Path

from benchmarks.servers import HOST, Server

STARTS_ANOTHER = """
import subprocess, sys
subprocess.Popen([sys.executable, "-m", "http.server", "{port}", "--bind", "127.0.0.1"]).wait()
"""


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def test_what_it_has_started_ends_with_it(tmp_path: Path) -> None:
    with Server("wrapper", ["-c", STARTS_ANOTHER], tmp_path, None, ready="") as server:
        assert len(server.process_ids()) == 2
        assert listens(server.port)

    deadline = time.monotonic() + 30
    while listens(server.port):
        assert time.monotonic() < deadline
        time.sleep(0.01)
