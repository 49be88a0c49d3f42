"""What a deny-list full of tokens costs those that check bearer tokens."""

import asyncio
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import asyncpg

from benchmarks.callers import CLIENTS, Caller
from benchmarks.capacity_report import Figure, Part
from benchmarks.goals import DENY_LIST_SLOWER, MEMORY_LOADED_MB
from benchmarks.loading import Loader, load
from benchmarks.servers import Server
from benchmarks.site import Site, new_site
from benchmarks.wrk import Target
from grantory.node import DATABASE_FILE
from grantory.storage.sql.tables import denied_tokens
from grantory.storage.sqlite.connection import WRITER_WAIT_MS, connect

GOOD_FOR_SECONDS = 86_400
TOKENS = 2_000
"""So many are used in turn: they belong to most parts of the list, each of which is loaded."""
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
        # As autovacuum leaves a table to which so many rows came over hours.
        await connection.execute(f"VACUUM ANALYZE {denied_tokens.name}")
    finally:
        await connection.close()


def _reads(caller: Caller, server: Server, file: Path) -> Target:
    """The request for a client, with each of many tokens in turn."""
    file.touch(mode=0o600)
    with file.open("w", encoding="ascii") as lines:
        lines.writelines(f"{bearer}\n" for bearer in caller.bearers(TOKENS))
    return Target(url=f"{server.url}{CLIENTS}/{caller.id}", authorizations=file)


def denied(loader: Loader, store: str, count: int) -> Part:
    """Reads a client by tokens that are good, beside a store where none was ended, in turn."""
    with ExitStack() as stack:
        empty, full = (stack.enter_context(new_site(store, loader.cores)) for _ in range(2))
        fill(full, count)
        servers = [
            stack.enter_context(site.server(loader.cores.server, name=name))
            for site, name in ((empty, "none-ended"), (full, "many-ended"))
        ]
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="grantory-bench-")))
        targets = [
            _reads(site.caller(server), server, folder / f"{server.name}.txt")
            for site, server in zip((empty, full), servers, strict=True)
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
            Figure(f"{name}, in the first {loader.seconds} s", tuple(ratios[:1]), "times"),
            Figure(f"{name}, p99", tuple(p99), "ms"),
            Figure(f"{store}: memory with them", (memory[1],), "MB PSS", MEMORY_LOADED_MB),
            Figure(f"{store}: memory without", (memory[0],), "MB PSS"),
        ),
    )
