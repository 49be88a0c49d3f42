"""Two stores, one with ten clients and one with many, each behind a server of its own."""

import base64
import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from benchmarks.servers import HOST, ROOT, Server
from tests.support.postgres import Cluster

FEW: Final = 10
CLIENTS: Final = "/api/v2/oauth/clients"
FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
READ_SECONDS: Final = 600
POSTGRESQL: Final = {"shared_buffers": "128MB"}
"""What PostgreSQL has where nobody sets anything."""


class Caller:
    """Calls a server over one connection, and tells how long an answer took.

    Args:
        server: which.
        credentials: what ``grantory init --json`` has printed.
    """

    def __init__(self, server: Server, credentials: dict[str, Any]) -> None:
        self.server = server
        client = credentials["client"]
        self.client_id = str(client["id"])
        pair = f"{self.client_id}:{client['secret']}"
        self._basic = "Basic " + base64.b64encode(pair.encode()).decode()
        self._connection = http.client.HTTPConnection(HOST, server.port, timeout=READ_SECONDS)
        self._bearer = "Bearer " + json.loads(self.token()[1])["access_token"]
        self.role_id = json.loads(self.get("/api/v2/authorization/roles")[1])["entities"][0]["id"]

    def token(self) -> tuple[float, bytes]:
        """Gets a token."""
        headers = {"Authorization": self._basic, "Content-Type": FORM}
        return self._ask("POST", "/oauth/token", headers, "grant_type=client_credentials")

    def get(self, path: str, **query: object) -> tuple[float, bytes]:
        """Reads something."""
        address = f"{path}?{urlencode(query)}" if query else path
        return self._ask("GET", address, {"Authorization": self._bearer})

    def create(self) -> tuple[float, bytes]:
        """Makes a client."""
        document = {
            "name": f"made by the benchmark {time.monotonic_ns()}",
            "authorizedGrantType": "CLIENT-CREDENTIALS",
            "roleIds": [self.role_id],
        }
        headers = {"Authorization": self._bearer, "Content-Type": JSON}
        return self._ask("POST", CLIENTS, headers, json.dumps(document))

    def read_all(self, **query: object) -> tuple[float, int]:
        """Reads the full list to its end; returns how long that took, and its bytes."""
        begun = time.perf_counter()
        answer = self._full_list(query)
        size = 0
        while some := answer.read(1 << 16):
            size += len(some)
        return time.perf_counter() - begun, size

    def another(self) -> "Caller":
        """Makes a client, and a caller by it on a connection of its own."""
        return Caller(self.server, {"client": json.loads(self.create()[1])})

    def read_slowly(self, seconds: float, pause: float, **query: object) -> int:
        """Reads the full list in small pieces with pauses, for so long or to its end.

        Args:
            seconds: after which it hangs up.
            pause: seconds between 64 kB and the next.
            query: which list.

        Returns:
            How many bytes it has read.
        """
        size = 0
        try:
            answer = self._full_list(query)
            ends = time.perf_counter() + seconds
            while time.perf_counter() < ends and (some := answer.read(1 << 16)):
                size += len(some)
                time.sleep(pause)
        finally:
            self._connection.close()
        return size

    def _full_list(self, query: dict[str, object]) -> http.client.HTTPResponse:
        path = f"{CLIENTS}?{urlencode(query)}" if query else CLIENTS
        self._connection.request("GET", path, headers={"Authorization": self._bearer})
        answer = self._connection.getresponse()
        if answer.status != http.client.OK:
            raise RuntimeError(f"{path} is answered {answer.status}: {answer.read()[:500]!r}")
        return answer

    def _ask(
        self, method: str, path: str, headers: dict[str, str], body: str | None = None
    ) -> tuple[float, bytes]:
        try:
            return self._asked(method, path, headers, body)
        except (ConnectionError, http.client.RemoteDisconnected):  # it was idle for long
            self._connection.close()
            return self._asked(method, path, headers, body)

    def _asked(
        self, method: str, path: str, headers: dict[str, str], body: str | None
    ) -> tuple[float, bytes]:
        begun = time.perf_counter()
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        taken = (time.perf_counter() - begun) * 1000
        if answer.status != http.client.OK:
            raise RuntimeError(f"{method} {path} is answered {answer.status}: {content[:500]!r}")
        return taken, content


class Sites(NamedTuple):
    """A caller of the server on the small store, and one of that on the large store."""

    few: Caller
    many: Caller
    seconds: float
    """How long it took to fill both; nearly nothing where they were there."""


@contextmanager
def sqlite_sites(folder: Path, count: int, core: int | None) -> Iterator[Sites]:
    """Both stores as files."""
    with _sites(folder, "sqlite", count, core, lambda _name: []) as sites:
        yield sites


@contextmanager
def postgresql_sites(folder: Path, count: int, core: int | None) -> Iterator[Sites]:
    """Both stores as databases of one server, which is gone afterwards."""
    with (
        Cluster(durable=True, settings=POSTGRESQL) as cluster,
        TemporaryDirectory(prefix="postgresql-", dir=folder) as own,
    ):

        def options(_name: str) -> list[str]:
            return ["--database-url", cluster.url(cluster.create_database())]

        with _sites(Path(own), "postgresql", count, core, options) as sites:
            yield sites


KINDS: Final[dict[str, Callable[[Path, int, int | None], AbstractContextManager[Sites]]]] = {
    "sqlite": sqlite_sites,
    "postgresql": postgresql_sites,
}


@contextmanager
def _sites(
    folder: Path, kind: str, count: int, core: int | None, options: Callable[[str], list[str]]
) -> Iterator[Sites]:
    with ExitStack() as stack:
        callers: list[Caller] = []
        seconds = 0.0
        for size in (FEW, count):
            name = f"{kind}-{size}"
            given = ["--data-dir", str(folder / name / "data"), *options(name)]
            begun = time.perf_counter()
            credentials = _prepared(folder / name, given, size)
            seconds += time.perf_counter() - begun
            serve = ["-m", "grantory", "serve", "--port", "{port}", *given]
            server = stack.enter_context(Server(name, serve, folder, core))
            callers.append(Caller(server, credentials))
        few, many = callers
        yield Sites(few, many, seconds)


def _prepared(folder: Path, given: list[str], count: int) -> dict[str, Any]:
    """Sets a store up and fills it; takes it as it is where that was done before."""
    file = folder / "credentials.json"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        credentials = _command("init", "--json", *given)
        _command("dev", "seed", "--clients", str(count - 1), *given)  # the first client is one
        file.write_text(credentials)
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def _command(*arguments: str) -> str:
    kept = {k: v for k, v in os.environ.items() if not k.upper().startswith("GRANTORY_")}
    return subprocess.run(
        [sys.executable, "-m", "grantory", *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=ROOT,
        env=kept,
    ).stdout
