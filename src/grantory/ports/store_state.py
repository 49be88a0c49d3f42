"""What a store tells of itself, for whoever watches over the server."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol


class StoreState(NamedTuple):
    """How a store is at this moment, seen from this process."""

    waiting: int
    """Changes that are not finished."""
    room: int
    """How many more would be made in time."""
    leased_at: float | None = None
    """When the question was sent on whose answer the memory rests, on the monotonic clock;
    None where there is no lease, or none yet."""
    lapses: int = 0
    """How often the lease has run out."""
    losses: int = 0
    """How often the connection to the database was lost that keeps the lease."""


class WatchedStore(Protocol):
    """The part of an open store that tells of itself."""

    def state(self) -> StoreState:
        """Tells how it is; a cheap look."""
        ...

    async def size(self) -> Mapping[str, int]:
        """Measures its parts (``database``, ``log``), in bytes.

        Raises:
            StorageUnavailable: when it cannot.
        """
        ...
