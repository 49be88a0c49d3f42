"""One connection: its requests, read by httptools, within the bounds that it leaves to its user.

It bounds neither the size of a request's head nor the time that a request takes to arrive, nor how
long one waits for its turn.
"""

import asyncio
import re
from typing import Final
from urllib.parse import unquote

import httptools

from grantory.http.early_answers import (
    is_change,
    is_oauth,
    overloaded,
    overloaded_start,
    refusal,
)
from grantory.http.exchange import HIGH_WATER, LOGGER, Application, Exchange
from grantory.http.health import LIVE, READY
from grantory.http.metrics import METRICS
from grantory.http.pacing import MOST_AT_ONCE, Connections, PacedProtocol
from grantory.http.request import Receive, Scope, Send

MAX_HEAD_BYTES: Final = 65_536
HEAD_SECONDS: Final = 10
BODY_SECONDS: Final = 30
HELD_SECONDS: Final = 1
"""Whoever is late only because the server has not looked yet is given so much more time."""
_VERSIONS: Final = ("1.1", "1.0")
_UPGRADE: Final = re.compile(rb"(\r\n)upgrade(:)", re.IGNORECASE)
_FRAMING: Final = (b"content-length", b"transfer-encoding")
_PLAIN_PATH: Final = re.compile(rb"/[\w.~-][\w./~-]*")
"""An address that is a path and nothing else, as nearly all are."""
_ALWAYS_SERVED: Final = frozenset({LIVE, READY})
_OVERLOADED: Final = "overloaded"
_ASGI: Final = {"version": "3.0", "spec_version": "2.3"}


