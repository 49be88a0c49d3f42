"""``python -m benchmarks simulation``: how many nodes a load takes, and where it jams first.

A model of queues: requests come by chance (Poisson), a balancer gives each to some worker of some
node, which serves one after the other; what needs the database waits there for one of its cores.
What every node must hear of (a revocation, a changed client, an ended family) waits besides for the
one row that numbers changes, which each holds until its commit is on disk. Service times are those
that the capacity run has measured, drawn around their mean. The same seed draws the same.
"""

import heapq
import math
import random
import sys
from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import msgspec

from benchmarks import capacity_report
from benchmarks.capacity_store import COLD
from benchmarks.columns import aligned
from benchmarks.servers import ROOT
from grantory.storage.hot_reads import MOST_ENTRIES

CLIENTS = 10_000_000
TOKENS = 100_000.0
REVOCATIONS = (150.0, 300.0)
"""A second: about half of what one row can take, and nearly all."""
ENOUGH = 0.6
"""So busy a worker or the database may be: beyond it the slowest wait long."""
WORKERS_PER_NODE = 8
ROUND_TRIP = 0.0005
"""Seconds to the database and back, besides what it works."""
COMMIT = 0.002
"""Seconds until a change is on disk, besides what it works."""
NUMBERED = 2 * ROUND_TRIP + COMMIT
"""So long a change holds the row that numbers changes: its number goes back to the node, which
sends what was changed, hears of it, and sends COMMIT; the row is free once that is on disk."""
ASKS_PER_SECOND = 4
"""So often each worker asks the database what has changed."""
ASKING = 100e-6
"""Seconds that the database takes for that: assumed, as much as for any short look-up."""
FIGURES = ROOT / "docs" / "measured" / "capacity.json"
SAMPLE = 80_000
SEED = 1


class Cost(msgspec.Struct, frozen=True):
    """Seconds of processor time for one request."""

    worker: float
    database: float = 0.0
    writes: bool = False
    numbered: bool = False
    """Whether it takes a change number (``storage/change_feed.py``): such come one by one."""


Costs = dict[str, Cost]
"""By kind of work: token, cold token, refresh, create, revocation."""


class Demand(msgspec.Struct, frozen=True):
    """What is asked for: requests per second of each kind."""

    name: str
    rates: dict[str, float]


class Arrival(NamedTuple):
    """A request on its way to the database."""

    arrived: float
    began: float
    service: float
    writes: bool
    numbered: bool


class Plan(msgspec.Struct, frozen=True):
    """What serves it."""

    nodes: int
    workers: int
    database_cores: int


class Outcome(msgspec.Struct, frozen=True):
    """How that goes; latencies in milliseconds."""

    demand: Demand
    plan: Plan
    worker_busy: float
    database_busy: float
    numbers_busy: float
    """How much of the time the row that numbers changes is held."""
    p50: float
    p99: float

    @property
    def jams_first(self) -> str:
        """What has the least to spare."""
        busy = {
            "workers": self.worker_busy,
            "database": self.database_busy,
            "change numbers": self.numbers_busy,
        }
        return max(busy, key=lambda name: busy[name])


def costs_of(run: capacity_report.Run) -> Costs:
    """Reads the service times out of a capacity run on PostgreSQL.

    Raises:
        LookupError: where the run has not measured them.
    """

    def cost(work: str, *, writes: bool = False) -> Cost:
        title = f"PostgreSQL: processor time of a {work}"
        found = [run.figure(title), run.figure(f"{title} in the database")]
        worker, database = (figure.median / 1e6 if figure else math.nan for figure in found)
        if math.isnan(worker + database):
            raise LookupError(f"the run has not measured the {title}")
        return Cost(worker, database, writes)

    return {
        # What the database does for a warm token is the asking for changes: counted by itself.
        "token": Cost(cost("token").worker),
        "cold token": cost(COLD),
        "refresh": cost("refresh", writes=True),
        "create": cost("create", writes=True),
        # A row and a change number: taken to cost what a refresh does, which is measured.
        "revocation": msgspec.structs.replace(cost("refresh", writes=True), numbered=True),
    }


def demands() -> Iterator[Demand]:
    """The loads of the documents: 100,000 tokens a second, by whom they are asked for."""
    for name, cold in (
        ("tokens all from 50,000 clients", 0.0),
        ("tokens by Zipf from 10 million", cold_share(CLIENTS, MOST_ENTRIES)),
        ("tokens evenly from 10 million", 1 - MOST_ENTRIES / CLIENTS),
    ):
        rates = {"token": TOKENS * (1 - cold), "cold token": TOKENS * cold}
        others = {"refresh": TOKENS * 0.02, "create": 20.0}
        yield Demand(name, {**rates, **others, "revocation": 20.0})
    for rate in REVOCATIONS:
        yield Demand("revocations alone", {"revocation": rate})


def cold_share(clients: int, remembered: int) -> float:
    """The share of requests from clients that are not in memory.

    The n-th busiest client is taken to ask a n-th as often as the busiest (Zipf), and a memory to
    hold the busiest, which is a little better than it does.
    """
    return 1 - _harmonic(remembered) / _harmonic(clients)


