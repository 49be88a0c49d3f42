"""Serves the floor: ``python -m benchmarks.floor_server PORT grantory|uvicorn``.

``grantory`` is the server class and the flags of ``grantory serve``; ``uvicorn`` is uvicorn with
uvloop and httptools as they come, to show what our bounds on slow and large requests cost.
"""

import gc
import sys

import uvicorn

from benchmarks.floor_app import floor_app
from grantory.http.server import BACKLOG, bind, make_server

HOST = "127.0.0.1"


def make_floor(kind: str) -> uvicorn.Server:
    if kind == "grantory":
        return make_server(floor_app, lambda _: None, lambda: 1)
    return uvicorn.Server(
        uvicorn.Config(
            floor_app,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
        )
    )


def main() -> None:
    server = make_floor(sys.argv[2])
    with bind(HOST, int(sys.argv[1])) as listener:
        gc.collect()
        gc.freeze()
        server.run([listener])


if __name__ == "__main__":
    main()
