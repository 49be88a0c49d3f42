"""``grantory serve``."""

import asyncio
import gc
import ipaddress
import os
import resource
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from typer.core import TyperCommand

from grantory import __version__
from grantory.app import build_watched, load_the_rest
from grantory.background import kept_small
from grantory.cli.event_loop import run
from grantory.cli.founding import present
from grantory.cli.listener_tls import BARE_FLAG, listener_context
from grantory.cli.metrics_token import read_metrics_token
from grantory.cli.options import Config, DatabaseUrl, DataDir, settings_from
from grantory.cli.workers import Workers
from grantory.http.request_limits import SharedCounts
from grantory.http.server import bind, make_server
from grantory.node import Node, first_start, open_node, open_or_create_node
from grantory.observability import tracing
from grantory.observability.events import log, set_up_logging
from grantory.observability.log_writer import LogWriter, descriptor_of
from grantory.observability.shared_numbers import SharedNumbers
from grantory.public_address import public_url
from grantory.registry.configured_providers import keep_configured
from grantory.registry.identity_providers import IdentityProviderRegistry
from grantory.registry.organizations import DEFAULT_EMAIL, DEFAULT_NAME, Founding
from grantory.settings import Settings
from grantory.watching import Watch

SWITCH_SECONDS = 0.001
DEV_TLS = "--dev-tls"
app = typer.Typer(add_completion=False)


class ServeCommand(TyperCommand):
    """Takes ``--dev-tls`` with a name or without one, which typer's own options cannot."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads the arguments, a bare ``--dev-tls`` as that of the default name."""
        given = []
        for argument, following in zip(args, [*args[1:], "-"], strict=False):
            given.append(argument)
            if argument == DEV_TLS and following.startswith("-"):
                given.append(BARE_FLAG)
        return super().parse_args(ctx, given)


@app.command("serve", cls=ServeCommand)
def serve(
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on.")] = None,
    workers: Annotated[int | None, typer.Option(help="Server processes.")] = None,
    tls_cert: Annotated[
        Path | None, typer.Option(help="A file with the certificate to show, and its chain.")
    ] = None,
    tls_key: Annotated[Path | None, typer.Option(help="A file with the certificate's key.")] = None,
    dev_tls: Annotated[
        str | None,
        typer.Option(
            metavar="[NAME]",
            help="Make a certificate for a name, by default localhost; for development.",
        ),
    ] = None,
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
        **{"tls.cert": tls_cert, "tls.key": tls_key, "tls.dev": dev_tls},
    )
    lines = LogWriter(descriptor_of(sys.stderr))
    set_up_logging(lines)
    _allow_many_connections()
    metrics_token = read_metrics_token(settings.metrics_token_file)
    tls = listener_context(settings)
    with bind(settings.host, settings.port) as listener:
        settings = msgspec.structs.replace(settings, port=listener.getsockname()[1])
        traced = _may_trace()
        counts = SharedCounts()
        numbers = SharedNumbers(settings.workers)

        def announce(founding: Founding | None) -> None:
            if founding is not None:
                present(founding, settings)
            if tls is None:
                _warn_of_plain_http(settings)
            typer.echo(f"Grantory listens on {public_url(settings)}")

        @asynccontextmanager
        async def watched(place: int) -> AsyncIterator[Watch]:
            with lines:
                traces = _begin_traces() if traced else None
                try:
                    yield Watch(numbers, place, metrics_token, traces)
                finally:
                    if traces is not None:
                        await traces.close()

        async def alone() -> None:
            async with watched(0) as watch, _prepared(settings) as (node, founding):
                announce(founding)
                gc.collect()
                gc.freeze()
                await _serve(node, settings, listener, None, lines, watch, counts, tls)

        async def work(lifeline: int, place: int) -> None:
            async with watched(place) as watch, _opened(settings) as node:
                await _serve(node, settings, listener, lifeline, lines, watch, counts, tls)

        if settings.workers == 1:
            run(alone())
        else:
            announce(run(_prepare(settings)))
            load_the_rest()
            gc.collect()
            gc.freeze()
            Workers(settings.workers, work, listener, numbers.bury).run()
    log().info("stopped")


def _allow_many_connections() -> None:
    """Raises the limit of open files, which is often 1024, to what the system permits."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@asynccontextmanager
async def _prepared(settings: Settings) -> AsyncIterator[tuple[Node, Founding | None]]:
    """Opens the store, with what it must hold before anybody asks."""
    node = await open_or_create_node(settings)
    try:
        founding = await first_start(node, DEFAULT_NAME, DEFAULT_EMAIL)
        registry = IdentityProviderRegistry(node.store, node.clock, node.random)
        await keep_configured(node.store, registry, settings.identity_providers)
        yield node, founding
    finally:
        await node.close()


async def _prepare(settings: Settings) -> Founding | None:
    """Sees to what the store must hold, so that no worker has to."""
    async with _prepared(settings) as (_, founding):
        return founding


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Node]:
    node = await open_node(settings)
    try:
        yield node
    finally:
        await node.close()


def _may_trace() -> bool:
    """Tells whether spans are to be made, and says so where they cannot be."""
    if not tracing.is_wanted(os.environ):
        return False
    if tracing.is_installed():
        return True
    log().warning("no traces: OpenTelemetry is configured and not installed (grantory[otel])")
    return False


def _begin_traces() -> tracing.Tracing | None:
    """Starts to send spans; a bad value in OpenTelemetry's variables is no reason not to serve."""
    try:
        return tracing.Tracing.begin(__version__)
    except Exception as error:  # its text may hold what a variable holds
        log().warning("no traces: a variable of OpenTelemetry is bad", kind=type(error).__name__)
        return None


async def _serve(
    node: Node,
    settings: Settings,
    listener: socket.socket,
    lifeline: int | None,
    lines: LogWriter,
    watch: Watch,
    counts: SharedCounts,
    tls: ssl.SSLContext | None,
) -> None:
    # The writer's thread is to get its turn soon even while the event loop is busy refusing.
    sys.setswitchinterval(SWITCH_SECONDS)
    watched = build_watched(node, settings, lines, watch, counts)
    server = make_server(
        watched.application if watch.tracing is None else watch.tracing.around(watched.application),
        _report_overload,
        node.store.room,
        settings.http_login_prefix,
        watched.watching.metrics.refused_early,
        watched.watching.may_read_metrics,
        tls,
        alone=lifeline is None,
    )
    if lifeline is not None:
        loop = asyncio.get_running_loop()

        def orphaned(fd: int) -> None:
            loop.remove_reader(fd)
            server.wish_to_end()

        loop.add_reader(lifeline, orphaned, lifeline)
    waiting = watched.watching.metrics.lists_waiting
    async with kept_small(node, settings, waiting), watched.watching.running(), _rest_loaded():
        await server.serve([listener])


@asynccontextmanager
async def _rest_loaded() -> AsyncIterator[None]:
    """Loads the rest as soon as the server listens, in a thread that lets it answer meanwhile.

    Workers share what was loaded before they were forked: they find nothing to load.
    """

    async def load() -> None:
        try:
            await asyncio.to_thread(load_the_rest)
        except ImportError as error:  # whoever needs it first will be told
            log().warning("a part of the server cannot be loaded", part=error.name)
        gc.freeze()

    loading = asyncio.create_task(load())
    try:
        yield
    finally:
        await loading


def _report_overload(refused: int) -> None:
    log().warning("overloaded: requests were refused", refused=refused)


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
