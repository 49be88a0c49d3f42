"""The real clock and the real randomness."""

import secrets
import time
from typing import Final

# On Linux the monotonic clock stands still while the machine sleeps, and this one does not.
_SPANS: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_VARIANTS: Final = {f"{digit:x}": f"{8 + digit % 4:x}" for digit in range(16)}
"""What the variant bits of RFC 9562 make of a digit."""


class SystemClock:
    """Implements ``Clock`` with the machine's clocks."""

    def now_ms(self) -> int:
        """Returns milliseconds since 1970 (UTC)."""
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        """Returns seconds that never go back, and go on while the machine sleeps."""
        return time.clock_gettime(_SPANS)


class SystemRandom:
    """Implements ``Random`` with the operating system's generator."""

    def token_bytes(self, count: int) -> bytes:
        """Returns ``count`` bytes fit for credentials."""
        return secrets.token_bytes(count)

    def uuid(self) -> str:
        """Returns a random UUID (version 4) in lower case."""
        digits = secrets.token_bytes(16).hex()
        variant = _VARIANTS[digits[16]]
        return (
            f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
        )
