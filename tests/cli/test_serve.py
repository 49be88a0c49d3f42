"""``grantory serve``: the first start, the ways it cannot start, and the way it ends."""

import contextlib
import http.client
import json
import os
import pty
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fixtures import FreshServer
from tests.support.server import HOST, RunningServer, basic, command_line

END_SECONDS = 10


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_first_start_writes_its_credentials_to_a_file_of_its_owner(
    fresh_server: FreshServer,
) -> None:
    server = fresh_server()
    file = server.data_dir / "first-start.json"
    assert mode(file) == 0o600
    found = json.loads(file.read_text())
    assert {name: set(part) for name, part in found.items()} == {
        "organization": {"id", "name"},
        "admin": {"email", "password"},
        "client": {"id", "secret"},
    }
    assert server.ask_token(found["client"]["id"], found["client"]["secret"]).status == 200
    said = server.log_text()
    assert str(file.resolve()) in said
    assert f"Grantory listens on {server.url}" in said
    assert found["client"]["secret"] not in said
    assert found["admin"]["password"] not in said
    assert "gcs_" not in said
    assert "WARNING" not in said


def test_everything_in_the_data_directory_is_its_owners_alone(fresh_server: FreshServer) -> None:
    server = fresh_server()
    server.call("GET", "/api/v2/oauth/clients")
    assert mode(server.data_dir) == 0o700
    files = {path.name: mode(path) for path in server.data_dir.iterdir()}
    assert {"grantory.db", "grantory.db-wal", "master.key", "first-start.json"} <= set(files)
    assert set(files.values()) == {0o600}


def test_a_second_start_goes_on_and_shows_nothing(fresh_server: FreshServer) -> None:
    server = fresh_server()
    before = server.first_start
    file = server.data_dir / "first-start.json"
    file.unlink()
    token = server.token()
    server.restart()
    assert not file.exists()
    assert server.log_text().count("is set up") == 1
    assert server.call("GET", "/api/v2/tokens/me", token=token).status == 200
    assert server.ask_token(before["client"]["id"], before["client"]["secret"]).status == 200


def test_on_a_terminal_the_credentials_are_printed_once_with_commands(tmp_path: Path) -> None:
    port = free_port()
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "grantory", "serve", "--port", str(port)]
    kept = {n: v for n, v in os.environ.items() if not n.startswith("GRANTORY_")}
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, cwd=tmp_path, env=kept
    )
    os.close(slave)
    try:
        said = read_until(master, "Grantory listens on")
        secrets = re.findall(r"Client secret +(gcs_\w+)", said)
        ids = re.findall(r"Client id +([0-9a-f-]{36})", said)
        assert len(secrets) == len(ids) == 1
        assert len(re.findall(r"Password +\S{20,}", said)) == 1
        address = f"http://127.0.0.1:{port}"
        assert f"curl -s -u {ids[0]}:{secrets[0]}" in said
        assert f"{address}/oauth/token" in said
        assert f"{address}/api/v2/oauth/clients" in said
        assert not (tmp_path / "grantory-data" / "first-start.json").exists()
        connection = http.client.HTTPConnection(HOST, port, timeout=10)
        headers = {
            "Authorization": basic(ids[0], secrets[0]),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        connection.request("POST", "/oauth/token", "grant_type=client_credentials", headers)
        assert connection.getresponse().status == 200
        connection.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(END_SECONDS) == 0
    finally:
        process.kill()
        process.wait()
        os.close(master)


def read_until(terminal: int, words: str) -> str:
    said = b""
    while words.encode() not in said:
        part = os.read(terminal, 65_536)
        assert part, said
        said += part
    return said.decode().replace("\r\n", "\n")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = command_line("serve", "--port", str(port), folder=tmp_path)
    assert result.returncode == 1
    assert f"grantory: cannot listen on 127.0.0.1:{port}" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example.com"])
def test_a_host_that_is_no_name_is_one_sentence(tmp_path: Path, host: str) -> None:
    result = command_line("serve", "--host", host, folder=tmp_path)
    assert result.returncode == 1
    assert f"grantory: cannot listen on {host}:8080: '{host}' is no host name" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "environment"), [(("--workers", "2"), {}), ((), {"GRANTORY_WORKERS": "2"})]
)
def test_a_worker_that_dies_is_replaced_and_all_end_together(
    fresh_server: FreshServer, arguments: tuple[str, ...], environment: dict[str, str]
) -> None:
    server = fresh_server(*arguments, environment=environment)
    before = server.workers()
    assert len(before) == 2
    os.kill(before[0], signal.SIGKILL)
    server.wait_for_log("worker died; another is started")
    for _ in range(20):
        assert server.request("GET", "/health/ready").status == 200
    after = server.workers()
    assert before[1] in after
    assert before[0] not in after
    server.stop()
    assert not any(Path(f"/proc/{process}").exists() for process in after)


