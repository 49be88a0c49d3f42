"""What all processes have counted, and what is so at one moment."""

from collections.abc import Mapping
from typing import NamedTuple

from grantory.observability.families import Families


class Moment(NamedTuple):
    """What is told of it."""

    families: Families
    numbers: list[float]
    """The sums of all columns."""
    workers: int
    """Those that live."""
    silence: float
    """Seconds since the one last did anything that has done nothing for the longest."""
    lease_age: float | None
    """Seconds since the oldest lease was asked for; None where there are no leases."""
    wanted: int
    """Workers that there should be."""
    started_at: float
    """When the server was started, in seconds since 1970."""
    sizes: Mapping[str, int]
    """Bytes of the store's parts; empty where that is not known."""
    build: Mapping[str, str]
