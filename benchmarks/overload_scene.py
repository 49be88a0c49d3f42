"""The servers that are asked for too much, each with a request for a token and for a client."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks.callers import CLIENTS, JSON, Caller
from benchmarks.pinning import Cores, pinned
from benchmarks.servers import Server
from benchmarks.wrk import Target
from tests.support.postgres import Cluster

SITES = {"sqlite-1": 1, "sqlite-2": 2, "sqlite-4": 4, "postgres-2": 2}
"""How many workers each has."""


class OverloadedSite(NamedTuple):
    """A running server."""

    name: str
    server: Server
    targets: dict[str, Target]

    @property
    def processes(self) -> int:
        """How many worker processes it has."""
        return SITES[self.name]


@contextmanager
def site(name: str, cores: Cores) -> Iterator[OverloadedSite]:
    """Starts a server; its database, too, runs on its core and writes to the disk."""
    with ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(prefix="grantory-bench-")
        data = Path(stack.enter_context(temporary)) / "data"
        serve = ["-m", "grantory", "serve", "--port", "{port}", "--data-dir", str(data)]
        serve += ["--workers", str(SITES[name])]
        if name.startswith("postgres"):
            with pinned(cores.server):
                cluster = stack.enter_context(Cluster(durable=True))
            serve += ["--database-url", cluster.url(cluster.create_database())]
        server = stack.enter_context(Server(name, serve, data.parent, cores.server))
        first = json.loads((data / "first-start.json").read_text("utf-8"))
        caller = Caller(server.url, first["client"])
        new = {"name": "nightly export", "authorizedGrantType": "CODE"}
        yield OverloadedSite(
            name,
            server,
            {
                "token": caller.token_request,
                "create": Target(
                    url=server.url + CLIENTS,
                    method="POST",
                    body=json.dumps(new),
                    content_type=JSON,
                    authorization=caller.bearer,
                ),
            },
        )
