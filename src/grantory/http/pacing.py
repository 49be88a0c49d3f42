"""One connection's pace: how much of what it sends is looked at, and when it is read from again.

uvicorn reads on whenever an answer is done or a body is asked for, whatever else is still to be
looked at. Here a connection is read only while nothing of it waits: no piece for its turn of the
event loop, no request for the answers before it, no body for the application. So what it can
make the server keep is one read, whatever it sends.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, Final, cast

import uvicorn
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT, FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from grantory.http.admission import Admission
from grantory.http.turns import Turns

MOST_AT_ONCE: Final = 4_096
"""Bytes that a connection may have looked at in one turn: they may hold many small requests."""
UNREAD_SECONDS: Final = 35
"""So long may answers lie unread: longer than a stream waits for its reader, which tells why."""
_HEALTH: Final = b"GET /health/"
_METRICS: Final = b"GET /metrics "
_HEAD_END: Final = b"\r\n\r\n"


RefusedEarly = Callable[[str, int, str], None]
"""Takes the method, where it is known, the status and the reason of a refusal."""
MayReadMetrics = Callable[[str], bool]
"""Tells whether whoever has an address may be told the metrics."""


class ServerConfig(uvicorn.Config):
    """uvicorn's configuration, and what the connections of one server share."""

    admission: Admission
    turns: Turns
    refused_early: RefusedEarly
    may_read_metrics: MayReadMetrics
    login_prefix: str = ""
    tls: ssl.SSLContext | None = None


class _Flow(FlowControl):
    """uvicorn's switch of the reading, in which its cycles only ask to be read on."""

    def __init__(self, transport: asyncio.Transport, read_on: Callable[[], None]) -> None:
        super().__init__(transport)
        self._read_on = read_on

    def resume_reading(self) -> None:
        if self.read_paused:
            self._read_on()

    def open(self) -> None:
        super().resume_reading()


class PacedProtocol(HttpToolsProtocol):
    """Takes what comes in pieces, each in its turn, and reads no further than it can look.

    A connection whose reader takes none of its answers for 35 seconds is cut.
    """

    flow: _Flow
    _held = b""
    """What came while others had their turn, or is too much for one."""
    _is_in_line = False
    _answering: RequestResponseCycle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins to read."""
        super().connection_made(transport)
        config = cast(ServerConfig, self.config)
        self._admission, self._turns = config.admission, config.turns
        self.flow = _Flow(transport, self._read_on)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tells every request that is still to be answered that nobody waits for it."""
        self._held = b""
        self._stop_waiting_for_the_reader()
        for cycle in (self._answering, *(queued for queued, _ in self.pipeline)):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        self.pipeline.clear()
        super().connection_lost(exc)
        self._unset_keepalive_if_required()  # uvicorn leaves it when the client was rude

    def data_received(self, data: bytes) -> None:
        """Takes what came, at once or when its turn has come."""
        if self._held:
            self._held += data
        elif self._turns.takes() or (self._is_urgent(data) and self._turns.takes_urgent()):
            self._take_some(data)
        else:
            self._held = data
        if self._held:
            self._hold()

    def _is_urgent(self, data: bytes) -> bool:
        """Tells whether a piece is one whole question of how the server is, and nothing else."""
        if not data.startswith((_HEALTH, _METRICS)):
            return False
        is_whole = data.find(_HEAD_END) == len(data) - len(_HEAD_END)
        return is_whole and (data.startswith(_HEALTH) or self._may_read_metrics())

    def _may_read_metrics(self) -> bool:
        config = cast(ServerConfig, self.config)
        return config.may_read_metrics(self.client[0] if self.client else "")

    def _hold(self) -> None:
        self.flow.pause_reading()
        self._read_on()

    def _read_on(self) -> None:
        """Lines up for what is held, or reads more; neither before what was taken is dealt with."""
        if self.pipeline or self._is_ahead:
            return
        if not self._held:
            self.flow.open()
        elif not self._is_in_line:
            self._is_in_line = True
            self._turns.line_up(self._go_on)

    @property
    def _is_ahead(self) -> bool:
        """Whether more of a body is here than the application has taken."""
        cycle: RequestResponseCycle | None = self.cycle
        return (
            cycle is not None and not cycle.response_complete and len(cycle.body) > HIGH_WATER_LIMIT
        )

    def _go_on(self) -> None:
        self._is_in_line = False
        data, self._held = self._held, b""
        if data and not self.transport.is_closing():
            self._take_some(data)
            if self._held:
                self._hold()
            else:
                self._read_on()

    def _take_some(self, data: bytes) -> None:
        size = len(data)
        if size > MOST_AT_ONCE:
            size = self._piece_size()
            data, self._held = data[:size], data[size:]
        self._take(data)

    def _piece_size(self) -> int:
        """How many bytes may be looked at in one turn."""
        return MOST_AT_ONCE

    def _take(self, data: bytes) -> None:
        """Looks at a piece."""
        self._parse(data)

    def _parse(self, data: bytes) -> None:
        super().data_received(data)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Goes on with the next request, if it came early and has waited until now."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._await_the_reader()
        elif self.flow.read_paused:
            self._read_on()

    def shutdown(self) -> None:
        """Ends the connection when the server ends: at once, or with the answer that is due."""
        self._go_on()
        super().shutdown()
        if self.transport.is_closing():
            self._await_the_reader()

    def timeout_keep_alive_handler(self) -> None:
        """Ends a connection that was silent for too long."""
        self._close()

    def _close(self) -> None:
        self.transport.close()
        self._await_the_reader()

    def pause_writing(self) -> None:
        """Makes answers wait, for a time, because the reader does not take what is there."""
        super().pause_writing()
        self._await_the_reader()

    def resume_writing(self) -> None:
        """Lets answers be written again."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._stop_waiting_for_the_reader()

    def _await_the_reader(self) -> None:
        # A closed connection, too, is kept by the system until its last answer was read.
        if self._unread is None and self.transport.get_write_buffer_size():
            self._unread = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def _stop_waiting_for_the_reader(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
