"""A store whose work is counted."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from grantory.ports.storage import Snapshot, Store, Transaction

T = TypeVar("T")
Worked = Callable[[str, float, BaseException | None], None]
"""Takes the kind of the work, its seconds, and what it ended with."""


def _not_counted(_work: str, _seconds: float, _error: BaseException | None) -> None:
    pass


class WatchedStore:
    """Implements ``Store`` by another one, which does the work."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._worked: Worked = _not_counted

    def count_for(self, worked: Worked) -> None:
        """Names who is told of the work."""
        self._worked = worked

    async def read(self, work: Callable[[Snapshot], T]) -> T:
        """Runs a short look-up."""
        return await self._watched("read", self._store.read(work))

    async def scan(self, work: Callable[[Snapshot], T]) -> T:
        """Runs a long read."""
        return await self._watched("scan", self._store.scan(work))

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs a change."""
        return await self._watched("write", self._store.write(work))

    async def require_answer(self) -> None:
        """Asks for a sign of life."""
        await self._store.require_answer()

    async def _watched(self, kind: str, work: Awaitable[T]) -> T:
        started = time.perf_counter()
        failure: BaseException | None = None
        try:
            return await work
        except BaseException as error:
            failure = error
            raise
        finally:
            self._worked(kind, time.perf_counter() - started, failure)
