"""``python -m tests.support.lister``: lists every client, and tells what memory that took.

Which server, and as whom, is said by ``GRANTORY_URL`` and so on; which half of the SDK by the
argument.
"""

import asyncio
import json
import resource
import sys
import time
from pathlib import Path

from grantory_sdk import AsyncGrantory, Grantory

PAGE_SIZE = 200
FIRST = 1_000
"""Clients after which it has loaded all that it needs."""
STEP = 500


class Watch:
    """Counts clients, and looks from time to time at the memory of this process."""

    def __init__(self) -> None:
        self.count = 0
        self.first = 0
        self.highest = 0
        self.began = time.monotonic()

    def see(self) -> None:
        """Counts one."""
        self.count += 1
        if self.count % STEP == 0 and self.count >= FIRST:
            self.highest = max(self.highest, _resident())
            self.first = self.first or self.highest

    def tell(self) -> None:
        """Prints it as JSON, memory in bytes."""
        told = {
            "count": self.count,
            "resident": self.first,
            "growth": self.highest - self.first,
            "seconds": round(time.monotonic() - self.began, 2),
        }
        print(json.dumps(told))


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * resource.getpagesize()


def blocking(watch: Watch) -> None:
    """Lists with the half whose calls block."""
    with Grantory() as grantory:
        for _ in grantory.oauth_clients.list(page_size=PAGE_SIZE):
            watch.see()


async def awaited(watch: Watch) -> None:
    """Lists with the half whose calls are awaited."""
    async with AsyncGrantory() as grantory:
        async for _ in grantory.oauth_clients.list(page_size=PAGE_SIZE):
            watch.see()


if __name__ == "__main__":
    seen = Watch()
    if sys.argv[1] == "awaited":
        asyncio.run(awaited(seen))
    else:
        blocking(seen)
    seen.tell()
