"""Sharing out the turns of the event loop.

libuv hands over, in one turn, whatever thousands of connections have to say, and reads on while
they say more: nothing else has its turn meanwhile, neither what was admitted and waits for its
database nor whoever was read last. So of what comes in only some is looked at in each turn; the
rest stands in line, unread beyond its first piece.

How many are looked at follows from how long a turn with them has been taking, so that turns stay
short whatever the machine and the requests.

While the line is short, first come is first served. Once the first in it have waited too long,
nobody who waits as long as they have would be served in time: then the newest are looked at
first, and those at the other end, some in each turn, only to be refused.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Final

LEAST_SERVED: Final = 4
"""So many are looked at in a turn to be served, however long they take ..."""
MOST_SERVED: Final = 24
"""... and up to so many while a turn with them is short; ..."""
TURN_SECONDS: Final = 0.0015
MOST_REFUSED: Final = 8
"""... and so many besides to be refused, for about a third of the price; ..."""
MOST_REFUSED_ALONE: Final = 12
"""... or so many where no other process waits for this one's turn to end."""
LONGEST_IN_LINE: Final = 0.03
"""Seconds."""
LEAST_IN_LINE: Final = 64
"""As many may always stand in line: after a pause of the process all of them have waited long."""
_SMOOTHING: Final = 1 / 16
MOST_URGENT: Final = 4
"""As many questions about health and metrics are answered besides, however long the line."""


class Turns:
    """Counts what is looked at in a turn, and keeps the line of those that wait for a later one.

    Args:
        most_refused: so many are refused in a turn.
    """

    def __init__(self, most_refused: int = MOST_REFUSED) -> None:
        self._most_refused = most_refused
        self._served = LEAST_SERVED
        self._left = LEAST_SERVED
        self._cost = TURN_SECONDS / LEAST_SERVED
        self._began = 0.0
        """When this turn began, if there was a line then: no time was spent waiting for it."""
        self._late = 0
        self._urgent_left = MOST_URGENT
        self._line: deque[tuple[float, Callable[[], None]]] = deque()
        self._next_is_due = False
        self.too_late = False
        """Whether the one that is looked at now has stood in line for too long."""

    def takes(self) -> bool:
        """Tells whether one more may be looked at in this turn, and counts it."""
        if not self._next_is_due:
            self._await_next()
        if self._line or self._left <= 0:
            return False
        self._left -= 1
        return True

    def takes_urgent(self) -> bool:
        """Tells whether one that must not wait may be looked at in this turn, and counts it."""
        self._urgent_left -= 1
        return self._urgent_left >= 0

    def count(self) -> None:
        """Counts one more request that was looked at, behind another of the same connection."""
        if self.too_late:
            self._late += 1
        else:
            self._left -= 1

    def line_up(self, go_on: Callable[[], None]) -> None:
        """Lets one that was not taken, or has more to say, stand in line.

        Args:
            go_on: called when its turn has come.
        """
        self._line.append((time.perf_counter(), go_on))
        if not self._next_is_due:
            self._await_next()

    def _await_next(self) -> None:
        self._next_is_due = True
        asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        line = self._line
        now = time.perf_counter()
        if self._began:
            self._learn((now - self._began) / max(1, self._served - self._left))
        self._left = self._served
        self._urgent_left = MOST_URGENT
        if not line:
            self._next_is_due = False
            self._began = 0.0
            return
        self._began = now
        self._await_next()
        too_late = now - LONGEST_IN_LINE
        self._late, most = 0, self._most_refused
        while self._late < most and len(line) > LEAST_IN_LINE and line[0][0] < too_late:
            self._late += 1
            self.too_late = True
            line.popleft()[1]()
        self.too_late = False
        pop, put_back = (line.pop, line.append) if self._late else (line.popleft, line.appendleft)
        # Taken out first: who has more to say lines up anew, behind these.
        chosen = deque(pop() for _ in range(min(len(line), self._left)))
        while chosen and self._left > 0:
            self._left -= 1
            chosen.popleft()[1]()
        while chosen:
            put_back(chosen.pop())

    def _learn(self, cost: float) -> None:
        """Takes note of what one has cost in the last turn, with all else that was done in it."""
        if cost > 0:
            self._cost += (cost - self._cost) * _SMOOTHING
            fitting = int(TURN_SECONDS / self._cost)
            self._served = min(MOST_SERVED, max(LEAST_SERVED, fitting))
