"""uvicorn, with the bounds that it leaves to its user and a calm end.

With httptools uvicorn bounds neither the size of a request's headers nor the time they take to
arrive; and it ends the process by the signal that it got, where a service should exit with 0.
"""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from grantory.http.request import Receive, Scope, Send

MAX_HEAD_BYTES: Final = 65_536
HEAD_SECONDS: Final = 10
KEEP_ALIVE_SECONDS: Final = 75
END_SECONDS: Final = 30
BACKLOG: Final = 2048


class BoundedProtocol(HttpToolsProtocol):
    """Refuses a request whose head is too large (431) or too slow (408)."""

    _head_bytes = 0
    _in_head = True
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the time for the first head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the time."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts the bytes of a head."""
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_timer is None:
                self._await_head()
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(431, "Request Header Fields Too Large", "request.header.too.large")
                return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Ends the head."""
        self._in_head = False
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Awaits the next head."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answers a malformed request in JSON; some clients cannot read anything else."""
        self._refuse(400, "Bad Request", "bad.request", msg)

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        if self._head_bytes or self.cycle is None:
            self._refuse(408, "Request Timeout", "request.timeout")

    def _refuse(self, status: int, reason: str, code: str, message: str = "") -> None:
        if self.transport.is_closing():
            return
        text = message or f"{reason}."
        body = msgspec.json.encode(
            {"message": text, "code": code, "status": status, "messageParams": {}, "details": []}
        )
        head = (
            f"HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


class Server(uvicorn.Server):
    """Ends with its requests finished and exit status 0; a second signal changes nothing."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Turns SIGTERM and SIGINT into the wish to end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._wish_to_end)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _wish_to_end(self) -> None:
        self.should_exit = True


def make_server(application: Any, host: str, port: int) -> Server:
    """Makes a server for an ASGI application.

    Args:
        application: called for each request.
        host: the address to listen on.
        port: the port to listen on.
    """

    async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
        await application(scope, receive, send)

    config = uvicorn.Config(
        asgi,
        host=host,
        port=port,
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
