"""Slowing down whoever guesses secrets; nobody who knows the right one is held up elsewhere.

Only failures count: by name and address, by address, and by name alone where passwords of people
are guessed from many addresses. A fixed window each, in a table of bounded size, on an injected
clock.
"""

import math
from collections import OrderedDict
from typing import Final

import msgspec

from grantory.domain.address import network_of
from grantory.ports.runtime import Clock

WINDOW_SECONDS: Final = 60
MOST_COUNTERS: Final = 50_000


class ThrottleLimits(msgspec.Struct, frozen=True):
    """Failures allowed within a minute; 0 turns a limit off."""

    per_name_and_address: int = 20
    per_address: int = 300
    per_name: int = 0
    """From wherever. It lets anybody hold up anybody, so for secrets that can be guessed only."""


class _Window:
    __slots__ = ("count", "started")

    def __init__(self, started: float) -> None:
        self.started = started
        self.count = 0


class FailureThrottle:
    """Counts failed authentications."""

    def __init__(self, limits: ThrottleLimits, clock: Clock) -> None:
        self._limits = limits
        self._clock = clock
        self._windows: OrderedDict[tuple[str, str], _Window] = OrderedDict()

    def wait_seconds(self, name: str, address: str) -> int | None:
        """Tells how long somebody at an address must wait.

        Args:
            name: a client's id or a user's, in one form always.
            address: the network address.

        Returns:
            Whole seconds, at least 1; None when it need not wait.
        """
        if not self._windows:
            return None
        network = network_of(address)
        waits = (
            self._wait((name, network), self._limits.per_name_and_address),
            self._wait(("", network), self._limits.per_address),
            self._wait((name, ""), self._limits.per_name),
        )
        longest = max(waits)
        return None if longest <= 0 else math.ceil(longest)

    def _wait(self, key: tuple[str, str], limit: int) -> float:
        window = self._windows.get(key)
        if window is None or limit == 0 or window.count < limit:
            return 0.0
        return window.started + WINDOW_SECONDS - self._clock.monotonic()

    def failed(self, name: str, address: str) -> None:
        """Counts a failed authentication."""
        network = network_of(address)
        self._count((name, network))
        self._count(("", network))
        if self._limits.per_name:
            self._count((name, ""))

    def forgiven(self, name: str, address: str) -> None:
        """Takes back a failure that was counted before its outcome was known."""
        network = network_of(address)
        for key in ((name, network), ("", network), (name, "")):
            window = self._windows.get(key)
            if window is not None and window.count > 0:
                window.count -= 1

    def _count(self, key: tuple[str, str]) -> None:
        now = self._clock.monotonic()
        window = self._windows.pop(key, None)
        if window is None or now - window.started >= WINDOW_SECONDS:
            window = _Window(now)
        window.count += 1
        self._windows[key] = window
        if len(self._windows) > MOST_COUNTERS:
            self._windows.popitem(last=False)
