"""One core for the server, another for the load, where the system lets us choose."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple


class Cores(NamedTuple):
    """The core of the servers and that of the load; None leaves it to the system."""

    server: int | None
    load: int | None


def choose_cores() -> Cores:
    """Takes the first two cores that this process may use."""
    if sys.platform == "linux":
        usable = sorted(os.sched_getaffinity(0))
        if len(usable) > 1:
            return Cores(usable[0], usable[1])
    return Cores(None, None)


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """What is started inside runs on this core, with its threads and children."""
    if sys.platform != "linux" or core is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
