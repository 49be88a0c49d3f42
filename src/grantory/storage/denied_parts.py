"""The list of ended tokens in parts, of which some are in memory."""

import asyncio
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from enum import IntEnum
from typing import Final

from grantory.storage.denied_ids import DeniedIds

MOST_DENIED: Final = 2_000_000
PARTS: Final = 1_024
"""By the first ten bits of an id, which the server drew: so they are of about one length."""
BEYOND_ALL: Final = b"\xff" * 64


def part_of(token_id: bytes) -> int:
    """Tells the part that a token belongs to."""
    return int.from_bytes(token_id[:2].ljust(2, b"\0"), "big") >> 6


def first_of(part: int) -> bytes:
    """Tells the least id of a part, or of all that come behind the last one."""
    return BEYOND_ALL if part == PARTS else (part << 6).to_bytes(2, "big").rstrip(b"\0")


class State(IntEnum):
    """What is known of a part."""

    UNKNOWN = 0
    LOADING = 1
    THERE = 2
    TOO_LARGE = 3
    """More than memory is for: the store is asked for each token."""


class DeniedParts:
    """What memory holds of the list, and what it is loading."""

    def __init__(self) -> None:
        self.ids = DeniedIds()
        self.are_all_there = False
        self.has_begun = False
        """Whether as many parts were loaded as one question answers."""
        self.wanted: dict[range, asyncio.Future[None]] = {}
        """For what somebody waits."""
        self.queue: deque[range] = deque()
        """What of it nobody loads yet."""
        self.loaders: set[asyncio.Task[None] | None] = set()
        self._states = bytearray(PARTS)

    def state(self, part: int) -> int:
        """Tells what is known of a part."""
        return self._states[part]

    def mark(self, span: range, state: State) -> None:
        """Says what is known of some parts."""
        self._states[span.start : span.stop] = bytes([state]) * len(span)
        self.are_all_there = self._states.count(State.THERE) == PARTS

    def fill(self, span: range, token_ids: Sequence[bytes]) -> None:
        """Takes all ids of some parts, which are in order; of other parts none."""
        end = bisect_left(token_ids, first_of(span.stop))
        if len(self.ids) + end > MOST_DENIED:
            self.mark(span, State.TOO_LARGE)
        else:
            self.ids.add_all(token_ids[:end])
            self.mark(span, State.THERE)

    def add(self, token_id: bytes) -> bool:
        """Takes an id of a part that is there, or is being loaded; tells whether it did."""
        part = part_of(token_id)
        if self._states[part] not in (State.LOADING, State.THERE):
            return False
        if len(self.ids) >= MOST_DENIED:
            self.mark(range(part, part + 1), State.TOO_LARGE)
            return False
        self.ids.add(token_id)
        return True
