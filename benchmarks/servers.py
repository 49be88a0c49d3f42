"""Servers as child processes, each pinned to the servers' core, with its log in a file."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx2 as httpx

from benchmarks.pinning import pinned

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 30
STOP_SECONDS = 30


class Server:
    """A server that listens on a free port while the context lasts.

    Args:
        name: for its log file and messages.
        arguments: what follows ``python``; ``{port}`` becomes the port.
        folder: where its log file goes.
        core: the core that it is pinned to.
    """

    def __init__(self, name: str, arguments: Sequence[str], folder: Path, core: int | None) -> None:
        self.name = name
        self.port = _free_port()
        self._command = [sys.executable, *(part.format(port=self.port) for part in arguments)]
        self._log = folder / f"{name}.log"
        self._core = core
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        kept = {k: v for k, v in os.environ.items() if not k.upper().startswith("GRANTORY_")}
        with pinned(self._core), self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env=kept,
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self._end(self._process)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._end(self._process)

    def memory(self) -> float:
        """The proportional set size of the server's processes in MB; 0 where it is not told."""
        return sum(map(_pss_kb, self.process_ids())) / 1024

    def process_ids(self) -> list[int]:
        """The server's process, and those that it has started."""
        return [] if self._process is None else _family(self._process.pid)

    def empty_log(self) -> None:
        """Throws away what the server has logged, lest a long run fill the disk."""
        os.truncate(self._log, 0)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            # An open port is not enough: the server takes its port before it sets a store up.
            try:
                if httpx.get(f"{self.url}/health/ready", timeout=5).status_code == httpx.codes.OK:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.05)
        raise RuntimeError(f"{self.name} did not start; it wrote:\n{self._log.read_text()[-4000:]}")

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _family(process_id: int) -> list[int]:
    found = [process_id]
    for children in Path(f"/proc/{process_id}/task").glob("*/children"):
        for child in children.read_text().split():
            found += _family(int(child))
    return found


def _pss_kb(process_id: int) -> int:
    try:
        text = Path(f"/proc/{process_id}/smaps_rollup").read_text()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
