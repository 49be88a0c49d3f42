"""How many API requests a client and an organisation make in a minute, and how many they may.

Windows are fixed and begin with their first request. The counts lie in memory that the worker
processes share, so that a limit holds for all of them together. Nobody waits for anybody there: a
worker that is held up between reading a count and writing the next one may lose what others have
counted in that moment. So a limit may be passed by a few requests, and is never undercut.
"""

import math
import mmap
from typing import Final

import msgspec

from grantory.errors import ApiError, Limit
from grantory.ports.runtime import Clock

WINDOW_SECONDS: Final = 60
NO_LIMIT: Final = 2_147_483_647
"""What is told where there is none: the largest number that every client can read."""
BUCKETS: Final = 65_536
_LINES: Final = (
    b"inin-ratelimit-count: %d\r\ninin-ratelimit-allowed: %d\r\ninin-ratelimit-reset: %d\r\n"
)
_WORD_BYTES: Final = 8
_ENDS: Final = 1
_COUNT: Final = 2
_ENTRY_WORDS: Final = 3
_BUCKET_WORDS: Final = 4 * _ENTRY_WORDS
_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF


class RequestLimits(msgspec.Struct, frozen=True):
    """API requests allowed within a minute; 0 turns a limit off."""

    per_client: int = 0
    per_organization: int = 0


class Window(msgspec.Struct, frozen=True):
    """How many requests there were in a minute that has begun, and when it ends."""

    count: int
    ends: float
    """On the monotonic clock, which all processes of a machine share."""


class SharedCounts:
    """A table of windows, of a fixed size, that processes forked from one parent share.

    Where it is full, the window that ends first makes room. What is counted has a key; keys that
    are hashed alike, which is one pair in 2^64, are counted together.
    """

    def __init__(self) -> None:
        memory = memoryview(mmap.mmap(-1, BUCKETS * _BUCKET_WORDS * _WORD_BYTES))
        self._words = memory.cast("Q")
        self._times = memory.cast("d")
        """The same memory. Of an entry the first word is a key, the second a time."""

    def add(self, key: tuple[str, str], now: float) -> Window:
        """Counts a request.

        Args:
            key: a kind, and an id; the same process, or its parent, must have hashed it.
            now: the time on the monotonic clock, in seconds.
        """
        words, times = self._words, self._times
        hashed = hash(key) & _MASK or 1
        start = hashed % BUCKETS * _BUCKET_WORDS
        first_to_end, place = math.inf, start
        for entry in range(start, start + _BUCKET_WORDS, _ENTRY_WORDS):
            ends = times[entry + _ENDS]
            if words[entry] == hashed:
                if now < ends <= now + WINDOW_SECONDS:
                    count = words[entry + _COUNT] + 1
                    words[entry + _COUNT] = count
                    return Window(count, ends)
                place = entry
                break
            if ends < first_to_end:
                first_to_end, place = ends, entry
        # The key last: nobody is to find another's count under it.
        words[place + _COUNT] = 1
        times[place + _ENDS] = now + WINDOW_SECONDS
        words[place] = hashed
        return Window(1, now + WINDOW_SECONDS)


class Standing(msgspec.Struct, frozen=True):
    """What a caller is told of its requests: of the limit that it will reach first."""

    limit: Limit
    count: int
    seconds: int
    """Until the window ends; at least 1."""
    exceeded: bool
    """Whether this request is one too many."""

    def lines(self) -> bytes:
        """The platform's response headers, as lines."""
        most = self.limit.value
        return _LINES % (most if self.exceeded else self.count, most, self.seconds)

    def refusal(self) -> ApiError:
        """Builds the 429."""
        return ApiError(
            429,
            "too.many.requests",
            f"Rate limit exceeded the maximum of {self.limit.value} requests a minute. "
            f"Retry the request in [{self.seconds}] seconds",
            params={"seconds": str(self.seconds)},
            retry_after=self.seconds,
            limit=self.limit,
        )


class RequestCounter:
    """Counts the requests of the management API that had a good token.

    Args:
        limits: how many are allowed.
        counts: the table, shared with the other workers.
        clock: a monotonic clock.
    """

    def __init__(self, limits: RequestLimits, counts: SharedCounts, clock: Clock) -> None:
        self._client = Limit("client.rate.per.minute", limits.per_client or NO_LIMIT)
        self._organization = None
        if limits.per_organization:
            self._organization = Limit("org.rate.per.minute", limits.per_organization)
        self._counts = counts
        self._clock = clock

    def count(self, client_id: str, organization_id: str) -> Standing:
        """Counts a request and tells how its caller stands."""
        now = self._clock.monotonic()
        nearest, window = self._client, self._counts.add(("client", client_id), now)
        # One client that asks too much is not to use up what the others of its organisation may.
        if self._organization is not None and window.count <= nearest.value:
            of_all = self._counts.add(("organization", organization_id), now)
            if self._organization.value - of_all.count < nearest.value - window.count:
                nearest, window = self._organization, of_all
        seconds = math.ceil(window.ends - now) or 1
        return Standing(nearest, window.count, seconds, window.count > nearest.value)
