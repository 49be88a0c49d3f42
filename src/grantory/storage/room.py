"""How many changes may wait for the store, learnt from how long they have been taking.

At first a burst of them may wait. While it lasts, so that they take too long, fewer may: less by
the share that was too much for each round that was slow, one more for each that was not. There is
a bound below, so that refusing, which costs time as well, cannot feed on itself; and once nothing
has been slow for a second and nothing is unfinished, all is as at the start.
"""

import time
from collections.abc import Callable
from typing import Final

LONGEST_WAIT: Final = 0.06
"""Seconds from when a change lined up until it is on disk."""
FORGET_SECONDS: Final = 1.0
_LEAST_CUT: Final = 0.9
_DEEPEST_CUT: Final = 0.1


class Room:
    """Counts the changes that are not finished, and bounds them.

    Args:
        least: so many may be unfinished however slow the store is.
        most: so many may be unfinished however fast it is.
        now: tells the time, in seconds since whenever.
    """

    def __init__(self, least: int, most: int, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._least = least
        self._most = most
        self._size = float(most)
        self._unfinished = 0
        self._last_cut = float("-inf")
        self._last_slow = float("-inf")

    @property
    def left(self) -> int:
        """How many more would be finished in time."""
        return int(self._size) - self._unfinished

    @property
    def unfinished(self) -> int:
        """How many are under way or wait."""
        return self._unfinished

    def enter(self) -> float:
        """Counts one more, and returns the time, which ``leave`` is to be told."""
        self._unfinished += 1
        return self._now()

    def leave(self, entered: float) -> None:
        """Takes note of how long one has taken, however it ended.

        Args:
            entered: what ``enter`` returned.
        """
        self._unfinished -= 1
        now = self._now()
        if now - entered > LONGEST_WAIT:
            self._last_slow = now
            if entered >= self._last_cut:  # those of one round are slow together
                self._last_cut = now
                share = LONGEST_WAIT / (now - entered)
                self._size = max(
                    self._least, self._size * min(_LEAST_CUT, max(_DEEPEST_CUT, share))
                )
        elif self._unfinished or now - self._last_slow < FORGET_SECONDS:
            self._size = min(self._most, self._size + 1 / self._size)
        else:
            self._size = self._most
