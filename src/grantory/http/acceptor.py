"""Taking new connections, also while there is much to do for those that are there.

libuv takes one in a turn of the event loop (libuv#3696), which shares them out well among
processes that have nothing else to do. But a turn of a busy process lasts as long as a request
of each of its connections: with some thousands of them a new one, perhaps only to ask for the
process's health, would be taken minutes later (docs/adr/0007).
"""

import asyncio
import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import Final

HANDSHAKE_SECONDS: Final = 10.0
"""As long as a request's head may take, without TLS."""
SHUTDOWN_SECONDS: Final = 5.0
"""So long is the other side's farewell waited for, once a connection is to end."""
SHORT_WAIT: Final = 0.02
"""Seconds of processor time. Once others wait for longer, more are taken at once ..."""
PER_SECOND: Final = 6_000
"""... so many in a second of that time: about a third of it is spent on them."""
MOST_AT_ONCE: Final = 256
PAUSE_SECONDS: Final = 0.1


class Acceptor:
    """Stands for one listening socket, as asyncio's servers do.

    Args:
        listener: is left open in the end.
        make_protocol: called for each connection, with TLS once it is agreed upon.
        tls: the certificate to show; None for plain connections.
    """

    def __init__(
        self,
        listener: socket.socket,
        make_protocol: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._listener = listener
        self._make_protocol = make_protocol
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._resuming: asyncio.TimerHandle | None = None
        self._closed = False
        self._waiting_since: float | None = None
        self._last_turn = 0.0
        self._waiting = select.poll()
        self._waiting.register(listener, select.POLLIN)
        listener.setblocking(False)
        self._resume()

    def close(self) -> None:
        """Takes no more."""
        self._closed = True
        self._pause()
        if self._tls is not None:  # whoever has not agreed yet has asked for nothing
            for task in self._tasks:
                task.cancel()

    async def wait_closed(self) -> None:
        """Waits until those that were taken have been handed over."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _resume(self) -> None:
        self._loop.add_reader(self._listener, self._accept)

    def _pause(self) -> None:
        if self._resuming is not None:
            self._resuming.cancel()
        else:
            self._loop.remove_reader(self._listener)

    def _accept(self) -> None:
        now = time.thread_time()
        wait = 0.0 if self._waiting_since is None else now - self._waiting_since
        for _ in range(how_many(wait, now - self._last_turn)):
            try:
                connection, _address = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                break
            except OSError:  # out of files or memory: it would be told again and again
                self._pause()
                self._resuming = self._loop.call_later(PAUSE_SECONDS, self._try_again)
                return
            task = self._loop.create_task(self._hand_over(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._last_turn = now
        if not self._waiting.poll(0):
            self._waiting_since = None
        elif self._waiting_since is None:
            self._waiting_since = now

    def _try_again(self) -> None:
        self._resuming = None
        self._resume()

    async def _hand_over(self, connection: socket.socket) -> None:
        try:
            transport = await self._connect(connection)
        except OSError:  # gone already; or no TLS, of another version, or too slow
            connection.close()
            return
        if self._closed:
            transport.close()

    async def _connect(self, connection: socket.socket) -> asyncio.Transport:
        connect = self._loop.connect_accepted_socket
        if self._tls is None:
            transport, _ = await connect(self._make_protocol, connection)
        else:
            transport, _ = await connect(
                self._make_protocol,
                connection,
                ssl=self._tls,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=SHUTDOWN_SECONDS,
            )
        return transport


def how_many(wait: float, turn: float) -> int:
    """Tells how many connections to take at once.

    Args:
        wait: seconds of processor time since others were left waiting; 0 when none were.
        turn: seconds of it since some were last taken.
    """
    if wait < SHORT_WAIT:
        return 1
    return min(MOST_AT_ONCE, 1 + int(turn * PER_SECOND))
