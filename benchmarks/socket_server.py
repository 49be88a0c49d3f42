"""Serves with several workers: ``python -m benchmarks.socket_server PORT shared|own DATA WORKERS``.

``shared`` is what ``grantory serve`` does: all accept from one socket. With ``own`` each listens
on a socket of its own (SO_REUSEPORT), and the kernel gives every connection to one of them.
"""

import gc
import socket
import sys
from pathlib import Path

from grantory.app import build_application
from grantory.cli.event_loop import run
from grantory.cli.founding import present
from grantory.cli.workers import Workers
from grantory.http.server import BACKLOG, bind, make_server
from grantory.node import first_start, open_node, open_or_create_node
from grantory.settings import Settings

HOST = "127.0.0.1"


def bind_own(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((HOST, port))
    listener.listen(BACKLOG)
    return listener


async def prepare(settings: Settings) -> None:
    node = await open_or_create_node(settings)
    founding = await first_start(node, "Example", "admin@example.com")
    await node.close()
    if founding is not None:
        present(founding, settings)


def main() -> None:
    port, kind, data_dir, workers = int(sys.argv[1]), *sys.argv[2:4], int(sys.argv[4])
    settings = Settings(data_dir=Path(data_dir), workers=workers, port=port)
    run(prepare(settings))
    shared = bind(HOST, port) if kind == "shared" else None

    async def work(_lifeline: int | None, _place: int) -> None:
        node = await open_node(settings)
        server = make_server(build_application(node, settings), lambda _: None, node.store.room)
        await server.serve([shared or bind_own(port)])
        await node.close()

    gc.collect()
    gc.freeze()
    Workers(workers, work, shared or socket.socket()).run()


if __name__ == "__main__":
    main()
