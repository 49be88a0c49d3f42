"""What a million clients cost: each operation on a large store against a small one.

``python -m benchmarks scale [--quick] [--fill] [--clients N] [--kind sqlite] [--folder F]
[--json FILE] [--publish]`` fills both stores by ``grantory dev seed``, serves them, and prints a
table: median and p99 of each work in milliseconds, and what must be reached. Large stores stay in
the folder, and the next run measures a copy of them. It ends with 3 where a figure misses what it
must, in a run that nothing disturbed.
"""

import argparse
import datetime
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks import publish, scale_report
from benchmarks.disturbance import others, usage_now
from benchmarks.goals import Goal
from benchmarks.machine import look_around
from benchmarks.peers.works import BENCH
from benchmarks.pinning import choose_cores
from benchmarks.report import CALM
from benchmarks.scale_report import Line, number
from benchmarks.scale_scene import CLIENTS, FEW, KINDS, Caller, Sites
from benchmarks.servers import Server
from benchmarks.speed import MISSED, RESULTS

KEPT: Final = BENCH / "scale"
PAIRS: Final = 10
"""A round is so many requests to each store in turn; its ratio is that of their medians."""
MORE_PAIRS: Final = 20
"""Of creates, which wait for the disk."""
PAGE: Final = 25
PAGES: Final = Goal(1.5, 1.0)
SIZES: Final = Goal(1.2, 1.0)
SEARCH_MS: Final = Goal(50, 25)
GROWTH_MB: Final = Goal(20, 5)
SORTS: Final = ("name", "dateCreated", "dateModified", "id")
FULL_LISTS: Final[dict[str, dict[str, str]]] = {
    "as it is": {},
    "by name": {"sortBy": "name"},
    "by dateModified, active": {"sortBy": "dateModified", "state": "active"},
}
"""The first goes by the clients themselves, the others by their lists."""
SLOW_READERS: Final = 4
"""As many as an organisation may have."""
SLOW_SECONDS: Final = 10
SLOW_PAUSE: Final = 0.1
WARM_UP: Final = 3
LOOK_EVERY: Final = 0.1
Ask = Callable[[], tuple[float, bytes]]