def _harmonic(n: int) -> float:
    return math.log(n) + 0.5772156649 + 1 / (2 * n)


def planned(demand: Demand, costs: Costs) -> Plan:
    """The least that keeps workers and database busy no more than enough."""
    working = sum(rate * costs[kind].worker for kind, rate in demand.rates.items())
    nodes = math.ceil(working / ENOUGH / WORKERS_PER_NODE)
    database = math.ceil(_database_work(demand, costs, nodes * WORKERS_PER_NODE) / ENOUGH)
    return Plan(nodes, WORKERS_PER_NODE, max(1, database))


def _database_work(demand: Demand, costs: Costs, workers: int) -> float:
    work = sum(rate * costs[kind].database for kind, rate in demand.rates.items())
    return work + workers * ASKS_PER_SECOND * ASKING


def simulate(
    demand: Demand, costs: Costs, plan: Plan, requests: int = SAMPLE, seed: int = SEED
) -> Outcome:
    """Lets requests come, and looks how long each takes."""
    draw = random.Random(seed)
    kinds = list(demand.rates)
    bounds = list(accumulate(demand.rates.values()))
    workers = [0.0] * (plan.nodes * plan.workers)
    busy, now = 0.0, 0.0
    took: list[float] = []
    onward: list[Arrival] = []
    for _ in range(requests):
        now += draw.expovariate(bounds[-1])
        cost = costs[kinds[bisect(bounds, draw.random() * bounds[-1])]]
        worker = draw.randrange(len(workers))
        service = _drawn(draw, cost.worker)
        workers[worker] = max(workers[worker], now) + service
        busy += service
        if cost.database:
            drawn = _drawn(draw, cost.database)
            onward.append(Arrival(workers[worker], now, drawn, cost.writes, cost.numbered))
        else:
            took.append(workers[worker] - now)
    database_busy = _at_the_database(onward, plan.database_cores, took)
    numbered = sum(rate for kind, rate in demand.rates.items() if costs[kind].numbered)
    asking = plan.nodes * plan.workers * ASKS_PER_SECOND * ASKING / plan.database_cores
    took.sort()
    return Outcome(
        demand,
        plan,
        worker_busy=busy / now / len(workers),
        database_busy=database_busy / now / plan.database_cores + asking,
        numbers_busy=numbered * NUMBERED,
        p50=took[len(took) // 2] * 1000,
        p99=took[int(len(took) * 0.99)] * 1000,
    )


def _at_the_database(arrivals: list[Arrival], cores: int, took: list[float]) -> float:
    free = [0.0] * cores
    busy = 0.0
    numbered: list[tuple[float, float]] = []
    for arrived, began, service, writes, takes_number in sorted(arrivals):
        end = max(heapq.heappop(free), arrived + ROUND_TRIP / 2) + service
        heapq.heappush(free, end)
        busy += service
        if takes_number:
            numbered.append((end, began))
        else:
            took.append(end + ROUND_TRIP / 2 + COMMIT * writes - began)
    row_free = 0.0
    for asked, began in sorted(numbered):
        row_free = max(row_free, asked) + NUMBERED
        took.append(row_free + ROUND_TRIP / 2 - began)
    return busy


def _drawn(draw: random.Random, mean: float) -> float:
    """Half of it always, the rest by chance."""
    return mean * (0.5 + 0.5 * draw.expovariate(1.0))


def plans(costs: Costs) -> list[Outcome]:
    """Plans and simulates each load; besides with two thirds of the nodes, to show the jam."""
    found = []
    for demand in demands():
        plan = planned(demand, costs)
        found.append(simulate(demand, costs, plan))
        fewer = msgspec.structs.replace(plan, nodes=max(1, plan.nodes * 2 // 3))
        if fewer != plan:
            found.append(simulate(demand, costs, fewer))
    return found


def as_text(outcomes: list[Outcome]) -> str:
    """Writes a table."""
    rows = [
        (
            f"{sum(outcome.demand.rates.values()):,.0f} a second, {outcome.demand.name}",
            str(outcome.plan.nodes),
            str(outcome.plan.nodes * outcome.plan.workers),
            f"{outcome.worker_busy:.0%}",
            str(outcome.plan.database_cores),
            f"{outcome.database_busy:.0%}",
            f"{outcome.numbers_busy:.0%}",
            f"{outcome.p50:.2f}",
            f"{outcome.p99:.2f}",
            outcome.jams_first,
        )
        for outcome in outcomes
    ]
    columns = (
        "",
        "nodes",
        "workers",
        "busy",
        "database cores",
        "busy",
        "numbers",
        "p50 ms",
        "p99 ms",
    )
    return aligned([(*columns, "jams first"), *rows])


def main() -> None:
    """Prints the plans for the figures in the documents, or in the file that is named."""
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else FIGURES
    print(as_text(plans(costs_of(capacity_report.read(file.read_bytes())))))


if __name__ == "__main__":
    main()
