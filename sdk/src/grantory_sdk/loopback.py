"""Waits on this machine for a browser to come back from a login (RFC 8252 section 7.3)."""

import html
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self
from urllib.parse import parse_qsl, urlsplit

from grantory_sdk.errors import LoginFailed

HOST: Final = "127.0.0.1"
_LONGEST_SILENCE: Final = 10.0
_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:1.1rem/1.5 system-ui,sans-serif;margin:4rem auto;max-width:34rem;padding:0 1rem}}
</style><h1>{title}</h1><p>{text}</p></html>
"""


class Loopback:
    """A listener for one login; a context manager.

    Args:
        state: what a browser that comes back from this login has with it.
        port: where to listen; 0 for any free port.
        path: the path that it comes back to.

    Raises:
        LoginFailed: on entry, if the port cannot be had.
    """

    def __init__(self, state: str, port: int = 0, path: str = "/") -> None:
        self._state = state
        self._path = path
        self._done = threading.Event()
        self._told: dict[str, str] = {}
        self._lock = threading.Lock()
        try:
            self._server = _Server((HOST, port), _handler(self))
        except OSError as error:
            raise LoginFailed(
                f"Nothing can listen on {HOST}:{port}, where the browser is to come back to: "
                f"{error.strerror}."
            ) from None
        self.port: int = self._server.server_address[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self, seconds: float) -> dict[str, str]:
        """Waits for the browser.

        Args:
            seconds: for how long.

        Returns:
            The parameters that it brings.

        Raises:
            LoginFailed: if it does not come in time, or the wait is given up.
        """
        if not self._done.wait(seconds):
            raise LoginFailed(f"Nobody logged in within {seconds:.0f} seconds.")
        if not self._told:
            raise LoginFailed("The login was given up.")
        return self._told

    def give_up(self) -> None:
        """Ends the wait."""
        self._done.set()

    def told(self, address: str) -> tuple[int, str, str]:
        """Is what a browser asks for.

        Args:
            address: path and query.

        Returns:
            The status of the answer, and the title and the text of its page.
        """
        parts = urlsplit(address)
        given = dict(parse_qsl(parts.query))
        if parts.path != self._path:
            return 404, "Nothing is here", "This is where a login comes back to."
        with self._lock:
            ours = given.get("state") == self._state and ("code" in given or "error" in given)
            if not ours or self._done.is_set():
                return 400, "Not this login", "Begin anew where you came from."
            self._told = given
            self._done.set()
        if "error" in given:
            why = given.get("error_description") or given["error"]
            return 200, "You are not logged in", why
        return 200, "You are logged in", "You can close this page and go back to the program."


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    # Elsewhere it would let somebody else listen on the same port at the same time.
    allow_reuse_address = os.name == "posix"


def _handler(loopback: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _LONGEST_SILENCE  # a browser opens connections ahead on which it says nothing

        def do_GET(self) -> None:
            """Answers a page."""
            status, title, text = loopback.told(self.path)
            page = _PAGE.format(title=html.escape(title), text=html.escape(text)).encode()
            self.send_response(status)
            for name, value in (
                ("Content-Type", "text/html; charset=utf-8"),
                ("Content-Length", str(len(page))),
                ("Cache-Control", "no-store"),
                ("Referrer-Policy", "no-referrer"),
                ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
                ("Connection", "close"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing: the address has the code in it."""

    return Handler
