"""Sending what several connections are told in one turn of the event loop, one after another.

To send an answer is a long way through the system, and whoever comes back from it finds the
processor's caches full of other things: with an answer sent behind each request, the Python of the
next one took twice as long (docs/adr/0019). So the requests of a turn are looked at first.
"""

import asyncio
from collections.abc import Callable

from grantory.http.exchange import LOGGER


class Outbox:
    """Holds what is to be sent, until the requests of this turn have been looked at."""

    def __init__(self) -> None:
        self._waiting: list[Callable[[], None]] = []

    def add(self, send: Callable[[], None]) -> None:
        """Has something sent soon.

        Args:
            send: sends it, if it is still to be sent.
        """
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._send)
        self._waiting.append(send)

    def _send(self) -> None:
        waiting, self._waiting = self._waiting, []
        for send in waiting:
            try:
                send()
            except Exception as error:  # the others are to hear their answers all the same
                LOGGER.error("an answer was not sent", exc_info=error)
