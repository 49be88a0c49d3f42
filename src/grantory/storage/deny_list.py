"""The memory of tokens that were ended one by one."""

import asyncio
from collections.abc import Callable
from typing import Final

from grantory.domain.token import CLOCK_SLACK_SECONDS
from grantory.ports.runtime import Clock
from grantory.ports.storage import Store
from grantory.storage.denied_ids import DeniedIds

MOST_DENIED: Final = 2_000_000
SLICE: Final = 2_048
"""So many are loaded at once: the event loop has nothing else to do for some milliseconds."""
LEAST_ROOM: Final = 1_000


class DenyList:
    """Answers from memory whether a token was ended, once all of the list is there.

    It is loaded piece by piece, by those who ask: meanwhile they ask the store besides. Tokens only
    ever join the list, so what is heard while it is loaded joins it, too.

    Args:
        store: holds it.
        clock: the time.
        loaded: told of each question to the store.
    """

    def __init__(self, store: Store, clock: Clock, loaded: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._loaded = loaded
        self._ids = DeniedIds()
        self._after: bytes | None = None
        """Up to this id it was loaded; None for all of it."""
        self._begun = False
        self._is_whole = False
        self._is_complete = False
        """Whether all of the list is there."""
        self._room = 0
        self._loading = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._ids)

    def forget(self) -> None:
        """Forgets all of it."""
        self._ids = DeniedIds()
        self._begun = self._is_whole = self._is_complete = False
        self._after = None

    def hear(self, token_id: bytes) -> None:
        """Takes note of a token that was ended."""
        if not self._begun:
            return
        if self._after is None:
            self._room -= 1
            if self._room < 0:  # half of them may have expired: a fresh list is smaller
                self.forget()
                return
        self._keep(token_id)

    def _keep(self, token_id: bytes) -> None:
        if len(self._ids) < MOST_DENIED:
            self._ids.add(token_id)
        else:
            self._is_whole = self._is_complete = False

    def known(self, token_id: bytes) -> bool | None:
        """Tells what memory alone knows; None where ``holds`` is to be asked."""
        return token_id in self._ids if self._is_complete else None

    async def holds(self, token_id: bytes) -> bool:
        """Tells whether a token was ended.

        Raises:
            StorageUnavailable: when the store had to be asked and did not answer.
        """
        if not self._is_loaded and not self._loading.locked():
            async with self._loading:
                await self._load_some()
        if not self._is_loaded:
            return await self._is_in_store(token_id)
        if token_id in self._ids:
            return True
        return not self._is_whole and await self._is_in_store(token_id)

    @property
    def _is_loaded(self) -> bool:
        return self._begun and self._after is None

    async def _load_some(self) -> None:
        now = self._clock.now_ms() // 1000 - CLOCK_SLACK_SECONDS
        if not self._begun:
            self._begun = self._is_whole = True
            self._after = b""
        ids, after = self._ids, self._after or b""
        self._loaded()
        found = await self._store.read(lambda s: s.denied_tokens.unexpired(now, after, SLICE))
        if ids is not self._ids:  # everything was forgotten meanwhile
            return
        for token_id in found:
            self._keep(token_id)
        self._after = found[-1] if len(found) == SLICE and self._is_whole else None
        if self._after is None:
            self._is_complete = self._is_whole
            self._room = max(len(ids), LEAST_ROOM)

    async def _is_in_store(self, token_id: bytes) -> bool:
        self._loaded()
        return await self._store.read(lambda snapshot: snapshot.denied_tokens.contains(token_id))
