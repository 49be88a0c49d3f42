"""The memory of tokens that were ended one by one."""

import asyncio
from collections.abc import Callable
from typing import Final

from grantory.ports.storage import Store
from grantory.storage.denied_parts import PARTS, DeniedParts, State, first_of, part_of

SHORT_LIST: Final = 2_048
"""One of fewer ids is loaded by a single question; the event loop does nothing else meanwhile."""
MOST_IN_PART: Final = 8_192
LOADERS: Final = 2
"""So many parts are loaded at once, lest a start takes every connection to the store."""
LEAST_ROOM: Final = 1_000


class DenyList:
    """Answers from memory whether a token was ended.

    A part of the list is loaded when a token of it is asked for, once for all who ask meanwhile.
    Tokens only ever join the list, so what is heard while a part is loaded joins it, too.

    Args:
        store: holds it.
        loaded: told of each question to the store.
    """

    def __init__(self, store: Store, loaded: Callable[[], None]) -> None:
        self._store = store
        self._loaded = loaded
        self._parts = DeniedParts()
        self._heard = 0

    def __len__(self) -> int:
        return len(self._parts.ids)

    def forget(self) -> None:
        """Forgets all of it, and what is being loaded."""
        self._parts = DeniedParts()
        self._heard = 0

    def hear(self, token_id: bytes) -> None:
        """Takes note of a token that was ended."""
        if self._parts.add(token_id):
            self._heard += 1
        if self._heard > max(len(self) - self._heard, LEAST_ROOM):
            self.forget()  # many have left the store meanwhile, since they would have expired

    def known(self, token_id: bytes) -> bool | None:
        """Tells what memory alone knows; None where ``holds`` is to be asked."""
        parts = self._parts
        if parts.are_all_there or parts.state(part_of(token_id)) == State.THERE:
            return token_id in parts.ids
        return None

    async def holds(self, token_id: bytes) -> bool:
        """Tells whether a token was ended.

        Raises:
            StorageUnavailable: when the store had to be asked and did not answer.
        """
        parts, part = self._parts, part_of(token_id)
        if not parts.has_begun:
            await self._want(parts, range(PARTS))
        if parts.state(part) in (State.UNKNOWN, State.LOADING):
            await self._want(parts, range(part, part + 1))
        known = self.known(token_id)  # all may have been forgotten by now, or the part too large
        return await self._is_in_store(token_id) if known is None else known

    async def _want(self, parts: DeniedParts, span: range) -> None:
        """Waits until some parts were loaded, with all others who want the same."""
        wanted = parts.wanted.get(span)
        if wanted is None:
            loop = asyncio.get_running_loop()
            wanted = parts.wanted[span] = loop.create_future()
            parts.queue.append(span)
            if len(parts.loaders) < LOADERS:
                parts.loaders.add(loop.create_task(self._load_wanted(parts)))
        await asyncio.shield(wanted)

    async def _load_wanted(self, parts: DeniedParts) -> None:
        """Loads what is wanted until there is no more of it."""
        while parts.queue:
            span = parts.queue.popleft()
            try:
                await self._load(parts, span)
            except Exception as error:
                # It is for those who wait; those behind would wait as long for the same.
                for failed in (span, *parts.queue):
                    wanted = parts.wanted.pop(failed)
                    wanted.set_exception(error)
                    wanted.exception()  # asyncio tells of it where nobody waits any more
                parts.queue.clear()
            else:
                parts.wanted.pop(span).set_result(None)
            await asyncio.sleep(0)  # an embedded store answers at once, and others have waited
        parts.loaders.discard(asyncio.current_task())  # at once: who comes now begins another

    async def _load(self, parts: DeniedParts, span: range) -> None:
        is_list = len(span) == PARTS
        since, before = first_of(span.start), first_of(span.stop)
        limit = SHORT_LIST if is_list else MOST_IN_PART
        parts.mark(span, State.LOADING)
        try:
            self._loaded()
            found = await self._store.read(
                lambda snapshot: snapshot.denied_tokens.between(since, before, limit)
            )
        except BaseException:
            parts.mark(span, State.UNKNOWN)
            raise
        whole = range(span.start, span.stop if len(found) < limit else part_of(found[-1]))
        parts.fill(whole, found)
        parts.mark(range(whole.stop, span.stop), State.UNKNOWN if is_list else State.TOO_LARGE)
        parts.has_begun = True

    async def _is_in_store(self, token_id: bytes) -> bool:
        self._loaded()
        return await self._store.read(lambda snapshot: snapshot.denied_tokens.contains(token_id))
