"""What a deny-list full of tokens costs those that check bearer tokens."""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack

import asyncpg

from benchmarks.callers import CLIENTS
from benchmarks.capacity_report import Figure, Part
from benchmarks.goals import DENY_LIST_SLOWER, MEMORY_LOADED_MB
from benchmarks.loading import Loader, load
from benchmarks.site import Site, new_site
from benchmarks.wrk import Target
from grantory.node import DATABASE_FILE
from grantory.storage.sql.tables import denied_tokens
from grantory.storage.sqlite.connection import WRITER_WAIT_MS, connect

GOOD_FOR_SECONDS = 86_400
Row = tuple[bytes, str, int]


def rows(count: int, organization_id: str, now: int) -> Iterator[Row]:
    """Ended tokens that would be good for another day: drawn, and the same in every run."""
    draw = random.Random(1)
    for _ in range(count):
        yield draw.randbytes(16), organization_id, now + GOOD_FOR_SECONDS


def fill(site: Site, count: int) -> None:
    """Puts ended tokens into a store that nobody serves yet, past its rules: much faster."""
    made = rows(count, site.first["organization"]["id"], int(time.time()))
    names = [column.name for column in denied_tokens.c]
    if site.settings.database_url:
        asyncio.run(_copy(site.settings.database_url, names, made))
        return
    database = connect(site.settings.data_dir / DATABASE_FILE, WRITER_WAIT_MS)
    marks = ", ".join("?" * len(names))
    with database:
        database.executemany(
            f"INSERT INTO {denied_tokens.name} ({', '.join(names)}) VALUES ({marks})", made
        )
    database.close()


async def _copy(url: str, names: list[str], made: Iterator[Row]) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.copy_records_to_table(denied_tokens.name, records=made, columns=names)
        await connection.execute(f"ANALYZE {denied_tokens.name}")
    finally:
        await connection.close()


def denied(loader: Loader, store: str, count: int) -> Part:
    """Reads a client by a token that is good, beside a store where none was ended, in turn."""
    with ExitStack() as stack:
        empty, full = (stack.enter_context(new_site(store, loader.cores)) for _ in range(2))
        fill(full, count)
        servers = [
            stack.enter_context(site.server(loader.cores.server, name=name))
            for site, name in ((empty, "none-ended"), (full, "many-ended"))
        ]
        callers = [site.caller(server) for site, server in zip((empty, full), servers, strict=True)]
        targets = [
            Target(url=f"{server.url}{CLIENTS}/{caller.id}", authorization=caller.bearer)
            for server, caller in zip(servers, callers, strict=True)
        ]
        ratios, p99 = [], []
        for _ in range(loader.rounds):
            before, after = (
                load(loader, server, target)
                for server, target in zip(servers, targets, strict=True)
            )
            ratios.append(before.sample.rate / after.sample.rate)
            p99.append(after.sample.p99)
        memory = [server.memory() for server in servers]
    name = f"{store}: bearer checks beside {count:,} ended tokens"
    return Part(
        f"The deny-list, {store}",
        (
            Figure(f"{name}, times slower", tuple(ratios), "times", DENY_LIST_SLOWER),
            Figure(f"{name}, p99", tuple(p99), "ms"),
            Figure(f"{store}: memory with them", (memory[1],), "MB PSS", MEMORY_LOADED_MB),
            Figure(f"{store}: memory without", (memory[0],), "MB PSS"),
        ),
    )
