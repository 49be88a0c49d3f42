"""Looking again and again at what cannot be counted when it happens."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

LOOK_EVERY: Final = 1.0


@asynccontextmanager
async def kept_fresh(look: Callable[[], None]) -> AsyncIterator[None]:
    """Looks at once, and then every second for as long as the context lasts.

    Args:
        look: must be quick.
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle | None = None

    def again() -> None:
        nonlocal timer
        timer = loop.call_later(LOOK_EVERY, again)  # first: one look that fails ends nothing
        look()

    again()
    try:
        yield
    finally:
        if timer is not None:
            timer.cancel()
