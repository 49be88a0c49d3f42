"""Installations of several server processes, and connections to a process of one's choice."""

import json
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

from tests.support.server import HOST, Reply, RunningServer, basic
from tests.support.swallowing_proxy import SwallowingProxy

ANSWER_SECONDS = 30.0
PATIENCE = 10.0
TRIED_AGAIN_AFTER = 0.1
STILL = frozenset("TtZX")
"""States of a process that does nothing, as /proc tells them."""
UNLIMITED = {
    "GRANTORY_THROTTLE_FAILURES_PER_ADDRESS": "0",
    "GRANTORY_THROTTLE_FAILURES_PER_CLIENT_AND_ADDRESS": "0",
}


class Question(NamedTuple):
    """One request."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def __repr__(self) -> str:
        return f"{self.method} {self.path}"

    def encoded(self) -> bytes:
        """As it goes over the wire."""
        lines = [f"{self.method} {self.path} HTTP/1.1", f"Host: {HOST}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode() + self.body


def api_question(token: str, method: str, path: str, document: Any = None) -> Question:
    """A call of the management API."""
    headers = (("Authorization", f"Bearer {token}"), ("Content-Type", "application/json"))
    return Question(method, path, headers, b"" if document is None else _json(document))


def token_question(client_id: str, secret: str) -> Question:
    """A request for a token."""
    form = {"grant_type": "client_credentials"}
    return form_question("/oauth/token", client_id, secret, form)


def revocation_question(client_id: str, secret: str, token: str) -> Question:
    """A request to end a token (RFC 7009)."""
    return form_question("/oauth/revoke", client_id, secret, {"token": token})


def form_question(path: str, client_id: str, secret: str, form: dict[str, str]) -> Question:
    """A form that a client sends with its secret."""
    headers = (
        ("Authorization", basic(client_id, secret)),
        ("Content-Type", "application/x-www-form-urlencoded"),
    )
    return Question("POST", path, headers, urlencode(form).encode())


ALIVE = Question("GET", "/health/live")


class Line:
    """A connection that stays open; what was asked is answered in its order.

    Args:
        port: the server's.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket = socket.create_connection((HOST, port), timeout=ANSWER_SECONDS)
        self._reader = self._socket.makefile("rb")
        self._asked: deque[str] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def send(self, question: Question) -> None:
        """Write a request, whoever may read it."""
        self._socket.sendall(question.encoded())
        self._asked.append(question.method)

    def read(self) -> Reply:
        """The answer to the oldest request that was not answered yet."""
        method = self._asked.popleft()
        status_line = self._reader.readline()
        if not status_line:
            raise ConnectionError("the server closed the connection")
        headers: dict[str, str] = {}
        while line := self._reader.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        length = 0 if method == "HEAD" else int(headers.get("content-length", "0"))
        return Reply(int(status_line.split()[1]), headers, self._reader.read(length))

    def ask(self, question: Question) -> Reply:
        """Send a request and read its answer."""
        self.send(question)
        return self.read()

    def is_held_by(self, process_id: int) -> bool:
        """Whether a process holds the server's end of this connection."""
        wanted = f"socket:[{self._inode_there()}]"
        for descriptor in Path(f"/proc/{process_id}/fd").iterdir():
            try:
                if str(descriptor.readlink()) == wanted:
                    return True
            except FileNotFoundError:
                continue  # closed meanwhile
        return False

    def _inode_there(self) -> str:
        ends = (self._port, self._socket.getsockname()[1])
        for row in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
            columns = row.split()
            if tuple(int(end.rpartition(":")[2], 16) for end in columns[1:3]) == ends:
                return columns[9]
        raise LookupError("the server has no such connection")

    def close(self) -> None:
        """Hang up."""
        self._reader.close()
        self._socket.close()


class Worker(NamedTuple):
    """A server process."""

    node: int
    """Which of the site's nodes it belongs to, from 0."""
    process_id: int

    def __repr__(self) -> str:
        return f"node {self.node + 1}, process {self.process_id}"


