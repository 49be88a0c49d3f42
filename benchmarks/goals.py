"""What every measured work must reach, and what it aims at."""

import msgspec


class Goal(msgspec.Struct, frozen=True):
    """A figure that must be reached, and one to aim at."""

    must: float
    aim: float

    def reached_from_below(self, value: float) -> str:
        """Tells which of the two a figure has reached that should be high."""
        return "aim" if value >= self.aim else "must" if value >= self.must else "no"

    def reached_from_above(self, value: float) -> str:
        """Tells which of the two a figure has reached that should be low."""
        return "aim" if value <= self.aim else "must" if value <= self.must else "no"


# Shares of the floor F.
RATIOS = {
    "token": Goal(0.42, 0.55),
    "read one": Goal(0.50, 0.75),
    "create": Goal(0.15, 0.25),
}
TOKEN_P99_MS = Goal(8, 5)
MEMORY_IDLE_MB = Goal(80, 60)
MEMORY_LOADED_MB = Goal(110, 80)
