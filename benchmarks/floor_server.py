"""Serves the floor: ``python -m benchmarks.floor_server PORT grantory|uvicorn [FILE]``.

With a file its ``asgi`` is served in place of ``benchmarks/floor_app.py``.
``grantory`` is the server class and the flags of ``grantory serve``; ``uvicorn`` is uvicorn with
uvloop and httptools as they come, to show what our bounds on slow and large requests cost.
"""

import gc
import sys
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

import uvicorn

from benchmarks.floor_app import floor_app
from grantory.http.server import BACKLOG, bind, make_server

HOST = "127.0.0.1"


def application_of(file: str) -> Any:
    """Loads an ASGI application that a file has under the name ``asgi``.

    Args:
        file: Python; empty for the floor that comes with the benchmarks.

    Raises:
        SystemExit: for a file without one.
    """
    if not file:
        return floor_app
    spec = spec_from_file_location("given_floor", file)
    if spec is None or spec.loader is None:
        sys.exit(f"{file} is no Python")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    if not hasattr(module, "asgi"):
        sys.exit(f"{file} has no asgi")
    return module.asgi


def make_floor(kind: str, application: Any) -> uvicorn.Server:
    """Makes a server of the floor, of Grantory's kind or of uvicorn's."""
    if kind == "grantory":
        return make_server(application, lambda _: None, lambda: 1)
    return uvicorn.Server(
        uvicorn.Config(
            application,
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
    server = make_floor(sys.argv[2], application_of("".join(sys.argv[3:])))
    with bind(HOST, int(sys.argv[1])) as listener:
        gc.collect()
        gc.freeze()
        server.run([listener])


if __name__ == "__main__":
    main()
