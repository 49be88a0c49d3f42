"""How large the store is, without ever waiting long to know it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from grantory.errors import ApiError

ASK_EVERY: Final = 15.0
"""Seconds. A database server looks at every file for it."""
PATIENCE: Final = 0.5
"""Seconds for which somebody who asks for it waits; after that it is not known."""


class StoreSize:
    """Remembers the size, and asks for it again when somebody wants to know.

    Args:
        ask: measures the parts, in bytes.
        monotonic: seconds.
    """

    def __init__(
        self, ask: Callable[[], Awaitable[Mapping[str, int]]], monotonic: Callable[[], float]
    ) -> None:
        self._ask = ask
        self._monotonic = monotonic
        self._known: Mapping[str, int] = {}
        self._ask_again = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def known(self) -> Mapping[str, int]:
        """Returns what was measured within the last seconds; nothing when that could not be."""
        if self._asking is None and self._monotonic() >= self._ask_again:
            self._asking = asyncio.get_running_loop().create_task(self._look())
        if self._asking is not None:
            await asyncio.wait((self._asking,), timeout=PATIENCE)
        return self._known

    async def _look(self) -> None:
        measured: Mapping[str, int] = {}
        try:
            measured = await self._ask()
        except (ApiError, OSError):
            pass  # the store is away, or its file is: it is not known then
        finally:  # nor is it after what nobody foresaw, which asyncio reports
            self._known = measured
            self._ask_again = self._monotonic() + ASK_EVERY
            self._asking = None

    async def close(self) -> None:
        """Asks no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait((self._asking,))
