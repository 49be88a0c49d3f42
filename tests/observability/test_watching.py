"""What watches a process ends with it, however it ends."""

import asyncio
from collections.abc import Mapping

import pytest

from grantory.http.request import Message, Request
from grantory.observability import store_size
from grantory.ports.store_state import StoreState
from grantory.watching import Watch, Watching
from tests.support.world import World


class EndlessStore:
    """A store that never says how large it is."""

    def __init__(self) -> None:
        self.is_asked = self.is_left = False

    def state(self) -> StoreState:
        return StoreState(0, 1)

    async def size(self) -> Mapping[str, int]:
        self.is_asked = True
        try:
            await asyncio.Event().wait()
        finally:
            self.is_left = True
        return {}


async def nothing() -> Message:
    return {"type": "http.disconnect"}


async def test_after_a_failure_the_store_is_not_asked_any_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_size, "PATIENCE", 0.001)
    told = EndlessStore()
    watching = Watching(world.node.store, told, world.clock, world.settings, world.log, Watch())
    watching.begin((), tuple)
    scope = {"method": "GET", "raw_path": b"/", "headers": [], "client": ("127.0.0.1", 1)}

    async def serve() -> None:
        async with watching.running():
            answer = await watching.reading.answer(Request(scope, nothing, "", ()))
            assert (answer.status, told.is_asked, told.is_left) == (200, True, False)
            raise OSError("it cannot go on")

    with pytest.raises(OSError, match="it cannot go on"):
        await serve()
    assert told.is_left
