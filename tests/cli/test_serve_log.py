"""``grantory serve`` where its log cannot be written, and where no worker can be started."""

import contextlib
import http.client
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.fixtures import FreshServer
from tests.support.server import HOST, START_SECONDS, _free_port

END_SECONDS = 10
MANY = 600
"""Requests whose lines are more than a pipe takes."""
FORK_FAILS = """
import errno, os, threading

_fork, _calls = os.fork, 0

def fork():
    global _calls
    _calls += 1
    if _calls in FAILING:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    assert threading.active_count() == 1
    return _fork()

os.fork = fork
"""


class Server:
    """A server whose standard error is what the test gives it."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        self.process = process
        self._port = port

    def is_alive(self) -> bool:
        """Whether it answers a probe, soon."""
        connection = http.client.HTTPConnection(HOST, self._port, timeout=5)
        try:
            connection.request("GET", "/health/live")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        me = self.process.pid
        return [int(n) for n in Path(f"/proc/{me}/task/{me}/children").read_text().split()]

    def end(self) -> int:
        """Ends it; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(END_SECONDS)


@contextlib.contextmanager
def serving(folder: Path, log: int, *arguments: str) -> Iterator[Server]:
    port = _free_port()
    kept = {n: v for n, v in os.environ.items() if not n.startswith("GRANTORY_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "grantory", "serve", "--port", str(port), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=log,
        cwd=folder,
        env=kept,
        start_new_session=True,
    )
    server = Server(process, port)
    try:
        wait_until(server.is_alive, START_SECONDS)
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until(condition: Callable[[], bool], seconds: float = END_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture
def full() -> Iterator[int]:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def closed() -> Iterator[int]:
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize("log", ["full", "closed"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_log_that_cannot_be_written_ends_nothing(
    tmp_path: Path, request: pytest.FixtureRequest, log: str, count: int
) -> None:
    descriptor: int = request.getfixturevalue(log)
    with serving(tmp_path, descriptor, "--workers", str(count)) as server:
        assert server.is_alive()
        if count > 1:
            dying, other = server.workers()
            os.kill(dying, signal.SIGKILL)
            wait_until(lambda: dying not in server.workers() and len(server.workers()) == count)
            assert other in server.workers()
            assert server.is_alive()
        assert server.end() == 0


@pytest.mark.parametrize("count", [1, 2])
def test_a_reader_of_the_log_that_stands_still_stops_nothing(tmp_path: Path, count: int) -> None:
    reader, writer = os.pipe()
    try:
        with serving(tmp_path, writer, "--workers", str(count)) as server:
            for _ in range(MANY):
                assert server.is_alive()
            if count > 1:
                dying = server.workers()[0]
                os.kill(dying, signal.SIGKILL)
                wait_until(lambda: dying not in server.workers() and len(server.workers()) == count)
                assert server.is_alive()
            assert server.end() == 0
        lines = read_what_is_there(reader).splitlines()
        assert all(json.loads(line)["event"] == "request" for line in lines[:100])
    finally:
        os.close(reader)
        os.close(writer)


def test_a_reader_that_goes_on_has_missed_nothing(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    try:
        with serving(tmp_path, writer) as server:
            for _ in range(MANY):
                assert server.is_alive()
            came = read_what_is_there(reader)
            assert server.end() == 0
            came += read_what_is_there(reader)
        events = [json.loads(line)["event"] for line in came.splitlines()]
        assert events.count("request") > MANY
        assert events[-1] == "stopped"
        assert set(events) == {"request", "stopped"}
    finally:
        os.close(reader)
        os.close(writer)


def read_what_is_there(reader: int) -> bytes:
    came = b""
    while select.select([reader], [], [], 0.2)[0]:
        came += os.read(reader, 1 << 20)
    return came


def test_a_closed_standard_error_is_no_obstacle(tmp_path: Path) -> None:
    port = _free_port()
    command = f"exec {sys.executable} -m grantory serve --port {port} --workers 2 >/dev/null 2>&-"
    process = subprocess.Popen(["/bin/sh", "-c", command], cwd=tmp_path, start_new_session=True)
    server = Server(process, port)
    try:
        wait_until(server.is_alive, START_SECONDS)
        assert server.end() == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("failing", [{1}, {1, 2}, {3, 4}])
def test_a_worker_that_cannot_be_started_is_tried_again(
    fresh_server: FreshServer, tmp_path: Path, failing: set[int]
) -> None:
    (tmp_path / "sitecustomize.py").write_text(FORK_FAILS.replace("FAILING", repr(failing)))
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    server = fresh_server("--workers", "2", environment={"PYTHONPATH": os.pathsep.join(paths)})
    wait_until(lambda: len(server.workers()) == 2)
    if 3 in failing:
        dying, other = server.workers()
        os.kill(dying, signal.SIGKILL)
        server.wait_for_log("worker could not be started")
        wait_until(lambda: len(server.workers()) == 2)
        assert other in server.workers()
    said = server.log_text()
    assert said.count("worker could not be started; will try again") == len(failing)
    assert "Resource temporarily unavailable" in said
    assert server.request("GET", "/health/ready").status == 200
    server.stop()
