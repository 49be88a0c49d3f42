"""What a million clients cost: each operation on a large store against a small one.

``python -m benchmarks scale [--quick] [--clients N] [--kind sqlite] [--folder F] [--json FILE]``
fills both stores by ``grantory dev seed``, serves them, and prints a table: median and p99 of each
work in milliseconds, and what must be reached. It ends with 1 where a figure misses that. With
``--folder`` the SQLite stores stay there, and are taken as they are the next time.
"""

import argparse
import json
import random
import statistics
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.goals import Goal
from benchmarks.pinning import choose_cores
from benchmarks.scale_scene import CLIENTS, FEW, KINDS, Caller, Sites
from benchmarks.servers import Server

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
SLOW_SECONDS: Final = 20
SLOW_PAUSE: Final = 0.1
WARM_UP: Final = 3
LOOK_EVERY: Final = 0.1
Ask = Callable[[], tuple[float, bytes]]


class Line(msgspec.Struct, frozen=True):
    """One figure and its goal."""

    kind: str
    what: str
    before: str
    after: str
    value: float
    unit: str
    goal: Goal

    @property
    def reached(self) -> str:
        """Which goal was reached."""
        return self.goal.reached_from_above(self.value)


def main() -> int:
    """Measures and reports; returns 1 where a figure misses what it must reach."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="20,000 clients, and 40 samples of each work in place of 200",
    )
    parser.add_argument("--clients", type=int, default=0, help="of the large store (1,000,000)")
    parser.add_argument(
        "--kind", choices=sorted(KINDS), action="append", help="one database only; may be repeated"
    )
    parser.add_argument("--folder", type=Path, help="where SQLite stores are kept, and found again")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    count = arguments.clients or (20_000 if arguments.quick else 1_000_000)
    times = 40 if arguments.quick else 200
    lines: list[Line] = []
    print(f"{count:,} clients against {FEW}; {times} samples, median/p99 in ms", flush=True)
    for kind in arguments.kind or sorted(KINDS):
        with (
            _folder(arguments.folder) as folder,
            KINDS[kind](folder, count, choose_cores().server) as sites,
        ):
            print(f"{kind} was filled in {sites.seconds:.0f} s", flush=True)
            for line in _measured(kind, sites, count, times):
                print(_text(line), flush=True)
                lines.append(line)
    if arguments.json:
        document = {"clients": count, "samples": times, "lines": lines}
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(document)))
    return int(any(line.reached == "no" for line in lines))


@contextmanager
def _folder(wanted: Path | None) -> Iterator[Path]:
    if wanted is not None:
        wanted.mkdir(parents=True, exist_ok=True)
        yield wanted
        return
    with tempfile.TemporaryDirectory(prefix="grantory-scale-") as name:
        yield Path(name)


def _measured(kind: str, sites: Sites, count: int, times: int) -> Iterator[Line]:
    few, many, _ = sites
    deep = max(2, count * 975 // 1000 // PAGE)

    def pages(what: str, far: int = deep, **query: object) -> Line:
        def page(number: int) -> Ask:
            return lambda: many.get(CLIENTS, pageSize=PAGE, pageNumber=number, **query)

        return _against(kind, f"{what}: page {far:,} against 1", page(1), page(far), times, PAGES)

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
    for what, ask in _on_both():
        yield _against(kind, what, ask(few), ask(many), times, SIZES)
    yield from _searches(kind, many, times)
    for what, whole in FULL_LISTS.items():
        yield _growth(kind, many, what, whole)
    slow = [many.another() for _ in range(SLOW_READERS)]
    for what, whole in FULL_LISTS.items():
        yield _slow_growth(kind, slow, what, whole)


def _on_both() -> tuple[tuple[str, Callable[[Caller], Ask]], ...]:
    return (
        ("token", lambda caller: caller.token),
        ("read one", lambda caller: lambda: caller.get(f"{CLIENTS}/{caller.client_id}")),
        ("total", lambda caller: lambda: caller.get(CLIENTS, pageSize=1)),
        ("create", lambda caller: caller.create),
    )


def _against(kind: str, what: str, one: Ask, other: Ask, times: int, goal: Goal) -> Line:
    """Asks in turns, so that whatever disturbs the machine disturbs both."""
    for _ in range(WARM_UP):
        one()
        other()
    pairs = [(one()[0], other()[0]) for _ in range(times)]
    before, after = (sorted(samples) for samples in zip(*pairs, strict=True))
    ratio = statistics.median(after) / statistics.median(before)
    return Line(kind, what, _both(before), _both(after), round(ratio, 2), "x", goal)


def _searches(kind: str, many: Caller, times: int) -> Iterator[Line]:
    """Parts of names that are there: pieces of numbers, rare words, and words that many have."""
    chance = random.Random(6)
    numbers = [f"{chance.randrange(10**7):07d}" for _ in range(times)]
    most = json.loads(many.get(CLIENTS, pageSize=1)[1])["total"]
    for what, parts in (
        ("3 digits", [number[:3] for number in numbers]),
        ("5 digits", [number[:5] for number in numbers]),
        ("a word and digits", [f"Zürich {number[:2]}" for number in numbers]),
        ("what is nowhere", [f"x{number[:4]}y" for number in numbers]),
        ("a word of many", [chance.choice(("billing", "export", "tokyo")) for _ in numbers]),
        ("2 letters", [chance.choice(("bi", "ex", "to")) for _ in numbers]),
    ):
        taken = sorted(many.get(CLIENTS, pageSize=PAGE, name=part)[0] for part in parts)
        hits = json.loads(many.get(CLIENTS, pageSize=1, name=parts[0])[1])["total"]
        title = f"search for {what} ({hits:,} of {most:,})"
        yield Line(kind, title, "", _both(taken), round(_percentile(taken, 99), 1), "ms", SEARCH_MS)


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
        round(memory.most - memory.first, 1),
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


def _both(ordered: Sequence[float]) -> str:
    return f"{statistics.median(ordered):.2f}/{_percentile(ordered, 99):.2f}"


def _text(line: Line) -> str:
    goals = f"must {line.goal.must:g}, aim {line.goal.aim:g}: {line.reached}"
    return (
        f"{line.kind:10}  {line.what:58}  {line.before:>13}  {line.after:>13}"
        f"  {line.value:8g} {line.unit:2}  {goals}"
    )


if __name__ == "__main__":
    sys.exit(main())
