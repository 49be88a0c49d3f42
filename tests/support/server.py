"""A real server in a child process, for tests that look at it from outside."""

import base64
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

HOST = "127.0.0.1"
START_SECONDS = 30.0
STOP_SECONDS = 20.0


class ServerFailedError(AssertionError):
    """The server did not start or did not end as it should; the text holds its log."""


class Reply(NamedTuple):
    """One HTTP answer; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


def basic(client_id: str, client_secret: str) -> str:
    """The value of an Authorization header (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{client_id}:{client_secret}".encode()).decode("ascii")


class RunningServer:
    """``python -m grantory serve`` on a free port, with a data directory of its own.

    As a context manager it starts on entry, and on exit stops with SIGTERM and asserts exit
    status 0; a server that the test has stopped or killed is left alone.

    Args:
        arguments: what follows ``serve`` besides host, port and data directory.
        environment: variables to add, with the port for ``{port}``; every other ``GRANTORY_*`` is
            removed.
        data_dir: an existing data directory to go on with; by default a new one.
    """

    def __init__(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        data_dir: Path | None = None,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="grantory-test-")
        folder = Path(self._folder.name)
        self._log_file = folder / "server.log"
        self._arguments = arguments
        self._environment = dict(environment or {})
        self._login_prefix = self._environment.get("GRANTORY_HTTP_LOGIN_PREFIX", "")
        self._process: subprocess.Popen[bytes] | None = None
        self._first_start: dict[str, dict[str, str]] = {}
        self.data_dir = data_dir or folder / "data"
        self.port = 0
        self.exit_status: int | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None and self.running:
                self.stop()
        finally:
            self.close()

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"http://{HOST}:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def process_id(self) -> int:
        """The process id of the server that runs."""
        assert self._process is not None, "the server has not been started"
        return self._process.pid

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        children = Path(f"/proc/{self.process_id}/task/{self.process_id}/children")
        return [int(number) for number in children.read_text().split()]

    @property
    def client_id(self) -> str:
        """The id of the client that the first start made."""
        return self.first_start["client"]["id"]

    @property
    def client_secret(self) -> str:
        """The secret of the client that the first start made."""
        return self.first_start["client"]["secret"]

    @property
    def organization_id(self) -> str:
        """The id of the organisation that the first start made."""
        return self.first_start["organization"]["id"]

    @property
    def first_start(self) -> dict[str, dict[str, str]]:
        """What ``first-start.json`` said: organisation, administrator, client."""
        if not self._first_start:
            text = (self.data_dir / "first-start.json").read_text("utf-8")
            self._first_start = json.loads(text)
        return self._first_start

    def start(self) -> None:
        """Start the server and wait until it is ready."""
        assert not self.running, "the server runs already"
        self.port = self.port or _free_port()
        command = [sys.executable, "-m", "grantory", "serve"]
        command += ["--host", HOST, "--port", str(self.port), "--data-dir", str(self.data_dir)]
        with self._log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder.name,
                env=self._full_environment(),
                start_new_session=True,
            )
        self.exit_status = None
        self._wait_until_ready()

    def stop(self) -> None:
        """End the server with SIGTERM; it must finish with exit status 0."""
        assert self._process is not None, "the server has not been started"
        self._process.send_signal(signal.SIGTERM)
        try:
            self.exit_status = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerFailedError(
                self._report(f"not gone {STOP_SECONDS} s after SIGTERM")
            ) from None
        if self.exit_status != 0:
            raise ServerFailedError(self._report(f"exit status {self.exit_status} after SIGTERM"))

    def kill(self) -> None:
        """End the server, and every process that it started, with SIGKILL."""
        if self._process is None or self._process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self.exit_status = self._process.wait()

    def restart(self) -> None:
        """Stop the server if it runs, and start it on the same port and data directory."""
        if self.running:
            self.stop()
        self.start()

    def close(self) -> None:
        """Leave nothing behind: kill what still runs, remove the temporary files."""
        self.kill()
        self._folder.cleanup()

    def log_text(self) -> str:
        """All that the server has written to standard output and standard error."""
        try:
            return self._log_file.read_text("utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def wait_for_log(self, text: str) -> None:
        """Wait until the log holds a text: a request's line is written after its answer."""
        deadline = time.monotonic() + STOP_SECONDS
        while text not in self.log_text():
            assert time.monotonic() < deadline, f"no {text} in the log:\n{self.log_text()}"
            time.sleep(0.01)

    def token(self, client_id: str | None = None, client_secret: str | None = None) -> str:
        """An access token by client credentials; by default of the first client."""
        reply = self.ask_token(client_id or self.client_id, client_secret or self.client_secret)
        assert reply.status == 200, f"no token: {reply.status} {reply.body.decode()}"
        token = reply.json()["access_token"]
        assert isinstance(token, str)
        return token

    def ask_token(self, client_id: str, client_secret: str) -> Reply:
        """The whole answer of ``/oauth/token`` to client credentials sent as Basic."""
        return self.request(
            "POST",
            f"{self._login_prefix}/oauth/token",
            body=urlencode({"grant_type": "client_credentials"}).encode(),
            headers={
                "Authorization": basic(client_id, client_secret),
                "Content-Type": "application/x-www-form-urlencoded",
            },
        )

    def call(
        self, method: str, path: str, document: Any = None, *, token: str | None = None
    ) -> Reply:
        """One call of the management API with a JSON document; by default as the first client.

        An empty ``token`` sends no Authorization header.
        """
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        bearer = self.token() if token is None else token
        if bearer:
            headers["Authorization"] = f"Bearer {bearer}"
        body = None if document is None else json.dumps(document).encode()
        return self.request(method, path, body=body, headers=headers)

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One HTTP request on a connection of its own, exactly as given."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        try:
            connection.connect()
            # A server that refuses a body need not read it to its end: the answer counts.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, body=body, headers=dict(headers or {}))
            response = connection.getresponse()
            fields = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, fields, response.read())
        finally:
            connection.close()

    def _full_environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not _is_ours(name)}
        port = str(self.port)
        given = {name: value.replace("{port}", port) for name, value in self._environment.items()}
        return {**kept, "PYTHONUNBUFFERED": "1", **given}

    def _wait_until_ready(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            status = self._process.poll()
            if status is not None:
                self.exit_status = status
                raise ServerFailedError(
                    self._report(f"ended with status {status} before it was ready")
                )
            try:
                if self.request("GET", "/health/ready").status == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(0.05)
        self.kill()
        raise ServerFailedError(self._report(f"not ready after {START_SECONDS} s"))

    def _report(self, what: str) -> str:
        return f"the server {what}; it wrote:\n{self.log_text()[-8000:]}"


def command_line(
    *arguments: str, environment: Mapping[str, str] | None = None, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``python -m grantory`` with these arguments to its end, output captured as text."""
    kept = {name: value for name, value in os.environ.items() if not _is_ours(name)}
    command: Sequence[str] = [sys.executable, "-m", "grantory", *arguments]
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=folder,
        env={**kept, **(environment or {})},
    )


def _is_ours(name: str) -> bool:
    return name.upper().startswith("GRANTORY_")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
