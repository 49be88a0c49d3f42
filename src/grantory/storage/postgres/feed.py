"""Hearing of changes made by other processes and nodes, on a connection of its own."""

import asyncio
import contextlib
from typing import Any

import asyncpg
from sqlalchemy.util import greenlet_spawn

from grantory.errors import StorageUnavailable
from grantory.ports.runtime import Clock
from grantory.storage.change_feed import ANSWER_WITHIN, ASK_EVERY, Entity, Heard, Lease, news_since
from grantory.storage.postgres.connection import Connector, told
from grantory.storage.postgres.executor import AsyncpgExecutor


class LeasedFeed:
    """Implements ``ChangeFeed`` for several nodes: current while its lease holds.

    Args:
        connector: opens the connection.
        clock: whose monotonic time decides when the lease ends.
    """

    def __init__(self, connector: Connector, clock: Clock) -> None:
        self._connector = connector
        self._connection: asyncpg.Connection[Any] | None = None
        self.lease = Lease(clock.monotonic)
        self._number = -1
        self._heard: Heard | None = None
        self._asking: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None
        """The question after the one that is under way."""
        self._poller: asyncio.Task[None] | None = None
        self.losses = 0
        """How often the connection was lost: others of that time are not to be trusted."""
        self.resets = 0
        """How often anything may have been changed, as by another store in its place."""

    def listen(self, heard: Heard) -> None:
        """Names who is told."""
        self._heard = heard

    def is_current(self) -> bool:
        """Tells whether what was heard may still be believed."""
        return self.lease.holds()

    def committed_here(self, entities: list[Entity]) -> None:
        """Tells of a change that this process made itself, without asking."""
        if entities and self._heard is not None:
            self._heard(entities)

    async def catch_up(self) -> None:
        """Asks now, and tells what is new; callers at the same time share a question.

        Raises:
            StorageUnavailable: without an answer in 500 ms.
        """
        if self._poller is None or self._poller.done():
            self._poller = asyncio.get_running_loop().create_task(self._poll())
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().create_task(self._ask())
            self._asking.add_done_callback(_look_at_its_failure)
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                await asyncio.shield(self._asking)
        except TimeoutError:  # it goes on, for those who come later
            raise StorageUnavailable("PostgreSQL did not answer in time") from None
        if not self.lease.holds():  # this process was stopped while the answer came
            raise StorageUnavailable("the lease ended before it could be used")

    def has_heard_all(self) -> bool:
        """Tells that it never has: a lease says only how little may have been missed."""
        return False

    async def hear_all(self) -> None:
        """Asks once more, with all who come before that question is sent.

        One that was under way before may have been answered before what is to be heard.

        Raises:
            StorageUnavailable: without an answer in 500 ms, after that of the one before.
        """
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._ask_next())
            self._next.add_done_callback(_look_at_its_failure)
        await asyncio.shield(self._next)

    async def _ask_next(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_WITHIN):
                while self._asking is not None and not self._asking.done():
                    await asyncio.wait((self._asking,))
        except TimeoutError:
            raise StorageUnavailable("PostgreSQL did not answer in time") from None
        finally:
            self._next = None  # whoever comes now may come too late for what is sent next
        await self.catch_up()

    async def _ask(self) -> None:
        try:
            if self._connection is None:
                self._connection = await self._connected()
            sent = self.lease.asked()
            async with asyncio.timeout(ANSWER_WITHIN):
                news = await greenlet_spawn(
                    news_since, AsyncpgExecutor(self._connection), self._number
                )
        except Exception as error:
            self._disconnect()
            raise told(error) from error
        if news.entities is None:
            self.resets += 1
        if self._heard is not None and news.number != self._number:
            self._heard(news.entities)
        self._number = news.number
        self.lease.answered(sent)

    async def _connected(self) -> "asyncpg.Connection[Any]":
        """Connects, for as long as it takes; whoever waits for the answer may give up before."""
        connection = await self._connector.connect()
        try:  # the question is also prepared, which over a slow line is too long for a lease
            await greenlet_spawn(news_since, AsyncpgExecutor(connection), -1)
        except BaseException:
            connection.terminate()
            raise
        return connection

    def _disconnect(self) -> None:
        """Lets go; the next connection may lead to another server, which counts otherwise."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
            self.losses += 1
        self._number = -1

    async def _poll(self) -> None:
        while True:
            # Without an answer the lease runs out, and whoever decides next asks by itself.
            with contextlib.suppress(StorageUnavailable):
                await self.catch_up()
            await asyncio.sleep(ASK_EVERY)

    async def close(self) -> None:
        """Stops asking and disconnects."""
        tasks = [task for task in (self._poller, self._asking, self._next) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._disconnect()


def _look_at_its_failure(asking: "asyncio.Task[None]") -> None:
    """Keeps asyncio from reporting a failure for which everybody had given up waiting."""
    if not asking.cancelled():
        asking.exception()
