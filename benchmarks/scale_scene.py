"""Two stores, one with ten clients and one with many, each behind a server of its own.

A store with many clients is filled once and kept; what is measured is a copy of it, so that each
run finds it as it was. The name of its folder holds a digest of the tables: where they change,
another is filled.
"""

import base64
import hashlib
import http.client
import json
import os
import shutil
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
from tests.support.postgres import PASSWORD, Cluster

FEW: Final = 10
CLIENTS: Final = "/api/v2/oauth/clients"
TABLES: Final = ROOT / "src" / "grantory" / "storage" / "sql" / "migrations" / "newest"
DATA, CLUSTER, FILLED, LARGE = "data", "cluster", "filled.json", "large"
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
    """How long it took to fill the large store, whenever that was."""


@contextmanager
def sqlite_sites(kept: Path, count: int, core: int | None) -> Iterator[Sites]:
    """Both stores as files."""
    with TemporaryDirectory(prefix="sqlite-", dir=kept) as name:
        folder = Path(name)
        large = place_of(kept, "sqlite", count)
        if not is_filled(large):
            shutil.rmtree(large, ignore_errors=True)
            _fill(large, count, [])
        shutil.copytree(large / DATA, folder / DATA)
        given = ["--data-dir", str(folder / DATA)]
        with _sites(folder, core, [], (large, given)) as sites:
            yield sites


@contextmanager
def postgresql_sites(kept: Path, count: int, core: int | None) -> Iterator[Sites]:
    """Both stores as databases of one server, which is gone afterwards."""
    large = place_of(kept, "postgresql", count)
    if not (is_filled(large) and (large / CLUSTER / PASSWORD).exists()):
        shutil.rmtree(large, ignore_errors=True)
        with Cluster(durable=True, settings=POSTGRESQL) as cluster:
            _fill(large, count, ["--database-url", cluster.url(cluster.create_database(LARGE))])
            cluster.keep(large / CLUSTER)
    with (
        TemporaryDirectory(prefix="postgresql-", dir=kept) as name,
        Cluster(durable=True, settings=POSTGRESQL, kept=large / CLUSTER) as cluster,
    ):
        given = ["--data-dir", str(large / DATA), "--database-url", cluster.url(LARGE)]
        few = ["--database-url", cluster.url(cluster.create_database())]
        with _sites(Path(name), core, few, (large, given)) as sites:
            yield sites


KINDS: Final[dict[str, Callable[[Path, int, int | None], AbstractContextManager[Sites]]]] = {
    "sqlite": sqlite_sites,
    "postgresql": postgresql_sites,
}


@contextmanager
def _sites(
    folder: Path, core: int | None, options: list[str], many: tuple[Path, list[str]]
) -> Iterator[Sites]:
    """Serves both.

    Args:
        folder: for the small store and the logs.
        core: the core that the servers are pinned to.
        options: where the small store is, besides its folder.
        many: where the large store was filled, and the flags that name its copy.
    """
    small, (large, given) = folder / "few", many
    _fill(small, FEW, options)
    with ExitStack() as stack:
        callers: list[Caller] = []
        for filled, place in (
            (small, ["--data-dir", str(small / DATA), *options]),
            (large, given),
        ):
            serve = ["-m", "grantory", "serve", "--port", "{port}", *place]
            server = stack.enter_context(Server(filled.name, serve, folder, core))
            callers.append(Caller(server, _told(filled)["credentials"]))
        yield Sites(callers[0], callers[1], _told(large)["seconds"])


def place_of(kept: Path, kind: str, count: int) -> Path:
    """Where a large store is kept.

    Args:
        kept: where all of them are.
        kind: its database.
        count: how many clients it has.
    """
    tables = (file.read_bytes() for file in sorted(TABLES.glob("*.sql")))
    return kept / f"{kind}-{count}-{hashlib.sha256(b''.join(tables)).hexdigest()[:8]}"


def is_filled(place: Path) -> bool:
    """Tells whether a store was filled to its end."""
    return (place / FILLED).exists() and (place / DATA).exists()


def _fill(place: Path, count: int, options: list[str]) -> None:
    """Sets a store up and fills it; says so once it is there."""
    place.mkdir(parents=True)
    given = ["--data-dir", str(place / DATA), *options]
    begun = time.perf_counter()
    credentials = json.loads(_command("init", "--json", *given))
    _command("dev", "seed", "--clients", str(count - 1), *given)  # the first client is one
    told = {"credentials": credentials, "seconds": time.perf_counter() - begun}
    (place / FILLED).write_text(json.dumps(told), "utf-8")


def _told(place: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place / FILLED).read_text("utf-8"))
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
