"""What is measured: kinds of requests, each sent to a server."""

import msgspec

from benchmarks.callers import Caller
from benchmarks.key import Key
from benchmarks.servers import Server
from benchmarks.site import Site
from benchmarks.supply import Supply
from benchmarks.wrk import Target


class Work(msgspec.Struct, frozen=True):
    """A kind of request, and the server it goes to."""

    key: Key
    server: Server
    target: Target
    supply: Supply | None = None
    every: int = 1
    """It is measured in each round whose number this divides."""
    paired: bool = False
    """Each time the floor is measured just before it."""
    connections: int = 0
    """So many instead of those of the plan: for what is so slow that the rest would only wait."""


class Scene(msgspec.Struct, frozen=True):
    """What is measured, the floor first."""

    works: tuple[Work, ...]
    makers: dict[str, Caller]
    """By subject, who belongs to the organisation in which its clients are created."""
    sites: tuple[Site, ...]
    missing: dict[Key, str]
    """What cannot be measured, and why."""

    @property
    def servers(self) -> tuple[Server, ...]:
        """Each server once."""
        return tuple(dict.fromkeys(work.server for work in self.works))