def main() -> int:
    """Measures and reports."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="20,000 clients in a store that is not kept, and 40 samples of each work, not 200",
    )
    parser.add_argument("--fill", action="store_true", help="fill the stores, and measure nothing")
    parser.add_argument("--clients", type=int, default=0, help="of the large store (1,000,000)")
    parser.add_argument(
        "--kind", choices=sorted(KINDS), action="append", help="one database only; may be repeated"
    )
    parser.add_argument("--folder", type=Path, help="where large stores are kept, and found again")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--publish", action="store_true", help="put the figures into docs/")
    arguments = parser.parse_args()
    count = arguments.clients or (20_000 if arguments.quick else 1_000_000)
    rounds = 4 if arguments.quick else 20
    folder = arguments.folder or (None if arguments.quick else KEPT)
    lines: list[Line] = []
    filling: dict[str, float] = {}
    usage, started = usage_now(()), time.monotonic()
    for kind in arguments.kind or sorted(KINDS):
        with (
            _folder(folder) as kept,
            KINDS[kind](kept, count, choose_cores().server) as sites,
        ):
            filling[kind] = sites.seconds
            print(f"{kind}: filling took {sites.seconds:.0f} s", flush=True)
            for line in () if arguments.fill else _measured(kind, sites, count, rounds):
                figure = number(line.figure.median)
                print(f"{kind}: {line.what}: {figure} {line.unit}: {line.reached}", flush=True)
                lines.append(line)
    if arguments.fill:
        return 0
    # Servers that have ended are children of this program that have ended: they are ours.
    disturbed = others(usage, usage_now(()), time.monotonic() - started, os.cpu_count() or 1)
    run = scale_report.Run(
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        machine=look_around(),
        few=FEW,
        clients=count,
        samples=rounds * PAIRS,
        filling=filling,
        lines=tuple(lines),
        others=disturbed,
    )
    print(f"\n{scale_report.as_text(run)}")
    RESULTS.mkdir(parents=True, exist_ok=True)
    for file in (RESULTS / "scale.json", arguments.json):
        if file is not None:
            file.write_bytes(scale_report.as_json(run))
    if arguments.publish:
        publish.scale(run)
    return MISSED if scale_report.missed(run) and disturbed <= CALM else 0


@contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    if wanted is not None:
        wanted.mkdir(parents=True, exist_ok=True)
        yield wanted
        return
    with tempfile.TemporaryDirectory(prefix="grantory-scale-") as name:
        yield Path(name)


def _measured(kind: str, sites: Sites, count: int, rounds: int) -> Iterator[Line]:
    few, many, _ = sites
    deep = max(2, count * 975 // 1000 // PAGE)

    def pages(what: str, far: int = deep, **query: object) -> Line:
        def page(number: int) -> Ask:
            return lambda: many.get(CLIENTS, pageSize=PAGE, pageNumber=number, **query)

        return _against(kind, f"{what}: page {far:,} against 1", page(1), page(far), rounds, PAGES)

    yield pages("list")
    for sort in SORTS:
        for order in ("ASC", "DESC"):
            yield pages(f"by {sort} {order}", sortBy=sort, sortOrder=order)
    for query in (
        {"state": "inactive"},
        {"authorizedGrantType": "CODE"},
        {"authorizedGrantType": "CODE", "state": "active", "sortBy": "name"},
    ):
        found = json.loads(many.get(CLIENTS, pageSize=PAGE, **query)[1])
        yield pages("&".join(query.values()), found["pageCount"], **query)
    for what, ask, pairs in _on_both():
        yield _against(kind, what, ask(few), ask(many), rounds, SIZES, pairs)
    yield from _searches(kind, many, rounds * PAIRS)
    for what, whole in FULL_LISTS.items():
        yield _growth(kind, many, what, whole)
    slow = [many.another() for _ in range(SLOW_READERS)]
    for what, whole in FULL_LISTS.items():
        yield _slow_growth(kind, slow, what, whole)


def _on_both() -> tuple[tuple[str, Callable[[Caller], Ask], int], ...]:
    return (
        ("token", lambda caller: caller.token, PAIRS),
        ("read one", lambda caller: lambda: caller.get(f"{CLIENTS}/{caller.client_id}"), PAIRS),
        ("total", lambda caller: lambda: caller.get(CLIENTS, pageSize=1), PAIRS),
        ("create", lambda caller: caller.create, MORE_PAIRS),
    )


def _against(
    kind: str, what: str, one: Ask, other: Ask, rounds: int, goal: Goal, pairs: int = PAIRS
) -> Line:
    """Asks in turns, so that whatever disturbs the machine disturbs both."""
    for _ in range(WARM_UP):
        one()
        other()
    before: list[float] = []
    after: list[float] = []
    ratios: list[float] = []
    for _ in range(rounds):
        found = [(one()[0], other()[0]) for _ in range(pairs)]
        firsts, seconds = zip(*found, strict=True)
        before += firsts
        after += seconds
        ratios.append(round(statistics.median(seconds) / statistics.median(firsts), 3))
    return Line(kind, what, _both(before), _both(after), tuple(ratios), "x", goal)


def _searches(kind: str, many: Caller, times: int) -> Iterator[Line]:
    """Parts of names that are there: pieces of numbers, rare words, and words that many have."""
    chance = random.Random(6)
    numbers = [f"{chance.randrange(10**7):07d}" for _ in range(times)]
    most = json.loads(many.get(CLIENTS, pageSize=1)[1])["total"]
    for what, parts in (
        ("3 digits", [digits[:3] for digits in numbers]),
        ("5 digits", [digits[:5] for digits in numbers]),
        ("a word and digits", [f"Zürich {digits[:2]}" for digits in numbers]),
        ("what is nowhere", [f"x{digits[:4]}y" for digits in numbers]),
        ("a word of many", [chance.choice(("billing", "export", "tokyo")) for _ in numbers]),
        ("2 letters", [chance.choice(("bi", "ex", "to")) for _ in numbers]),
    ):
        taken = sorted(many.get(CLIENTS, pageSize=PAGE, name=part)[0] for part in parts)
        hits = json.loads(many.get(CLIENTS, pageSize=1, name=parts[0])[1])["total"]
        title = f"search for {what} ({hits:,} of {most:,})"
        slow = round(_percentile(taken, 99), 1)
        yield Line(kind, title, "", _both(taken), (slow,), "ms p99", SEARCH_MS)


def _growth(kind: str, many: Caller, what: str, query: dict[str, str]) -> Line:
    many.get(CLIENTS, pageSize=500, **query)
    with _Memory(many.server) as memory:
        seconds, size = many.read_all(**query)
    return _grown(
        kind, f"full list {what}, {size / 1e6:,.0f} MB in {seconds:.0f} s: memory", memory
    )


def _grown(kind: str, what: str, memory: "_Memory") -> Line:
    return Line(
        kind,
        what,
        f"{memory.first:.0f} MB",
        f"{memory.most:.0f} MB",
        (round(memory.most - memory.first, 1),),
        "MB",
        GROWTH_MB,
    )


def _slow_growth(kind: str, slow: list[Caller], what: str, query: dict[str, str]) -> Line:
    """Of several at once, whose parts wait for them in the server."""

    def read(caller: Caller) -> int:
        return caller.read_slowly(SLOW_SECONDS, SLOW_PAUSE, **query)

    slow[0].get(CLIENTS, pageSize=500, **query)
    with _Memory(slow[0].server) as memory, ThreadPoolExecutor(len(slow)) as pool:
        size = sum(pool.map(read, slow))
    title = f"{len(slow)} slow readers of it {what}, {size / 1e6:,.0f} MB: memory"
    return _grown(kind, title, memory)


class _Memory:
    """Looks at a server's memory all the while."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.first = self.most = server.memory()

    def __enter__(self) -> "_Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_EVERY):
            self.most = max(self.most, self._server.memory())


def _percentile(ordered: Sequence[float], percent: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def _both(samples: Sequence[float]) -> str:
    ordered = sorted(samples)
    return f"{statistics.median(ordered):.2f}/{_percentile(ordered, 99):.2f}"


if __name__ == "__main__":
    sys.exit(main())
