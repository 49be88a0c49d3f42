"""What a serving process does besides answering: it keeps the store small and lists up to date."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from grantory.app import build_refusal_keeper, build_upkeep
from grantory.node import Node, database_of
from grantory.observability.reports import report_failure, report_lists
from grantory.registry.jwt_keys import JwtKeys
from grantory.registry.list_keeper import ListKeeper
from grantory.settings import Settings


@asynccontextmanager
async def kept_small(
    node: Node, settings: Settings, waiting: Callable[[int], None]
) -> AsyncIterator[None]:
    """Keeps the store small and its lists up to date, and writes what was refused, meanwhile.

    Args:
        node: whose.
        settings: the effective settings.
        waiting: is told how many changes of clients are not in their lists yet.

    Raises:
        SetupError: when the store cannot be opened once more.
    """
    store = await database_of(settings).open(node.clock, settings.workers)
    keys = JwtKeys(store, node.clock, node.random, node.master_key, settings.key_life)
    upkeep = build_upkeep(
        *(store, node.clock, settings.audit_refusals_days, settings.tokens_refresh_days),
        rotate=keys.rotate_due,
    )
    turn = store.turn()
    lists = ListKeeper(
        store,
        node.clock,
        lambda error: report_failure(error, "lists"),
        held_up=report_lists,
        waiting=waiting,
        turn=turn,
    )
    running = [asyncio.create_task(work.run()) for work in (upkeep, lists)]
    try:
        async with build_refusal_keeper(node, store).running():
            yield
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        await turn.close()
        await store.close()
