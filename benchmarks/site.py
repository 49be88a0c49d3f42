"""Grantory as everybody runs it, on one of its stores."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.callers import Caller
from benchmarks.pinning import Cores, pinned
from benchmarks.servers import Server, family
from grantory.settings import Settings
from tests.support.postgres import Cluster

STORES = ("SQLite", "PostgreSQL")


class Site(msgspec.Struct, frozen=True):
    """A store that is set up, with the arguments that serve it and its first client."""

    store: str
    folder: Path
    settings: Settings
    first: dict[str, Any]
    cluster: Cluster | None = None

    @property
    def database_processes(self) -> tuple[int, ...]:
        """Those of the database server, where there is one."""
        return () if self.cluster is None else tuple(family(self.cluster.process_id))

    def server(self, core: int | None, *, name: str = "", workers: int = 1) -> Server:
        """Serves the store, once the server is entered; several may at the same time."""
        arguments = ["-m", "grantory", "serve", "--port", "{port}", "--workers", str(workers)]
        title = name or f"grantory-{self.store.lower()}"
        # Without it no client gets JWTs, where there may be several nodes.
        environment = {"GRANTORY_PUBLIC_URL": "http://127.0.0.1:{port}"}
        return Server(title, [*arguments, *self.place], self.folder, core, environment=environment)

    @property
    def place(self) -> list[str]:
        """The flags that name the store."""
        flags = ["--data-dir", str(self.settings.data_dir)]
        if self.settings.database_url:
            flags += ["--database-url", self.settings.database_url]
        return flags

    def caller(self, server: Server) -> Caller:
        """The first client, which holds every permission."""
        return Caller(server.url, self.first["client"])

    def further_organization(self) -> dict[str, Any]:
        """Founds another organisation; answers the id and secret of its first client."""
        found: dict[str, Any] = _grantory("org", "create", "makers", *self.place)["client"]
        return found


@contextmanager
def new_site(store: str, cores: Cores) -> Iterator[Site]:
    """Sets a new store up, and leaves nothing behind.

    The database server shares the core of the load generator: in production it has a machine of
    its own, and what is measured is what one core does for Grantory.
    """
    with ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="grantory-bench-")
        folder = Path(stack.enter_context(temporary))
        cluster, url = None, ""
        if store == "PostgreSQL":
            with pinned(cores.load):
                cluster = stack.enter_context(Cluster(durable=True))
            url = cluster.url(cluster.create_database())
        settings = Settings(data_dir=folder / "data", database_url=url)
        site = Site(store, folder, settings, {}, cluster)
        yield msgspec.structs.replace(site, first=_grantory("init", *site.place))


def _grantory(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "grantory", *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"grantory {arguments[0]} failed: {done.stderr}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
