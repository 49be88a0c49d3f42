"""Refusing early what could only be answered late.

A process that is asked for more than it can do would answer everybody too late. So it adds up
how long a request has stood in line and how long it would still wait, from how many wait and
what each has been costing, and refuses at the price of a fraction of an answer.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from grantory.http.turns import Turns

LONGEST_WAIT: Final = 0.03
"""Seconds."""
LEAST_WAITING: Final = 128
"""As many may always wait: an estimate from few requests can be far out."""
REPORT_SECONDS: Final = 1.0
_SMOOTHING: Final = 1 / 32
_FIRST_COST: Final = 0.0002


class Admission:
    """Counts the requests that wait for their turn of the event loop, and what one costs.

    Args:
        report: is told, at most once a second, how many requests were refused since.
        room: tells how many changes the store would make in time.
        turns: where requests stand in line before they are looked at.
    """

    def __init__(
        self, report: Callable[[int], None], room: Callable[[], int], turns: Turns
    ) -> None:
        self._report = report
        self._room = room
        self._turns = turns
        self._changes_waiting = 0
        self._waiting = 0
        self._cost = _FIRST_COST
        self._last_start = 0.0
        self._in_a_row = False
        self._refused = 0
        self._telling: asyncio.TimerHandle | None = None

    def admits(self, *, change: bool) -> bool:
        """Tells whether one more request would be served in time; counts it if not.

        Args:
            change: whether the store will have to make a change for it.
        """
        in_time = self._waiting < LEAST_WAITING or self._waiting * self._cost < LONGEST_WAIT
        in_time = in_time and not self._turns.too_late
        if in_time and (not change or self._changes_waiting < self._room()):
            return True
        if self._telling is None:
            self._telling = asyncio.get_running_loop().call_later(REPORT_SECONDS, self.tell)
        self._refused += 1
        return False

    def queued(self, *, change: bool) -> None:
        """Notes a request that was admitted and waits."""
        self._waiting += 1
        self._changes_waiting += change

    def started(self, *, change: bool) -> None:
        """Notes that the turn of a waiting request has come."""
        self._changes_waiting -= change
        now = time.perf_counter()
        if self._in_a_row:  # nothing else was done since the last one began
            self._cost += (now - self._last_start - self._cost) * _SMOOTHING
        self._last_start = now
        self._waiting -= 1
        self._in_a_row = self._waiting > 0

    def tell(self) -> None:
        """Reports what was refused since the last time, if anything was; also at the end."""
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        refused, self._refused = self._refused, 0
        if refused:
            self._report(refused)
