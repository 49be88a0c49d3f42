"""Taking new connections, also while there is much to do for those that are there.

libuv takes one in a turn of the event loop (libuv#3696), which shares them out well among
processes that have nothing else to do. But a turn of a busy process lasts as long as a request
of each of its connections: with some thousands of them a new one, perhaps only to ask for the
process's health, would be taken minutes later (docs/adr/0007).
"""

import asyncio
import socket
import time
from collections.abc import Callable
from typing import Final

SHORT_TURN: Final = 0.001
"""Seconds of processor time; a process whose turns are longer takes more at once ..."""
PER_SECOND: Final = 6_000
"""... so many in a second of that time: about a third of it is spent on them."""
MOST_AT_ONCE: Final = 256
LONGEST_TURN: Final = 1.0
"""If more time was spent, those that waited went to another process long ago."""
PAUSE_SECONDS: Final = 0.1


class Acceptor:
    """Stands for one listening socket, as asyncio's servers do.

    Args:
        listener: is left open in the end.
        make_protocol: called for each connection.
    """

    def __init__(
        self, listener: socket.socket, make_protocol: Callable[[], asyncio.Protocol]
    ) -> None:
        self._listener = listener
        self._make_protocol = make_protocol
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._resuming: asyncio.TimerHandle | None = None
        self._closed = False
        self._more_waited_at = float("-inf")
        listener.setblocking(False)
        self._resume()

    def close(self) -> None:
        """Takes no more."""
        self._closed = True
        self._pause()

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
        turn = now - self._more_waited_at
        self._more_waited_at = float("-inf")
        for _ in range(how_many(turn)):
            try:
                connection, _address = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:  # out of files or memory: it would be told again and again
                self._pause()
                self._resuming = self._loop.call_later(PAUSE_SECONDS, self._try_again)
                return
            task = self._loop.create_task(self._hand_over(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self._more_waited_at = now

    def _try_again(self) -> None:
        self._resuming = None
        self._resume()

    async def _hand_over(self, connection: socket.socket) -> None:
        try:
            transport, _ = await self._loop.connect_accepted_socket(self._make_protocol, connection)
        except OSError:  # gone already
            connection.close()
            return
        if self._closed:
            transport.close()


def how_many(turn: float) -> int:
    """Tells how many connections to take at once.

    Args:
        turn: seconds of processor time since others were left waiting; endless when none were.
    """
    if not SHORT_TURN < turn < LONGEST_TURN:
        return 1
    return min(MOST_AT_ONCE, 1 + int((turn - SHORT_TURN) * PER_SECOND))
