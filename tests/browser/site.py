"""A small web server on a loopback port: pages for a browser, and what it asked for."""

import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlsplit

from grantory.http.response import Response

HOST = "127.0.0.1"
IDLE_SECONDS = 60
NOT_FOUND = Response(404, b"not here", ((b"content-type", b"text/plain"),))


class Asked(NamedTuple):
    """One request; header names in lower case, of parameters with one name the last."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    form: dict[str, str]


Answer = Response | Callable[[Asked], Response]


def plain(text: str) -> Response:
    """A page that holds a line of text."""
    page = f"<!doctype html><title>{text}</title><p>{text}</p>".encode()
    return Response(200, page, ((b"content-type", b"text/html; charset=utf-8"),))


def see_other(address: str) -> Response:
    """A redirect after a form (RFC 9110 section 15.4.4)."""
    return Response(303, b"", ((b"location", address.encode()),))


class Site:
    """Answers a browser until the end of the block.

    Args:
        answers: by method and path, as in ``GET /oauth/authorize``; anything else is a 404.
    """

    def __init__(self, answers: Mapping[str, Answer] | None = None) -> None:
        self.answers: dict[str, Answer] = dict(answers or {})
        self.asked: list[Asked] = []
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"http://{HOST}:{self.port}"

    @property
    def port(self) -> int:
        """The port."""
        port: int = self._server.server_address[1]
        return port

    def of(self, method: str, path: str) -> list[Asked]:
        """What was asked with a method at a path, in the order of asking."""
        return [each for each in self.asked if (each.method, each.path) == (method, path)]

    def answer(self, asked: Asked) -> Response:
        """Notes a request and finds its answer."""
        self.asked.append(asked)
        found = self.answers.get(f"{asked.method} {asked.path}", NOT_FOUND)
        return found if isinstance(found, Response) else found(asked)


class _Server(ThreadingHTTPServer):
    daemon_threads = True  # a browser opens connections that it never asks anything on

    def __init__(self, site: Site) -> None:
        self.site = site
        super().__init__((HOST, 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        assert isinstance(self.server, _Server)
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        response = self.server.site.answer(
            Asked(
                self.command,
                parts.path,
                dict(parse_qsl(parts.query, keep_blank_values=True)),
                {name.lower(): value for name, value in self.headers.items()},
                dict(parse_qsl(body.decode(), keep_blank_values=True)),
            )
        )
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name.decode(), value.decode())
        self.send_header("content-length", str(len(response.body)))
        self.end_headers()
        self.wfile.write(response.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Writes nothing: a path may hold a token."""