class BoundedProtocol(PacedProtocol):
    """Refuses a request whose head is too large (431), or that is too slow to come (408).

    One that would be answered too late is refused with 503 when its turn comes, and its body is
    read and dropped, so that the connection can go on.

    A request that arrives whole at once, as nearly all do, costs no timer. No protocol is
    switched to: what follows a request that asks for one is not read.
    """

    _head_bytes = 0
    """What came since the request began, or since the last part of its body."""
    _body_seen = 0
    _url = b""
    _headers: list[tuple[bytes, bytes]]
    _wants_continue = False
    _in_head = True
    _unserved = False
    _is_shed = False
    _ended = False
    _tail = b""
    _is_first = True
    """Whether no request has ended in the piece that is looked at."""
    _last_words = b""
    """Why nothing more is read, once all that came before is answered."""
    _awaited: float | None = None
    _timer: asyncio.TimerHandle | None = None

    def __init__(self, shared: Connections, loop: asyncio.AbstractEventLoop | None = None) -> None:
        super().__init__(shared, loop)
        self._headers = []
        self._parser = httptools.HttpRequestParser(self)
        # What follows the last request of a connection is dropped, and the answer is still sent.
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Starts the time for the first head."""
        super().connection_made(transport)
        self._await(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the time."""
        self._await(None)
        super().connection_lost(exc)
        del self._parser  # which knows this connection

    def _piece_size(self) -> int:
        # A body whose length was told cannot be many requests.
        left = 0 if self._in_head else _told_length(self._headers) - self._body_seen
        return max(MOST_AT_ONCE, left)

    def _take(self, data: bytes) -> None:
        """Counts the bytes of a head, and bounds the time for what is still to come."""
        if self._ended:
            return
        self._is_first = True
        self._head_bytes += len(data)
        if self._in_head and b"pgrade" in data:
            data = without_upgrade(self._tail, data)
        self._tail = data[-3:]
        self._parse(data)
        if self._unserved or self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(431, "Request Header Fields Too Large", "request.header.too.large")
        elif not self._in_head:
            self._await(BODY_SECONDS)
        else:
            self._await(HEAD_SECONDS if self._head_bytes else None)

    def _parse(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # what follows is not read
        except httptools.HttpParserCallbackError as error:
            LOGGER.error("a request could not be taken", exc_info=error)
            self._refuse_malformed("The request could not be taken.")
        except httptools.HttpParserError:
            self._refuse_malformed("Invalid HTTP request received.")

    def on_message_begin(self) -> None:
        """Begins a request; its head has its time, though it came behind another."""
        self._head_bytes = self._head_bytes or 1
        self._url = b""
        self._headers = []
        self._wants_continue = False

    def on_url(self, url: bytes) -> None:
        """Takes a part of the address."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Takes a header, or a trailer, which must not pass for one."""
        if not self._in_head:
            return
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self._wants_continue = True
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Ends the head; one that came too large in a single piece is not served."""
        if self._unserved:
            return
        parser = self._parser
        if self._head_bytes > MAX_HEAD_BYTES:
            size = len(self._url) + sum(len(name) + len(value) + 4 for name, value in self._headers)
            self._unserved = size > MAX_HEAD_BYTES
        if parser.should_upgrade():
            self._end_with_this_request()
        version = parser.get_http_version()
        if version not in _VERSIONS:
            self._unserved = True
            self._refuse_malformed("The request line must end with HTTP/1.0 or HTTP/1.1.")
        address = None if self._unserved else self._address()
        if address is None:
            return
        self._in_head = False
        self._body_seen = 0
        method = parser.get_method().decode("ascii")
        path, query = address
        text = path.decode("ascii")
        change = is_change(method, text)
        if not self._is_answering and not self._admits(text, change=change):
            self._shed()
            return
        scope = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "server": self._server,
            "client": self._client,
            "scheme": self._scheme,
            "root_path": "",
            "headers": self._headers,
            "method": method,
            "path": unquote(text) if "%" in text else text,
            "raw_path": path,
            "query_string": query,
        }
        exchange = Exchange(
            self,
            scope,
            change=change,
            wants_continue=self._wants_continue and version == "1.1",
            keep_alive=not self._ended and version == "1.1" and parser.should_keep_alive(),
        )
        self._line_up(exchange, self._shared.application)

    def _address(self) -> tuple[bytes, bytes] | None:
        """Takes the address apart, into path and query; None for one that was refused."""
        if _PLAIN_PATH.fullmatch(self._url):
            return self._url, b""
        try:
            url = httptools.parse_url(self._url)
        except httptools.HttpParserInvalidURLError:
            url = None
        path = None if url is None else url.path
        if url is None or path is None or not path.isascii():
            self._unserved = True
            self._refuse_malformed("The address cannot be read.")
            return None
        return path, url.query or b""

    @property
    def _is_answering(self) -> bool:
        newest = self._newest
        return newest is not None and not newest.response_complete

    @property
    def _method(self) -> str:
        return self._parser.get_method().decode("ascii")

    @property
    def _path(self) -> str:
        return self._url.partition(b"?")[0].decode("latin-1")

    def _admits(self, path: str, *, change: bool) -> bool:
        if path in _ALWAYS_SERVED or (path == METRICS and self._may_read_metrics()):
            return True
        return self._admission.admits(change=change)

    def _start(self, exchange: Exchange, application: Application) -> None:
        if application is self._shared.application:  # and not the refusal of one that came late
            exchange.is_queued = True
            self._admission.queued(change=exchange.change)
        super()._start(exchange, application)

    def began(self, exchange: Exchange) -> None:
        """Notes that one which waited for its turn waits no longer."""
        if exchange.is_queued:
            self._admission.started(change=exchange.change)

    def answered(self, exchange: Exchange) -> None:
        """Goes on with the next request, if it came early and has waited until now."""
        if self._waiting:
            next_one = self._waiting[-1][0]
            if not self._admits(next_one.scope["path"], change=next_one.change):
                self._waiting[-1] = (next_one, self._refuse_late)
        elif self._last_words and not self.transport.is_closing():
            self.write(self._last_words)
            self.close()
        super().answered(exchange)

    def shutdown(self) -> None:
        """Ends the connection when the server ends: at once, or with the answer that is due."""
        self._go_on()
        if self._is_shed:
            self._end_shed_request(keep_alive=False)
        else:
            super().shutdown()

    def _shed(self) -> None:
        self._is_shed = True
        if self._wants_continue or self._ended:
            self._end_shed_request(keep_alive=False)

    def _end_shed_request(self, *, keep_alive: bool) -> None:
        self._is_shed = False
        self._shared.refused_early(self._method, 503, _OVERLOADED)
        oauth = is_oauth(self._path, self._shared.login_prefix)
        answer = overloaded(oauth=oauth, head=self._method == "HEAD", keep_alive=keep_alive)
        self.write(answer)
        if not keep_alive:
            self._unserved = True  # as is all that follows
            self.close()
            return
        self._rest()

    @property
    def _may_go_on(self) -> bool:
        # Whoever does not read the answers is not sent more and more of them.
        return (
            self._parser.get_http_version() == "1.1"
            and self._parser.should_keep_alive()
            and not self.write_paused
        )

    def _end_with_this_request(self) -> None:
        """Reads nothing more: the parser would take an upgrade's body for the next request."""
        self._ended = True
        if any(name in _FRAMING and value != b"0" for name, value in self._headers):
            self._unserved = True
            self._refuse_malformed("A body cannot come with an upgrade.")

    def on_body(self, body: bytes) -> None:
        """Takes a part of the body of a request that is served."""
        self._head_bytes = 0
        self._body_seen += len(body)
        newest = self._newest
        if self._unserved or self._is_shed or newest is None or newest.response_complete:
            return
        newest.add(body)
        if len(newest.body) > HIGH_WATER:
            self._pause_reading()
        newest.tell()

    def on_message_complete(self) -> None:
        """Ends the request; bytes that follow belong to the next one."""
        if self._unserved:
            return
        self._in_head = True
        self._head_bytes = 0
        self._await(None)
        if not self._is_first:
            self._turns.count()
        self._is_first = False
        if self._is_shed:
            self._end_shed_request(keep_alive=self._may_go_on)
        elif self._newest is not None:
            self._newest.more_body = False
            if self._newest.response_complete:  # it was answered before it was whole
                self._rest()
            else:
                self._newest.tell()

    def _refuse_malformed(self, message: str) -> None:
        """Answers in JSON; some clients cannot read anything else."""
        self._refuse(400, "Bad Request", "bad.request", message)

    def _await(self, seconds: float | None) -> None:
        if seconds == self._awaited:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._awaited = seconds
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        if self._held or self._read_paused:  # the rest may be here, and was not looked at
            self._timer = self.loop.call_later(HELD_SECONDS, self._too_slow)
        else:
            self._refuse(408, "Request Timeout", "request.timeout")

    def _refuse(self, status: int, reason: str, code: str, message: str = "") -> None:
        """Ends the connection over a request that cannot be read; those before it are answered."""
        if self.transport.is_closing() or self._last_words:
            return
        self._ended = self._unserved = True
        self._held = b""
        self._await(None)
        oauth = is_oauth(self._path, self._shared.login_prefix)
        words = refusal(status, reason, code, message or f"{reason}.", oauth=oauth)
        newest = self._newest
        if newest is not None and newest.more_body:  # it will never be whole
            if newest.response_complete or newest.response_started:
                words = b""
            if self._waiting and self._waiting[0][0] is newest:
                self._waiting.popleft()
                newest = self._answering
            else:
                newest.leave()  # nothing may follow the last words
                newest = None
        if words:
            self._shared.refused_early("", status, code)
        if newest is None or newest.response_complete:
            if words:
                self.write(words)
            self.close()
        else:
            self._pause_reading()
            self._last_words = words

    async def _refuse_late(
        self,
        scope: Scope,
        receive: Receive,  # noqa: ARG002 - as ASGI has it
        send: Send,
    ) -> None:
        self._shared.refused_early(scope["method"], 503, _OVERLOADED)
        oauth = is_oauth(scope["path"], self._shared.login_prefix)
        headers, body = overloaded_start(oauth=oauth)
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _told_length(headers: list[tuple[bytes, bytes]]) -> int:
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            return int(value[:9])
    return 0


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
