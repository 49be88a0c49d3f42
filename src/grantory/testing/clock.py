"""A clock that goes as the machine's does, and can be moved on."""

from grantory.crypto.runtime import SystemClock


class MovableClock(SystemClock):
    """Implements ``Clock`` with the machine's clocks, both moved on by the same time."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now_ms(self) -> int:
        """Returns milliseconds since 1970 (UTC)."""
        return super().now_ms() + int(self._ahead * 1000)

    def monotonic(self) -> float:
        """Returns seconds that never go back."""
        return super().monotonic() + self._ahead

    def advance(self, seconds: float) -> None:
        """Moves on by so many seconds, which are not negative."""
        self._ahead += seconds

    def reset(self) -> None:
        """Goes as the machine's does again; nothing that has looked at it may look again."""
        self._ahead = 0.0
