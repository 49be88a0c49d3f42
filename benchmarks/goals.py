"""What every measured work must reach, and what it aims at."""

import msgspec

from benchmarks.key import FLOOR, Key


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


class Multiple(msgspec.Struct, frozen=True):
    """So many times as fast as another a work must be, on either store."""

    work: str
    than: Key
    must: float


SHARES = {
    "token": Goal(0.42, 0.55),
    "JWT token": Goal(0.20, 0.29),
    "introspection": Goal(0.45, 0.65),
    "read one": Goal(0.50, 0.75),
    "refresh": Goal(0.20, 0.30),
    "code exchange": Goal(0.20, 0.30),
    "create": Goal(0.15, 0.25),
}
"""Of the floor F, on either store."""
BASE = FLOOR
MULTIPLES = (
    Multiple("token", Key("oidc-provider, memory", "token"), 4),
    Multiple("token", Key("oidc-provider, SQLite", "token"), 8),
    Multiple("token", Key("django-oauth-toolkit, plain", "token"), 35),
    Multiple("JWT token", Key("oidc-provider, ES256", "JWT token"), 3),
    Multiple("introspection", Key("oidc-provider, memory", "introspection"), 4),
    Multiple("read one", Key("django-oauth-toolkit, plain", "read one"), 25),
)
TOKEN_P99_MS = Goal(8, 5)
MEMORY_IDLE_MB = Goal(80, 60)
MEMORY_LOADED_MB = Goal(110, 80)

# Of the capacity run.
SECOND_WORKER = Goal(1.6, 1.9)
DENY_LIST_SLOWER = Goal(1.2, 1.0)
START_SECONDS = Goal(1.0, 0.5)
GROWTH_BYTES_PER_TOKEN = Goal(0.1, 0.01)
"""Of the store: none, but for what its file or its log grows by at any moment."""
