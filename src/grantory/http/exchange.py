"""One request and its answer, between a connection and an ASGI application.

uvicorn makes an event, a logger's fields and two regular expressions for each header of every
answer; here a request costs what it needs (docs/adr/0019). The names of headers are to be in lower
case, as ASGI has them; a header with a line break in it ends as a 500, never as another header.
"""

import asyncio
import http
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Protocol, cast

import msgspec

from grantory.http.early_answers import is_oauth, refusal
from grantory.http.request import Message, Receive, Scope, Send
from grantory.http.response import COMMON, BrokenOff, Headers

HIGH_WATER: Final = 65_536
"""Bytes of a body that may be here before the application has taken them."""
_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode()
    for status in http.HTTPStatus
}
_SPELLED: Final = {name.lower(): name for name in (b"ININ-Correlation-Id", b"Retry-After")}
"""Names whose case means nothing (RFC 9110 section 5.1), but whose letters the platform's Java and
.NET SDKs compare one by one."""
_COMMON: Final = {
    headers: b"".join(b"%b: %b\r\n" % (name, value) for name, value in headers)
    for headers in COMMON
}
_FRAMING: Final = (b"connection", b"content-length", b"transfer-encoding")
_NO_BODY: Final = (204, 304)
_CLOSE: Final = b"connection: close\r\n"
_CLOSE_AND_END: Final = _CLOSE + b"\r\n"
_LAST_CHUNK: Final = b"0\r\n\r\n"
LOGGER: Final = logging.getLogger("grantory.http")


class Wire(Protocol):
    """What an exchange needs of its connection."""

    transport: asyncio.Transport
    write_paused: bool

    @property
    def default_headers(self) -> bytes:
        """Lines that every answer begins with."""

    @property
    def login_prefix(self) -> str:
        """What may stand before OAuth's addresses."""

    def close(self) -> None:
        """Ends the connection once its answers were read."""

    def write(self, data: bytes) -> None:
        """Sends something at once."""

    def write_soon(self, data: bytes) -> None:
        """Sends something once the requests of this turn have been looked at."""

    def take_more(self) -> None:
        """Reads on, where reading was stopped for want of room."""

    async def drain(self) -> None:
        """Waits until the reader has taken what there is.

        Raises:
            BrokenOff: when the reader stalls.
        """

    def answered(self, exchange: "Exchange") -> None:
        """Goes on with what comes behind this answer."""

    def began(self, exchange: "Exchange") -> None:
        """Hears that its turn has come."""

    def ended(self, exchange: "Exchange") -> None:
        """Hears that the application is done."""


