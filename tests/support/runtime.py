"""A clock that a test holds in its hand."""

from grantory.crypto.runtime import SystemRandom

START_MS = 1_800_000_000_000


class FakeClock:
    """Stands still until it is told to move. Implements ``Clock``."""

    def __init__(self) -> None:
        self._now_ms = START_MS
        self._monotonic = 1000.0

    def now_ms(self) -> int:
        """Milliseconds since 1970."""
        return self._now_ms

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move both clocks on."""
        self._now_ms += int(seconds * 1000)
        self._monotonic += seconds

    def step(self, seconds: float) -> None:
        """Move the time of day alone, as an administrator or NTP does."""
        self._now_ms += int(seconds * 1000)


class CountingRandom(SystemRandom):
    """The system's randomness, counting what was asked of it."""

    asked = 0

    def token_bytes(self, count: int) -> bytes:
        """Random bytes."""
        self.asked += 1
        return super().token_bytes(count)
