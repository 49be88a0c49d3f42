"""``python -m benchmarks.sockets [--seconds N] [--rounds N]``: one listening socket, or one each.

How evenly workers share connections and how fast they answer, with one socket for all
("shared") or a socket each ("own", SO_REUSEPORT), in turn; and what becomes of connections that
are made while a worker is stopped, when it goes on or is killed.
"""

import argparse
import asyncio
import json
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from benchmarks.callers import Caller
from benchmarks.pinning import Cores, choose_cores
from benchmarks.servers import HOST, Server
from benchmarks.wrk import Target, find_wrk, run_wrk

KINDS = ("shared", "own")
WORKERS = 4
CONNECTIONS = (64, 1000)
CALLERS = 200
PATIENCE = 10.0
REQUEST = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
COLUMNS = "{:8}{:>13}{:>26}{:>12}{:>9}{:>9}{:>9}"


class Fate(msgspec.Struct):
    """What became of connections that were made while a worker stood still."""

    at_once: int = 0
    late: int = 0
    lost: int = 0


@contextmanager
def serving(kind: str, core: int | None) -> Iterator[tuple[Server, Target]]:
    """Four workers, and a request for a token."""
    with tempfile.TemporaryDirectory(prefix="grantory-bench-") as name:
        data = Path(name) / "data"
        arguments = ["-m", "benchmarks.socket_server", "{port}", kind, str(data), str(WORKERS)]
        with Server(kind, arguments, Path(name), core) as server:
            first = json.loads((data / "first-start.json").read_text("utf-8"))
            yield server, Caller(server.url, first["client"]).token_request


def workers_of(server: Server) -> list[int]:
    return server.process_ids()[1:]


def connections_of(server: Server) -> list[int]:
    """How many connections each worker holds, the fewest first."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    open_ones = {
        f"socket:[{row[9]}]"
        for row in rows
        if row[3] == "01" and int(row[1].partition(":")[2], 16) == server.port
    }
    held = []
    for worker in workers_of(server):
        links = set()
        for file in Path(f"/proc/{worker}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                links.add(os.readlink(file))
        held.append(len(open_ones & links))
    return sorted(held)


def evenness(wrk: str, kind: str, seconds: int, cores: Cores) -> None:
    for connections in CONNECTIONS:
        with serving(kind, cores.server) as (server, target), ThreadPoolExecutor(1) as threads:
            load = threads.submit(run_wrk, wrk, target, seconds, connections, cores.load)
            time.sleep(seconds / 2)
            held = connections_of(server)
            sample = load.result()
        print(
            COLUMNS.format(
                *(kind, connections, " ".join(map(str, held)), f"{sample.rate:,.0f}"),
                *(f"{sample.p50:.1f}", f"{sample.p99:.1f}", sample.errors),
            ),
            flush=True,
        )


async def _call(port: int, fate: Fate) -> None:
    started = time.monotonic()
    writer = None
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(REQUEST)
            answered = (await reader.read()).startswith(b"HTTP/1.1 200")
    except (OSError, TimeoutError):
        answered = False
    if not answered:
        fate.lost += 1
    elif time.monotonic() - started < 1:
        fate.at_once += 1
    else:
        fate.late += 1
    if writer is not None:
        writer.close()


async def _fate(server: Server, then: signal.Signals) -> Fate:
    fate = Fate()
    worker = workers_of(server)[0]
    os.kill(worker, signal.SIGSTOP)
    calls = [asyncio.create_task(_call(server.port, fate)) for _ in range(CALLERS)]
    await asyncio.sleep(2)
    os.kill(worker, then)
    await asyncio.gather(*calls)
    return fate


def fates(kind: str, cores: Cores) -> None:
    for then in (signal.SIGCONT, signal.SIGKILL):
        with serving(kind, cores.server) as (server, _):
            fate = asyncio.run(_fate(server, then))
        what = "goes on" if then == signal.SIGCONT else "is killed"
        print(
            f"{kind:8}of {CALLERS} made while a worker stood still for 2 s, which then {what}: "
            f"{fate.at_once} answered at once, {fate.late} late, {fate.lost} lost",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sockets", description=__doc__)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    wrk, cores = find_wrk(), choose_cores()
    columns = ("", "connections", "of the workers", "requests/s", "p50 ms", "p99 ms", "refused")
    print(COLUMNS.format(*columns))
    for _ in range(arguments.rounds):
        for kind in KINDS:
            evenness(wrk, kind, arguments.seconds, cores)
    for kind in KINDS:
        fates(kind, cores)


if __name__ == "__main__":
    main()