class Site:
    """An installation that runs: its nodes, and all their worker processes.

    Args:
        nodes: the first has set the store up.
        lag: seconds within which another process has heard of a change.
    """

    def __init__(self, nodes: list[RunningServer], lag: float) -> None:
        self.nodes = nodes
        self.lag = lag
        self.workers = [
            Worker(number, process_id)
            for number, node in enumerate(nodes)
            for process_id in node.workers()
        ]
        self.admin_token = nodes[0].token()

    def lag_of(self, worker: Worker, maker: Worker) -> float:
        """Seconds within which a worker has heard of what another, or it itself, changed."""
        return 0.0 if worker == maker else self.lag

    def of_node(self, node: int) -> list[Worker]:
        """The workers of a node."""
        return [worker for worker in self.workers if worker.node == node]

    @contextmanager
    def lines(self, workers: Iterable[Worker]) -> Iterator[list[Line]]:
        """A connection to each of these workers; a worker may be named more than once."""
        with ExitStack() as stack:
            yield [stack.enter_context(self._line(worker)) for worker in workers]

    def _line(self, worker: Worker) -> Line:
        """Connect while the worker's siblings stand still, so that none of them accepts."""
        siblings = [other for other in self.of_node(worker.node) if other != worker]
        node = self.nodes[worker.node]
        with ExitStack() as stack:
            with standing_still([sibling.process_id for sibling in siblings]):
                line = stack.enter_context(Line(node.port))
                assert line.ask(ALIVE).status == 200
            held = line.is_held_by(worker.process_id)
            assert held, f"not {worker}, of {self.workers}; there are {node.workers()}"
            stack.pop_all()
        return line

    def manage(self, line: Line, method: str, path: str, document: Any = None) -> Any:
        """A call as administrator that must succeed; answers its JSON."""
        reply = self.patiently(line, api_question(self.admin_token, method, path, document))
        assert reply.status in (200, 204), f"{method} {path}: {reply.status} {reply.body!r}"
        return reply.json() if reply.body else None

    def patiently(self, line: Line, question: Question) -> Reply:
        """The answer; refused because the machine is too busy, it is asked again, as by a caller.

        Whatever was left open, or done, comes without ``Retry-After``.
        """
        deadline = time.monotonic() + PATIENCE
        reply = line.ask(question)
        while reply.status == 503 and "retry-after" in reply.headers:
            assert time.monotonic() < deadline, f"{question}: {reply.body!r}"
            time.sleep(TRIED_AGAIN_AFTER)
            reply = line.ask(question)
        return reply


class CutSite(NamedTuple):
    """An installation whose second node reaches the database through a network of its own."""

    site: Site
    network: SwallowingProxy


@contextmanager
def standing_still(process_ids: list[int]) -> Iterator[None]:
    """Stop processes with SIGSTOP, and let them go on in the end."""
    try:
        for process_id in process_ids:
            os.kill(process_id, signal.SIGSTOP)
        wait_until(lambda: all(map(stands_still, process_ids)), "the processes to stand still")
        yield
    finally:
        for process_id in process_ids:
            os.kill(process_id, signal.SIGCONT)


def stands_still(process_id: int) -> bool:
    """Whether every thread of a process is stopped, or gone."""
    states = (
        stat.read_text("utf-8", errors="replace").rpartition(")")[2].split()[0]
        for stat in Path(f"/proc/{process_id}/task").glob("*/stat")
    )
    return all(state in STILL for state in states)


def wait_until(condition: Callable[[], bool], what: str, seconds: float = ANSWER_SECONDS) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.002)


def sleep_until(moment: float) -> None:
    """Sleep until a moment of the monotonic clock."""
    time.sleep(max(0.0, moment - time.monotonic()))


@contextmanager
def sqlite_site(workers: int = 4) -> Iterator[Site]:
    """One server on a SQLite file."""
    with RunningServer("--workers", str(workers), environment=UNLIMITED) as server:
        wait_until(lambda: len(server.workers()) == workers, "every worker")
        yield Site([server], 0.0)


@contextmanager
def postgres_site(first_url: str, second_url: str = "", workers: int = 2) -> Iterator[Site]:
    """Two nodes on a PostgreSQL database; the second may reach it by an address of its own."""
    with _postgres_node(first_url, workers) as first:
        key = (first.data_dir / "master.key").read_bytes()
        with _postgres_node(second_url or first_url, workers, key) as second:
            yield Site([first, second], 1.0)


@contextmanager
def _postgres_node(url: str, workers: int, master_key: bytes = b"") -> Iterator[RunningServer]:
    environment = {**UNLIMITED, "GRANTORY_DATABASE_URL": url}
    node = RunningServer("--workers", str(workers), environment=environment)
    if master_key:
        node.data_dir.mkdir(mode=0o700)
        (node.data_dir / "master.key").write_bytes(master_key)
    with node:
        wait_until(lambda: len(node.workers()) == workers, "every worker")
        yield node


def _json(document: Any) -> bytes:
    return json.dumps(document).encode()
