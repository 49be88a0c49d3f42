"""Servers as child processes, each pinned to the servers' core, with its log in a file."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.pinning import pinned

HOST = "127.0.0.1"
ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 30
STOP_SECONDS = 30
LOOK_EVERY = 0.005


class Server:
    """A server that listens on a free port while the context lasts.

    Args:
        name: for its log file and messages.
        arguments: what follows the program; ``{port}`` becomes the port.
        folder: where its log file goes.
        core: the core that it is pinned to.
        program: what is started.
        environment: further variables; ``{port}`` becomes the port here, too.
        ready: a path that is answered 200 once it is ready; empty where any answer will do.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        folder: Path,
        core: int | None,
        *,
        program: str = sys.executable,
        environment: Mapping[str, str] | None = None,
        ready: str = "/health/ready",
    ) -> None:
        self.name = name
        self.port = _free_port()
        self._command = [program, *(part.format(port=self.port) for part in arguments)]
        self._environment = {
            variable: value.format(port=self.port)
            for variable, value in (environment or {}).items()
        }
        self._log = folder / f"{name}.log"
        self._core = core
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None
        self.start_seconds = 0.0
        """From its start until it was ready."""

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"http://{HOST}:{self.port}"

    def __enter__(self) -> Self:
        kept = {k: v for k, v in os.environ.items() if not k.upper().startswith("GRANTORY_")}
        started = time.monotonic()
        with pinned(self._core), self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**kept, **self._environment},
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self._end(self._process)
            raise
        self.start_seconds = time.monotonic() - started
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
        return [] if self._process is None else family(self._process.pid)

    def empty_log(self) -> None:
        """Throws away what the server has logged, lest a long run fill the disk."""
        os.truncate(self._log, 0)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            # An open port is not enough: the server takes its port before it sets a store up.
            if self._answers():
                return
            time.sleep(LOOK_EVERY)
        raise RuntimeError(f"{self.name} did not start; it wrote:\n{self._log.read_text()[-4000:]}")

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", self._ready or "/")
            return connection.getresponse().status == 200 or not self._ready
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        # A program that only starts another may have left it behind.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def family(process_id: int) -> list[int]:
    """A process, and all that descend from it."""
    found = [process_id]
    for children in Path(f"/proc/{process_id}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # the thread has ended since it was listed
            for child in children.read_text().split():
                found += family(int(child))
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
