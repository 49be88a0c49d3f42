"""``grantory serve``."""

import asyncio
import gc
import ipaddress
import socket
import sys
from typing import Annotated

import msgspec
import typer

from grantory.app import Node, build_application, first_start, open_or_create_node, public_url
from grantory.cli.founding import present
from grantory.cli.options import Config, DatabaseUrl, DataDir, settings_from
from grantory.errors import SetupError
from grantory.http.server import bind, make_server
from grantory.observability.events import log, set_up_logging
from grantory.registry.organizations import DEFAULT_EMAIL, DEFAULT_NAME
from grantory.settings import Settings


def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes.")] = None,
    database_url: DatabaseUrl = None,
    data_dir: DataDir = None,
    config: Config = None,
) -> None:
    """Starts the server; an empty store is set up first.

    Example: grantory serve --port 9000 --data-dir /var/lib/grantory
    """
    settings = settings_from(
        config,
        host=host,
        port=port,
        workers=workers,
        database_url=database_url,
        data_dir=data_dir,
    )
    if settings.workers > 1:
        raise SetupError("several workers are not built yet: start with --workers 1")
    set_up_logging()
    with bind(settings.host, settings.port) as listener:
        settings = msgspec.structs.replace(settings, port=listener.getsockname()[1])
        node = open_or_create_node(settings)
        try:
            _announce_first_start(node, settings)
            _warn_of_plain_http(settings)
            _run(node, settings, listener)
        finally:
            node.close()


def _announce_first_start(node: Node, settings: Settings) -> None:
    founding = asyncio.run(first_start(node, DEFAULT_NAME, DEFAULT_EMAIL))
    if founding is not None:
        present(founding, settings)


def _warn_of_plain_http(settings: Settings) -> None:
    try:
        local = ipaddress.ip_address(settings.host).is_loopback
    except ValueError:
        local = settings.host == "localhost"
    if not local and not settings.public_url.startswith("https://"):
        typer.echo(
            f"\n  WARNING: listening on {settings.host} without TLS. Secrets and tokens cross the\n"
            "  network in clear unless a proxy with TLS stands in front: then set\n"
            "  GRANTORY_PUBLIC_URL to its https:// address.\n",
            err=True,
        )


def _run(node: Node, settings: Settings, listener: socket.socket) -> None:
    server = make_server(build_application(node, settings))
    typer.echo(f"Grantory listens on {public_url(settings)}")
    sys.stdout.flush()
    gc.collect()
    gc.freeze()
    server.run([listener])
    log().info("stopped")