class Application(Protocol):
    """An ASGI 3 application.

    One that has a method ``take``, too, is given the exchange itself, and does without the messages
    of ASGI where a body is there already and an answer is whole.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""


class Exchange(msgspec.Struct, eq=False):
    """A request that is being answered, or waits for that."""

    _wire: Wire
    scope: Scope
    """What the application is told of it (ASGI 3)."""
    change: bool
    """Whether the store will have to make a change for it."""
    wants_continue: bool
    """Whether the body is sent only once it is asked for."""
    keep_alive: bool
    """Whether the connection can go on afterwards."""
    task: asyncio.Task[None] | None = None
    is_queued: bool = False
    """Whether it is counted among those that wait for their turn."""
    disconnected: bool = False
    body: bytes | bytearray = b""
    more_body: bool = True
    response_started: bool = False
    response_complete: bool = False
    _news: bool = False
    _waiter: asyncio.Event | None = None
    _head: bytes | None = None
    """Goes out together with what comes first of the body."""
    _chunked: bool = False
    _length: int | None = None

    def add(self, part: bytes) -> None:
        """Takes a part of the body."""
        if not self.body:
            self.body = part
            return
        if isinstance(self.body, bytes):
            self.body = bytearray(self.body)
        self.body += part

    def leave(self) -> None:
        """Tells the application that nobody waits for its answer any more."""
        if not self.response_complete:
            self.disconnected = True
            self.tell()

    def tell(self) -> None:
        """Wakes the application: more of the body is here, or nothing more will come."""
        self._news = True
        if self._waiter is not None:
            self._waiter.set()
            self._waiter = None

    async def run(self, application: Application) -> None:
        """Lets an application answer; whatever it does, the connection knows how it ended."""
        take: Callable[[Exchange], Awaitable[None]] | None = getattr(application, "take", None)
        try:
            self._wire.began(self)
            if take is None:
                await application(self.scope, self.receive, self.send)
            else:
                await take(self)
        except BrokenOff:  # the request's own line says so
            self._wire.close()
        except BaseException as error:  # a task that was cancelled at the end of the server, too
            LOGGER.error("a request was not answered", exc_info=error)
            self._fail()
        else:
            if not (self.response_complete or self.disconnected):
                LOGGER.error("the application has not answered")
                self._fail()
        finally:
            self._wire.ended(self)

    def _fail(self) -> None:
        if not (self.response_started or self.disconnected):
            oauth = is_oauth(self.scope["path"], self._wire.login_prefix)
            code = "internal.server.error"
            words = refusal(500, "Internal Server Error", code, "The server failed.", oauth=oauth)
            self._wire.write(words)
        self.response_started = self.response_complete = True
        self._wire.close()

    async def receive(self) -> Message:
        """Returns what has come of the body; once that was told, waits for the end (ASGI 3).

        ``waited``, which is not of ASGI, says whether that took longer than this turn of the event
        loop.
        """
        waited = False
        if self.wants_continue and not self._wire.transport.is_closing():
            self._wire.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wants_continue = False
        if not (self.disconnected or self.response_complete):
            self._wire.take_more()
            if not self._news:
                waiter = self._waiter = self._waiter or asyncio.Event()
                waited = True
                await waiter.wait()
            self._news = False
        if self.disconnected or self.response_complete:
            return {"type": "http.disconnect"}
        body, self.body = bytes(self.body), b""
        more = self.more_body
        return {"type": "http.request", "body": body, "more_body": more, "waited": waited}

    def whole_body(self) -> bytes | None:
        """Takes the body, as ``receive`` would give it; None where not all of it is here."""
        if self.more_body or self.disconnected or self.response_complete or not self._news:
            return None
        self._wire.take_more()
        self._news = False
        body, self.body = bytes(self.body), b""
        return body

    def answer(self, status: int, headers: Headers, lines: bytes, body: bytes) -> bool:
        """Sends a whole answer, as two messages to ``send`` would.

        Args:
            status: the HTTP status.
            headers: in lower case; none about the length, which is that of the body.
            lines: further headers, each with its end, which nobody needs to check.
            body: kept back where the request was HEAD.

        Returns:
            Whether it was taken; where something is in its way, it has to be sent by ``send``.

        Raises:
            RuntimeError: for a header that would be more than one.
        """
        wire = self._wire
        if wire.write_paused or self.disconnected or self.response_started or self._head:
            return False
        told = _COMMON.get(headers)
        if told is None:
            if any(name in _FRAMING for name, _ in headers):
                return False
            told = b"".join([b"%b: %b\r\n" % (_SPELLED.get(n, n), value) for n, value in headers])
            _check_lines(told, len(headers))
        # Whoever was not asked for a body may send none, and what came next would pass for it.
        if self.wants_continue and self.more_body:
            self.keep_alive = False
        length = b"" if status in _NO_BODY else b"content-length: %d\r\n" % len(body)
        end = b"\r\n" if self.keep_alive else _CLOSE_AND_END
        if self.scope["method"] == "HEAD":
            body = b""
        self.wants_continue = False
        self.response_started = True
        head = _STATUS_LINES[status] + wire.default_headers
        wire.write_soon(b"".join((head, told, lines, length, end, body)))
        self._end()
        return True

    async def send(self, message: Message) -> None:
        """Sends a part of the answer (ASGI 3).

        Raises:
            BrokenOff: when the reader takes nothing of what came before for 30 seconds.
            RuntimeError: for parts out of order, a body of another length than was told, and a
                header that would be more than one.
        """
        if self._wire.write_paused and not self.disconnected:
            await self._wire.drain()
        if self.disconnected:
            return
        kind = message["type"]
        if kind == "http.response.start" and self._head is None and not self.response_started:
            self._start(message["status"], message.get("headers", ()))
        elif kind != "http.response.body" or self._head is None or self.response_complete:
            raise RuntimeError(f"{kind} came out of order")
        else:
            self._go_on(message.get("body", b""), more=message.get("more_body", False))

    def _start(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        lines = [_STATUS_LINES[status], self._wire.default_headers]
        length = None
        # Whoever was not asked for a body may send none, and what came next would pass for it.
        keep_alive = self.keep_alive and not (self.wants_continue and self.more_body)
        for name, value in headers:
            if name == b"content-length":
                length = int(value)
            elif name == b"connection":
                keep_alive = keep_alive and value.lower() != b"close"
                continue
            lines.append(b"%b: %b\r\n" % (_SPELLED.get(name, name), value))
        if not keep_alive:
            lines.append(_CLOSE)
        if status in _NO_BODY:
            length = 0
        is_head = self.scope["method"] == "HEAD"
        chunked = length is None and not is_head and self.scope["http_version"] == "1.1"
        if chunked:
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        head = b"".join(lines)
        _check_lines(head, len(lines) - 1 + self._wire.default_headers.count(b"\n"))
        self._chunked, self._length, self.keep_alive = chunked, length, keep_alive
        self._head = head
        self.wants_continue = False

    def _go_on(self, body: bytes, *, more: bool) -> None:
        if self.scope["method"] == "HEAD":
            body, self._length = b"", None
        elif self._chunked:
            body = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            if not more:
                body += _LAST_CHUNK
        elif self._length is not None:
            self._length -= len(body)
            if self._length < 0 or (self._length and not more):
                raise RuntimeError("the body has another length than was told")
        if self.response_started:
            if body:
                self._wire.write(body)
        else:
            self.response_started = True
            answer = cast(bytes, self._head) + body
            if more:
                self._wire.write(answer)
            else:
                self._wire.write_soon(answer)
        if not more:
            self._end()

    def _end(self) -> None:
        self.response_complete = True
        self.tell()
        if not self.keep_alive:
            self._wire.close()
        self._wire.answered(self)


def _check_lines(lines: bytes, count: int) -> None:
    """Makes sure that headers are as many lines as they are to be."""
    if lines.count(b"\n") != count or lines.count(b"\r") != count or b"\0" in lines:
        raise RuntimeError("a header holds a line break")
