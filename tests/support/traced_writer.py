"""A writer of the embedded store that a test looks at and holds up."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import apsw

from grantory.storage.room import Room
from grantory.storage.sql.transaction import SqlTransaction
from grantory.storage.sqlite.connection import connect
from grantory.storage.sqlite.writer import LARGEST_BATCH, Writer
from tests.support.runtime import FakeClock

MOST_WAITING = 2 * LARGEST_BATCH + 2


class Traced:
    """A writer with a list of what its connection was told to do."""

    def __init__(self, file: Path, batch_seconds: float) -> None:
        self.connection = connect(file, 5000)
        self.said: list[str] = []
        self.connection.trace_v2(apsw.SQLITE_TRACE_STMT, self._note)
        self.writer = Writer(
            self.connection, FakeClock(), None, Room(MOST_WAITING, MOST_WAITING), batch_seconds
        )

    def _note(self, event: dict[str, object]) -> None:
        self.said.append(str(event["sql"]).split()[0].upper())

    async def write(self, work: Callable[[SqlTransaction], object]) -> object:
        return await self.writer.write(work)


class Gate:
    """A write that holds the writer up until it is let go."""

    def __init__(self) -> None:
        self.inside = threading.Event()
        self.go_on = threading.Event()

    def work(self, _transaction: object) -> None:
        self.inside.set()
        assert self.go_on.wait(20)


async def batch_with(traced: Traced, *works: Callable[[SqlTransaction], object]) -> list[object]:
    """Run works in one batch, whose order is theirs."""
    gate = Gate()
    first = asyncio.create_task(traced.write(gate.work))
    await asyncio.to_thread(gate.inside.wait, 10)
    rest = [asyncio.create_task(traced.write(work)) for work in works]
    await asyncio.sleep(0)
    gate.go_on.set()
    await first
    return list(await asyncio.gather(*rest, return_exceptions=True))
