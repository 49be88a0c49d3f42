"""A whole server in this process, on a socket, that refuses as much as a test says."""

import asyncio
import io
import threading
from contextlib import nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from grantory.app import build_application
from grantory.cli.event_loop import run
from grantory.http.server import Server, bind, make_server
from grantory.node import first_start, open_or_create_node
from grantory.settings import Settings
from tests.support.server import HOST

PLENTY = 1_000
SECONDS = 30.0

INNER = b"GET /inner HTTP/1.1\r\nHost: inner\r\n\r\n"
"""A request that would show in the log if it were taken for one."""
LAST = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
HEAD = b"POST /api/v2/oauth/clients HTTP/1.1\r\nHost: a\r\n"
BODY = INNER * 3
CHUNKED = b"5\r\n" + BODY[:5] + b"\r\n%x\r\n" % len(BODY[5:]) + BODY[5:] + b"\r\n0\r\nX: a\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
REQUESTS = {
    "a body": HEAD + LENGTH + b"\r\n" + BODY,
    "chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED,
    "an empty body": HEAD + b"Content-Length: 0\r\n\r\n",
    "nothing of a body": HEAD + b"\r\n",
    "an upgrade": HEAD + b"Connection: upgrade\r\nUpgrade: h2c\r\n" + LENGTH + b"\r\n" + BODY,
    "a large body": HEAD + b"Content-Length: 500000\r\n\r\n" + (INNER * 20_000)[:500_000],
    "an unknown method": b"PURGE" + HEAD[4:] + LENGTH + b"\r\n" + BODY,
    "a token request": b"POST /oauth/token HTTP/1.1\r\nHost: a\r\n" + LENGTH + b"\r\n" + BODY,
}


class SheddingServer:
    """The real application on a SQLite file, on the event loop that the server uses.

    Only what a whole process has besides is missing: it listens to no signals.
    """

    def __init__(self, folder: Path) -> None:
        self._settings = Settings(data_dir=folder, http_login_prefix="/login")
        self._thread = threading.Thread(target=lambda: run(self._serve()))
        self._ready = threading.Event()
        self._server: Server | None = None
        self.log = io.StringIO()
        self.room = PLENTY
        """How many changes are taken."""
        self.refused: list[int] = []
        self.port = 0
        self.client_id = ""
        self.client_secret = ""

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it; its connections are closed, and what it refused has been told."""
        if self._server is not None:
            self._server.wish_to_end()
        self._thread.join(SECONDS)
        assert not self._thread.is_alive()

    async def _serve(self) -> None:
        self._settings.data_dir.mkdir(mode=0o700, exist_ok=True)
        node = await open_or_create_node(self._settings)
        try:
            founding = await first_start(node, "Example", "admin@example.com")
            assert founding is not None
            self.client_id = founding.client.id
            self.client_secret = founding.secret.reveal()
            application = build_application(node, self._settings, self.log)
            prefix = self._settings.http_login_prefix
            server = make_server(application, self.refused.append, lambda: self.room, prefix)
            without_signals: Any = nullcontext
            setattr(server, "capture_signals", without_signals)  # noqa: B010 - only the main thread may
            with bind(HOST, 0) as listener:
                self.port = listener.getsockname()[1]
                self._server = server
                asyncio.get_running_loop().call_later(0, self._ready.set)
                await server.serve([listener])
        finally:
            await node.close()
