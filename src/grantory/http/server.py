"""uvicorn, with the bounds that it leaves to its user and a calm end.

With httptools uvicorn bounds neither the size of a request's headers nor the time they take to
arrive; and it ends the process by the signal that it got, where a service should exit with 0.
"""

import asyncio
import re
import signal
import socket
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from grantory.errors import SetupError
from grantory.http.request import Receive, Scope, Send

MAX_HEAD_BYTES: Final = 65_536
HEAD_SECONDS: Final = 10
BODY_SECONDS: Final = 30
KEEP_ALIVE_SECONDS: Final = 75
END_SECONDS: Final = 30
BACKLOG: Final = 2048
_VERSIONS: Final = ("1.1", "1.0")
_UPGRADE: Final = re.compile(rb"(\r\n)upgrade(:)", re.IGNORECASE)
_FRAMING: Final = (b"content-length", b"transfer-encoding")


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a request whose head is too large (431), or that is too slow to come (408).

    A request that arrives whole at once, as nearly all do, costs no timer. No protocol is
    switched to: what follows a request that asks for one is not read.
    """

    _head_bytes = 0
    """What came since the request began, or since the last part of its body."""
    _in_head = True
    _unserved = False
    _ended = False
    _tail = b""
    _awaited: float | None = None
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the time for the first head."""
        super().connection_made(transport)
        self._await(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the time."""
        self._await(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts the bytes of a head, and bounds the time for what is still to come."""
        if self._ended:
            return
        self._head_bytes += len(data)
        if self._in_head and b"pgrade" in data:
            data = without_upgrade(self._tail, data)
        self._tail = data[-3:]
        super().data_received(data)
        if self._unserved or self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(431, "Request Header Fields Too Large", "request.header.too.large")
        elif not self._in_head:
            self._await(BODY_SECONDS)
        else:
            self._await(HEAD_SECONDS if self._head_bytes else None)

    def on_headers_complete(self) -> None:
        """Ends the head; one that came too large in a single piece is not served."""
        if self._head_bytes > MAX_HEAD_BYTES:
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            self._unserved = size > MAX_HEAD_BYTES
        if self.parser.should_upgrade():
            self._end_with_this_request()
        if self.parser.get_http_version() not in _VERSIONS:
            self._unserved = True
            self.send_400_response("The request line must end with HTTP/1.0 or HTTP/1.1.")
        if self._unserved:
            return
        self._in_head = False
        super().on_headers_complete()
        if self._ended:
            self.cycle.keep_alive = False
        self.headers = []  # for trailers, which must not pass for headers

    def _end_with_this_request(self) -> None:
        """Reads nothing more: the parser would take an upgrade's body for the next request."""
        self._ended = True
        if any(name in _FRAMING and value != b"0" for name, value in self.headers):
            self._unserved = True
            self.send_400_response("A body cannot come with an upgrade.")

    def on_body(self, body: bytes) -> None:
        """Takes a part of the body of a request that is served."""
        self._head_bytes = 0
        if not self._unserved:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Ends the request; bytes that follow belong to the next one."""
        if not self._unserved:
            self._in_head = True
            self._head_bytes = 0
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answers a malformed request in JSON; some clients cannot read anything else."""
        self._refuse(400, "Bad Request", "bad.request", msg)

    def _unsupported_upgrade_warning(self) -> None:
        """Says nothing where uvicorn would advise to install a WebSocket library."""

    def _await(self, seconds: float | None) -> None:
        if seconds == self._awaited:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._awaited = seconds
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        self._refuse(408, "Request Timeout", "request.timeout")

    def _refuse(self, status: int, reason: str, code: str, message: str = "") -> None:
        if self.transport.is_closing():
            return
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or not cycle.response_started or cycle.response_complete:
            self.transport.write(_refusal(status, reason, code, message or f"{reason}."))
        self.transport.close()


def _refusal(status: int, reason: str, code: str, message: str) -> bytes:
    correlation_id = str(uuid.uuid4())
    body = msgspec.json.encode(
        {
            "message": message,
            "code": code,
            "status": status,
            "messageParams": {},
            "contextId": correlation_id,
            "details": [],
            "errors": [],
        }
    )
    head = (
        f"HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\n"
        f"ININ-Correlation-Id: {correlation_id}\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body


def without_upgrade(tail: bytes, data: bytes) -> bytes:
    """Takes the wish for another protocol out of a request's head, which is then served as it is.

    Java's standard client and ``curl --http2`` ask for HTTP/2 with their first request, body
    and all; a server may leave that unheard (RFC 9110 section 7.8), but the parser would stop
    at the end of the head. The length stays the same, so that no mistake here could move the
    border between two requests.

    Args:
        tail: the last three bytes that came before, for an end of the head in two pieces.
        data: the piece, which begins in a head.
    """
    end = (tail + data).find(b"\r\n\r\n")
    border = len(data) if end < 0 else max(0, end - len(tail))
    return _UPGRADE.sub(rb"\1unheard\2", data[:border]) + data[border:]


class Server(uvicorn.Server):
    """Ends with its requests finished and exit status 0; a second signal changes nothing."""

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
    listener.set_inheritable(True)
    return listener


def make_server(application: Any) -> Server:
    """Makes a server for an ASGI application.

    Args:
        application: called for each request.
    """

    async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
        await application(scope, receive, send)

    config = uvicorn.Config(
        asgi,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=END_SECONDS,
    )
    return Server(config)
