"""What connections cost that are open and ask for nothing."""

import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.capacity_report import Figure, Part
from benchmarks.loading import Loader, load
from benchmarks.servers import HOST, Server
from benchmarks.site import Site

REQUEST = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
PATIENCE = 10.0
SPARE = 100


@contextmanager
def idle_connections(server: Server, count: int) -> Iterator[list[socket.socket]]:
    """Opens connections, each of which has asked once and goes on listening."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    if most < count + SPARE:
        raise RuntimeError(f"the system permits {most} open files (ulimit -Hn)")
    found: list[socket.socket] = []
    try:
        for _ in range(count):
            connection = socket.create_connection((HOST, server.port), PATIENCE)
            found.append(connection)
            connection.sendall(REQUEST)
            if not connection.recv(4096).startswith(b"HTTP/1.1 200"):
                raise RuntimeError("a connection was refused")
        yield found
    finally:
        for connection in found:
            connection.close()


def connections(loader: Loader, site: Site, count: int) -> Part:
    """Asks for tokens without other connections, and then beside many that are idle."""
    with site.server(loader.cores.server, name="idle-connections") as server:
        target = site.caller(server).token_request
        alone = [load(loader, server, target).sample for _ in range(loader.rounds)]
        before = server.memory()
        with idle_connections(server, count) as opened:
            grown = server.memory() - before
            beside = [load(loader, server, target).sample for _ in range(loader.rounds)]
            alive = sum(map(_is_open, opened))
    return Part(
        f"{count:,} idle connections",
        (
            Figure("memory of an idle connection", (grown / count * 1024,), "KB PSS"),
            Figure("open at the end", (float(alive),), "connections"),
            Figure("p99 of a token without them", tuple(each.p99 for each in alone), "ms"),
            Figure("p99 of a token beside them", tuple(each.p99 for each in beside), "ms"),
            Figure("tokens without them", tuple(each.rate for each in alone), "per second"),
            Figure("tokens beside them", tuple(each.rate for each in beside), "per second"),
        ),
    )


def _is_open(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return bool(connection.recv(1))
    except BlockingIOError:
        return True
    except OSError:
        return False
