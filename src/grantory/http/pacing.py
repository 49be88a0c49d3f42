"""One connection's pace: how much of what it sends is looked at, and when it is read from again.

A connection is read only while nothing of it waits: no piece for its turn of the event loop beyond
a first one, no request for the answers before it, no body for the application. So what it can make
the server keep is two reads, whatever it sends.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from typing import Any, Final, cast

import msgspec

from grantory.http.admission import Admission
from grantory.http.exchange import HIGH_WATER, Application, Exchange
from grantory.http.outbox import Outbox
from grantory.http.progress import progress
from grantory.http.response import BrokenOff
from grantory.http.turns import Turns

MOST_AT_ONCE: Final = 4_096
"""Bytes that a connection may have looked at in one turn: they may hold many small requests."""
UNREAD_SECONDS: Final = 30
"""So long may answers lie of which the reader takes nothing at all, or up to two more."""
LOOK_SECONDS: Final = 1
"""So often it is looked whether it has taken something."""
KEEP_ALIVE_SECONDS: Final = 75
_HEALTH: Final = b"GET /health/"
_METRICS: Final = b"GET /metrics "
_HEAD_END: Final = b"\r\n\r\n"


RefusedEarly = Callable[[str, int, str], None]
"""Takes the method, where it is known, the status and the reason of a refusal."""
MayReadMetrics = Callable[[str], bool]
"""Tells whether whoever has an address may be told the metrics."""


class Connections(msgspec.Struct, eq=False):
    """What the connections of one server share."""

    application: Application
    admission: Admission
    turns: Turns
    refused_early: RefusedEarly
    may_read_metrics: MayReadMetrics
    login_prefix: str = ""
    default_headers: bytes = b""
    """Lines that every answer begins with."""
    outbox: Outbox = msgspec.field(default_factory=Outbox)
    all: set[Any] = msgspec.field(default_factory=set)
    tasks: set[Any] = msgspec.field(default_factory=set)
    """In which an application is at work."""


class PacedProtocol(asyncio.Protocol, ABC):
    """Takes what comes in pieces, each in its turn, and reads no further than it can look.

    A connection whose reader takes nothing of its answers for 30 seconds is cut, and one that says
    nothing for 75 seconds is closed.

    Args:
        shared: with the other connections.
        loop: with its timers.
    """

    transport: asyncio.Transport
    _held = b""
    """What came while others had their turn, or is too much for one."""
    _unsent = b""
    """What is to be sent once the requests of this turn have been looked at."""
    _is_in_line = False
    _answering: Exchange | None = None
    _newest: Exchange | None = None
    """The last request whose head is here, answered or not."""
    _read_paused = False
    write_paused = False
    _drained: asyncio.Event | None = None
    _unread: asyncio.TimerHandle | None = None
    _progress = (0, 0)
    """How far the reader was when it was last seen to take something ..."""
    _took_at = 0.0
    """... and when that was."""
    _has_stalled = False
    _silent_since: float | None = None
    """Since when there has been nothing to do: set by ``_rest``, when the last request is whole and
    was answered or refused, and cleared by whatever comes."""
    _silence: asyncio.TimerHandle | None = None

    def __init__(self, shared: Connections, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._shared = shared
        self._turns = shared.turns
        self._admission = shared.admission
        self.loop = loop or asyncio.get_running_loop()
        self._waiting: deque[tuple[Exchange, Application]] = deque()
        """Requests that came early, the newest first, and what is to answer them."""

    @property
    def default_headers(self) -> bytes:
        """Lines that every answer begins with."""
        return self._shared.default_headers

    @property
    def login_prefix(self) -> str:
        """What may stand before OAuth's addresses."""
        return self._shared.login_prefix

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins to read."""
        self.transport = cast(asyncio.Transport, transport)
        self._shared.all.add(self)
        self._client = _address(transport.get_extra_info("peername"))
        self._server = _address(transport.get_extra_info("sockname"))
        self._scheme = "https" if transport.get_extra_info("sslcontext") else "http"

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio has it
        """Tells every request that is still to be answered that nobody waits for it."""
        self._shared.all.discard(self)
        self._held = self._unsent = b""
        self._stop_waiting_for_the_reader()
        for exchange in (self._answering, *(waiting for waiting, _ in self._waiting)):
            if exchange is not None:
                exchange.leave()
        self._waiting.clear()
        self._newest = None
        self.resume_writing()
        self._silent_since = None
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def data_received(self, data: bytes) -> None:
        """Takes what came, at once or when its turn has come."""
        self._silent_since = None
        if self._held:
            self._held += data
            self._pause_reading()
        elif self._turns.takes() or (self._is_urgent(data) and self._turns.takes_urgent()):
            self._take_some(data)
        else:
            self._held = data
        if self._held:
            self._read_on()

    def eof_received(self) -> None:
        """Sends what is to be sent before the connection is closed behind the other side's end."""
        self._send_the_rest()

    def _is_urgent(self, data: bytes) -> bool:
        """Tells whether a piece is one whole question of how the server is, and nothing else."""
        if not data.startswith((_HEALTH, _METRICS)):
            return False
        is_whole = data.find(_HEAD_END) == len(data) - len(_HEAD_END)
        return is_whole and (data.startswith(_HEALTH) or self._may_read_metrics())

    def _may_read_metrics(self) -> bool:
        return self._shared.may_read_metrics(self._client[0] if self._client else "")

    def _pause_reading(self) -> None:
        if not self._read_paused:
            self._read_paused = True
            self.transport.pause_reading()

    def take_more(self) -> None:
        """Reads on, where reading was stopped."""
        if self._read_paused:
            self._read_on()

    def _read_on(self) -> None:
        """Lines up for what is held, or reads more; neither before what was taken is dealt with."""
        if self._waiting or self._is_ahead:
            return
        if not self._held:
            if self._read_paused:
                self._read_paused = False
                self.transport.resume_reading()
        elif not self._is_in_line:
            self._is_in_line = True
            self._turns.line_up(self._go_on)

    @property
    def _is_ahead(self) -> bool:
        """Whether more of a body is here than the application has taken."""
        newest = self._newest
        return newest is not None and not newest.response_complete and len(newest.body) > HIGH_WATER

    def _go_on(self) -> None:
        self._is_in_line = False
        data, self._held = self._held, b""
        if data and not self.transport.is_closing():
            self._take_some(data)
            if self._held or self._read_paused:
                self._read_on()

    def _take_some(self, data: bytes) -> None:
        size = len(data)
        if size > MOST_AT_ONCE:
            size = self._piece_size()
            data, self._held = data[:size], data[size:]
            if self._held:
                self._pause_reading()
        self._take(data)

    def _piece_size(self) -> int:
        """How many bytes may be looked at in one turn."""
        return MOST_AT_ONCE

    @abstractmethod
    def _take(self, data: bytes) -> None:
        """Looks at a piece."""

    def _line_up(self, exchange: Exchange, application: Application) -> None:
        """Lets a request be answered, now or once those before it are."""
        before, self._newest = self._newest, exchange
        if before is None or before.response_complete:
            self._start(exchange, application)
        else:
            self._pause_reading()
            self._waiting.appendleft((exchange, application))

    def _start(self, exchange: Exchange, application: Application) -> None:
        self._answering = exchange
        self._silent_since = None  # a refusal in the same piece may have begun to count
        task = self.loop.create_task(exchange.run(application))
        self._shared.tasks.add(task)
        exchange.task = task

    def answered(self, exchange: Exchange) -> None:  # noqa: ARG002 - the one that is answered
        """Goes on with the next request, if it came early and has waited until now."""
        if self.transport.is_closing():
            self._await_the_reader()
            return
        if self._waiting:
            self._start(*self._waiting.pop())
        else:
            self._rest()
        if self._held or self._read_paused:
            self._read_on()

    @abstractmethod
    def began(self, exchange: Exchange) -> None:
        """Hears that the turn of a request has come."""

    def ended(self, exchange: Exchange) -> None:
        """Lets go of the task that answered a request."""
        self._shared.tasks.discard(exchange.task)

    def _rest(self) -> None:
        """Begins to count how long nothing is said; one timer serves for many requests."""
        self._silent_since = self.loop.time()
        if self._silence is None:
            self._silence = self.loop.call_later(KEEP_ALIVE_SECONDS, self._look_how_long)

    def _look_how_long(self) -> None:
        self._silence = None
        if self._silent_since is None:
            return
        left = self._silent_since + KEEP_ALIVE_SECONDS - self.loop.time()
        if left > 0:
            self._silence = self.loop.call_later(left, self._look_how_long)
        else:
            self.close()

    def shutdown(self) -> None:
        """Ends the connection when the server ends: at once, or with the answer that is due."""
        self._go_on()
        newest = self._newest
        if newest is None or newest.response_complete:
            self._send_the_rest()
            self.transport.close()
        else:
            newest.keep_alive = False
        if self.transport.is_closing():
            self._await_the_reader()

    def close(self) -> None:
        """Ends the connection once its answers were read, for which there is a time."""
        self._send_the_rest()
        self.transport.close()
        self._await_the_reader()

    def write(self, data: bytes) -> None:
        """Sends something at once, behind what was to be sent soon."""
        self._send_the_rest()
        self.transport.write(data)

    def write_soon(self, data: bytes) -> None:
        """Sends something once the requests of this turn have been looked at."""
        if not self._unsent:
            self._shared.outbox.add(self._send_the_rest)
        self._unsent += data

    def _send_the_rest(self) -> None:
        unsent, self._unsent = self._unsent, b""
        if unsent and not self.transport.is_closing():
            try:
                self.transport.write(unsent)
            except BaseException:  # whoever waits for it is not to wait for nothing
                self.transport.abort()
                raise

    def pause_writing(self) -> None:
        """Makes answers wait, for a time, because the reader does not take what is there."""
        self.write_paused = True
        self._await_the_reader()

    def resume_writing(self) -> None:
        """Lets answers be written again."""
        self.write_paused = False
        if self._drained is not None:
            self._drained.set()
            self._drained = None
        if not self.transport.is_closing():
            self._stop_waiting_for_the_reader()

    async def drain(self) -> None:
        """Waits until the reader has taken what there is.

        Raises:
            BrokenOff: when it takes nothing for 30 seconds.
        """
        if self.write_paused:
            self._drained = self._drained or asyncio.Event()
            await self._drained.wait()
        if self._has_stalled:
            raise BrokenOff("the reader stalled")

    def _await_the_reader(self) -> None:
        # A closed connection, too, is kept by the system until its last answer was read.
        if self._unread is None and self.transport.get_write_buffer_size():
            self._progress, self._took_at = progress(self.transport), self.loop.time()
            self._unread = self.loop.call_later(LOOK_SECONDS, self._look_at_the_reader)

    def _look_at_the_reader(self) -> None:
        found, now = progress(self.transport), self.loop.time()
        if found != self._progress:
            self._progress, self._took_at = found, now
        elif now - self._took_at >= UNREAD_SECONDS:
            self._unread = None
            self._has_stalled = True
            if self._drained is not None:
                self._drained.set()
            self.transport.abort()
            return
        self._unread = self.loop.call_later(LOOK_SECONDS, self._look_at_the_reader)

    def _stop_waiting_for_the_reader(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None


def _address(found: Any) -> tuple[str, int] | None:
    return (str(found[0]), int(found[1])) if isinstance(found, tuple) else None