def test_a_node_that_was_stopped_goes_on(fresh_server: FreshServer) -> None:
    server = fresh_server("--workers", "2")
    before = server.workers()
    os.killpg(server.process_id, signal.SIGSTOP)
    time.sleep(1.2)  # longer than the parent ever waits for a signal
    os.killpg(server.process_id, signal.SIGCONT)
    os.kill(before[0], signal.SIGKILL)
    server.wait_for_log("worker died; another is started")
    assert before[1] in server.workers()
    assert server.request("GET", "/health/ready").status == 200
    server.stop()


def test_workers_end_when_their_parent_was_killed(fresh_server: FreshServer) -> None:
    server = fresh_server("--workers", "2")
    workers = server.workers()
    os.kill(server.process_id, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{process}").exists() for process in workers):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("arguments", "environment", "warned"),
    [
        (("--host", "0.0.0.0"), {}, True),
        (("--host", "0.0.0.0"), {"GRANTORY_PUBLIC_URL": "http://auth.example.com"}, True),
        (("--host", "0.0.0.0"), {"GRANTORY_PUBLIC_URL": "https://auth.example.com"}, False),
        (("--host", "localhost"), {}, False),
    ],
)
def test_listening_beyond_loopback_without_tls_is_warned_of(
    fresh_server: FreshServer,
    arguments: tuple[str, ...],
    environment: dict[str, str],
    warned: bool,
) -> None:
    server = fresh_server(*arguments, environment=environment)
    assert ("WARNING: listening on 0.0.0.0 without TLS" in server.log_text()) is warned


@contextlib.contextmanager
def connected(server: RunningServer) -> Iterator[socket.socket]:
    with socket.create_connection((HOST, server.port), timeout=20) as connection:
        yield connection


def ended(server: RunningServer) -> int:
    """Wait for the end without a signal; returns the exit status."""
    assert server._process is not None
    return server._process.wait(END_SECONDS)


def wait_until_taken(connection: socket.socket) -> None:
    """Wait until a worker has accepted a connection and read what came on it."""
    deadline = time.monotonic() + END_SECONDS
    here, there = (
        f"{port:04X}" for port in (connection.getsockname()[1], connection.getpeername()[1])
    )
    while time.monotonic() < deadline:
        for entry in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, _, queues, *_, inode = entry.split()[:10]
            if (
                (local[-4:], remote[-4:]) == (there, here)
                and inode != "0"
                and queues[-8:] == "0" * 8
            ):
                return
        time.sleep(0.01)
    raise AssertionError("nobody took the connection")


def wait_until_closed(server: RunningServer) -> None:
    deadline = time.monotonic() + END_SECONDS
    while time.monotonic() < deadline:
        try:
            with socket.create_connection((HOST, server.port), timeout=1):
                pass
        except (ConnectionRefusedError, ConnectionResetError):
            return
        time.sleep(0.01)
    raise AssertionError("it still takes connections")


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["one", "two"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_whose_body_is_still_coming_is_finished(
    fresh_server: FreshServer, number: signal.Signals, workers: tuple[str, ...]
) -> None:
    server = fresh_server(*workers)
    body = json.dumps({"name": "last words", "authorizedGrantType": "CODE"}).encode()
    head = (
        f"POST /api/v2/oauth/clients HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {server.token()}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with connected(server) as connection:
        connection.sendall(head.encode() + body[:10])
        wait_until_taken(connection)
        os.kill(server.process_id, number)
        wait_until_closed(server)
        os.kill(server.process_id, number)  # a second one changes nothing
        os.kill(server.process_id, signal.SIGTERM)
        connection.sendall(body[10:])
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        created = json.loads(answer.read())
    assert answer.status == 200
    assert created["name"] == "last words"
    assert ended(server) == 0
    assert "Traceback" not in server.log_text()
    server.start()
    assert server.call("GET", f"/api/v2/oauth/clients/{created['id']}").status == 200


def test_a_shower_of_signals_ends_it_as_one_does(fresh_server: FreshServer) -> None:
    server = fresh_server()
    assert server._process is not None
    deadline = time.monotonic() + END_SECONDS
    while server._process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(ProcessLookupError):
            os.kill(server.process_id, signal.SIGTERM)
        time.sleep(0.0005)
    assert ended(server) == 0
    assert "Traceback" not in server.log_text()


def test_idle_connections_do_not_delay_the_end(fresh_server: FreshServer) -> None:
    server = fresh_server()
    with contextlib.ExitStack() as stack:
        for number in range(20):
            connection = stack.enter_context(connected(server))
            if number % 2:  # the others have not asked anything yet
                connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
                answer = http.client.HTTPResponse(connection)
                answer.begin()
                assert answer.read()
        started = time.monotonic()
        server.stop()
        assert time.monotonic() - started < 5
    assert server.exit_status == 0
    assert '"stopped"' in server.log_text()
