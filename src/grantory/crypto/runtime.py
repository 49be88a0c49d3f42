"""The real clock and the real randomness."""

import secrets
import time
from typing import Final

# On Linux the monotonic clock stands still while the machine sleeps, and this one does not.
_SPANS: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
IDS_ALIKE: Final = 64
_ALIKE_BYTES: Final = 4
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
    """Implements ``Random`` with the operating system's generator.

    ``IDS_ALIKE`` ids that are made one after another begin with the same 32 random bits, which
    leaves 90 of their own to each. So rows of entities that are made together lie together in
    every index by id, and a commit of several writes one page of each index instead of one for
    each entity.
    """

    def __init__(self) -> None:
        self._beginning = ""
        self._ids_left = 0

    def token_bytes(self, count: int) -> bytes:
        """Returns ``count`` bytes fit for credentials."""
        return secrets.token_bytes(count)

    def uuid(self) -> str:
        """Returns a random UUID (version 4) in lower case."""
        if self._ids_left <= 0:
            self._beginning = secrets.token_bytes(_ALIKE_BYTES).hex()
            self._ids_left = IDS_ALIKE
        self._ids_left -= 1
        digits = self._beginning + secrets.token_bytes(16 - _ALIKE_BYTES).hex()
        variant = _VARIANTS[digits[16]]
        return (
            f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
        )
