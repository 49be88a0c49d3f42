"""uvicorn as the server, with a calm end.

uvicorn ends the process by the signal that it got, where a service should exit with 0.
"""

import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, cast

import uvicorn

from grantory.errors import SetupError
from grantory.http.acceptor import Acceptor
from grantory.http.admission import Admission
from grantory.http.connection import BoundedProtocol
from grantory.http.pacing import (
    Connections,
    MayReadMetrics,
    RefusedEarly,
)
from grantory.http.turns import MOST_REFUSED, MOST_REFUSED_ALONE, Turns

END_SECONDS: Final = 30
TICKS_OF_A_SECOND: Final = 10
"""As often uvicorn looks whether it is to end."""
BACKLOG: Final = 16_384
"""As many may wait to be accepted, where the system (net.core.somaxconn) permits as many; whoever
comes to a full queue believes to be connected, and is heard seconds later."""


class Server(uvicorn.Server):
    """Ends with its requests finished and exit status 0; a second signal changes nothing."""

    def __init__(
        self, config: uvicorn.Config, connections: Connections, tls: ssl.SSLContext | None
    ) -> None:
        super().__init__(config)
        self._connections = connections
        self._tls = tls
        # What it waits for at the end.
        self.server_state.connections = connections.all
        self.server_state.tasks = connections.tasks

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Turns SIGTERM and SIGINT into the wish to end; then ignores them to the very end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.wish_to_end)
        try:
            yield
        finally:
            # Not back to their defaults: the store is still to be closed.
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_IGN)

    def wish_to_end(self, *_: object) -> None:
        """Lets the requests that are being answered be the last."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to take connections."""
        await self.lifespan.startup()
        self.servers = [
            cast(Any, Acceptor(each, self._connection, self._tls)) for each in sockets or []
        ]
        self.started = True

    def _connection(self) -> BoundedProtocol:
        return BoundedProtocol(self._connections)

    async def on_tick(self, counter: int) -> bool:
        """Tells every second what time the answers are to tell (RFC 9110 section 6.6.1)."""
        ends = await super().on_tick(counter)
        if counter % TICKS_OF_A_SECOND == 0:
            lines = [b"%b: %b\r\n" % line for line in self.server_state.default_headers]
            self._connections.default_headers = b"".join(lines)
        return ends

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finishes the requests, and tells of those that were refused last."""
        await super().shutdown(sockets)
        self._connections.admission.tell()


def bind(host: str, port: int) -> socket.socket:
    """Takes the address to listen on.

    Args:
        host: an address or a name.
        port: 0 takes a free one.

    Raises:
        SetupError: when it cannot be had.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        listener = socket.socket(family)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise SetupError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    except ValueError:  # of the encoding of names, and of a NUL
        raise SetupError(f"cannot listen on {host}:{port}: {host!r} is no host name") from None
    listener.set_inheritable(True)
    return listener


def _not_counted(_method: str, _status: int, _reason: str) -> None:
    pass


def _anybody(_address: str) -> bool:
    return True


def make_server(
    application: Any,
    refused: Callable[[int], None],
    room: Callable[[], int],
    login_prefix: str = "",
    refused_early: RefusedEarly = _not_counted,
    may_read_metrics: MayReadMetrics = _anybody,
    tls: ssl.SSLContext | None = None,
    alone: bool = False,
) -> Server:
    """Makes a server for an ASGI application.

    Args:
        application: called for each request.
        refused: told, at most once a second, how many requests were too many.
        room: tells how many changes the store would make in time.
        login_prefix: what may stand before OAuth's addresses.
        refused_early: told of each request that is refused before the application sees it.
        may_read_metrics: tells by the address at the other end whether a question for the metrics
            is to be heard whatever else there is to do.
        tls: the certificate to show; None for plain HTTP.
        alone: whether it is the only process of its server.
    """
    turns = Turns(MOST_REFUSED_ALONE if alone else MOST_REFUSED)
    admission = Admission(refused, room, turns)

    connections = Connections(
        application, admission, turns, refused_early, may_read_metrics, login_prefix
    )
    config = uvicorn.Config(
        application,
        loop="uvloop",
        http=BoundedProtocol,  # never called by uvicorn, but it would load its own
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=END_SECONDS,
    )
    return Server(config, connections, tls)
