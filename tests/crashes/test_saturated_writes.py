"""No write waits longer than a second while four workers have all to write that they can."""

import asyncio
import time
from contextlib import suppress
from typing import NamedTuple

import pytest

from tests.crashes.load import Load
from tests.crashes.test_full_disk import large_client
from tests.crashes.test_killed_workers import QUIET, WORKERS, assert_whole
from tests.support.processes import api_question
from tests.support.server import HOST, RunningServer
from tests.support.soak import rounds

CONNECTIONS = 64
LONGEST = 1.0
PAUSE = 0.02
"""Seconds before somebody who was refused asks again."""


class Tried(NamedTuple):
    """One create: its answer, and how long that took."""

    status: int
    seconds: float


async def write_on(port: int, request: bytes, until: float) -> list[Tried]:
    """Ask for one create after the other on one connection."""
    tried = []
    reader, writer = await asyncio.open_connection(HOST, port)
    while time.monotonic() < until:
        began = time.monotonic()
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        await reader.readexactly(int(head.partition("content-length:")[2].split("\r\n")[0]))
        tried.append(Tried(int(head.split()[1]), time.monotonic() - began))
        if tried[-1].status == 503:
            await asyncio.sleep(PAUSE)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return tried


async def saturate(port: int, request: bytes, seconds: float) -> list[Tried]:
    """Ask on all connections at once."""
    until = time.monotonic() + seconds
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(write_on(port, request, until)) for _ in range(CONNECTIONS)]
    return [one for task in tasks for one in task.result()]


@pytest.mark.slow
@pytest.mark.timeout(rounds(120, 1200))
async def test_no_write_waits_longer_than_a_second_with_four_workers_saturating_sqlite() -> None:
    seconds = rounds(4, 300)
    with RunningServer("--workers", str(WORKERS), environment=QUIET) as server:
        load = Load(server)
        document = large_client(load)
        request = api_question(load.admin, "POST", "/api/v2/oauth/clients", document).encoded()
        tried = await saturate(server.port, request, seconds)
        created = sorted(one.seconds for one in tried if one.status == 200)
        print(
            f"{len(created) / seconds:.0f} creates a second, {len(tried) - len(created)} refused; "
            f"median {created[len(created) // 2]:.3f} s, longest {created[-1]:.3f} s"
        )
        assert {one.status for one in tried} <= {200, 503}
        assert len(created) > 20 * seconds, "too few to say anything"
        assert max(one.seconds for one in tried) < LONGEST
        assert_whole(server)
