"""The plan for many clients, and what a capacity run tells; no load generator is needed for it."""

from pathlib import Path

import pytest

from benchmarks.capacity_denied import fill, rows
from benchmarks.capacity_report import Figure, Part, Run, as_json, as_text, missed, read
from benchmarks.capacity_store import COLD
from benchmarks.goals import Goal
from benchmarks.machine import Machine
from benchmarks.simulation import (
    NUMBERED,
    Cost,
    Demand,
    Plan,
    cold_share,
    costs_of,
    planned,
    simulate,
)
from benchmarks.simulation import (
    as_text as simulation_text,
)
from benchmarks.site import Site
from grantory.node import open_node
from tests.support.world import new_world

COSTS = {
    "token": Cost(100e-6),
    "cold token": Cost(200e-6, 100e-6),
    "refresh": Cost(300e-6, 200e-6, writes=True),
    "create": Cost(500e-6, 400e-6, writes=True),
    "revocation": Cost(300e-6, 200e-6, writes=True, numbered=True),
}
WARM = Demand("warm", {"token": 10_000.0})


def run(*figures: Figure, foreign: float = 0.0) -> Run:
    machine = Machine(2, "A processor", "Linux", {"python": "3.11.7"})
    return Run("2026-01-31", machine, 2, 1, (Part("A part", figures, "a note"),), foreign)


def test_workers_are_planned_to_be_no_busier_than_enough() -> None:
    plan = planned(WARM, COSTS)  # a worker does 10,000 of them a second, or 6,000 and has room

    assert plan == Plan(nodes=1, workers=8, database_cores=1)
    assert planned(Demand("more", {"token": 100_000.0}), COSTS).nodes == 3


def test_a_simulation_is_as_busy_as_it_must_be_and_the_same_each_time() -> None:
    plan = Plan(nodes=1, workers=2, database_cores=1)

    outcome = simulate(WARM, COSTS, plan, requests=4_000)

    assert outcome.worker_busy == pytest.approx(0.5, abs=0.05)
    assert outcome.p50 < outcome.p99
    assert simulate(WARM, COSTS, plan, requests=4_000) == outcome
    assert "warm" in simulation_text([outcome])


def test_what_needs_the_database_waits_for_it() -> None:
    plan = Plan(nodes=1, workers=8, database_cores=1)
    cold = Demand("cold", {"cold token": 9_000.0})

    outcome = simulate(cold, COSTS, plan, requests=4_000)

    assert outcome.jams_first == "database"
    assert outcome.database_busy == pytest.approx(0.9, abs=0.1)
    assert outcome.p50 > simulate(WARM, COSTS, plan, requests=4_000).p50 + 0.5


def test_what_takes_a_change_number_comes_one_by_one_whatever_the_number_of_nodes() -> None:
    rate = 0.9 / NUMBERED
    revoking = Demand("revoking", {"revocation": rate})
    refreshing = Demand("refreshing", {"refresh": rate})

    few, many = (
        simulate(revoking, COSTS, Plan(nodes, workers=8, database_cores=8), requests=20_000)
        for nodes in (1, 16)
    )
    free = simulate(refreshing, COSTS, Plan(1, workers=8, database_cores=8), requests=20_000)

    assert few.numbers_busy == many.numbers_busy == pytest.approx(0.9)
    assert few.jams_first == many.jams_first == "change numbers"
    assert min(few.p99, many.p99) > free.p99 + 10 * NUMBERED * 1000
    assert free.numbers_busy == 0


def test_the_busiest_clients_ask_for_most_tokens() -> None:
    assert cold_share(10_000_000, 50_000) == pytest.approx(0.317, abs=0.001)
    assert cold_share(1_000, 1_000) == 0


def test_service_times_come_from_a_run_or_are_missed() -> None:
    title = "PostgreSQL: processor time of a"
    figures = [
        Figure(f"{title} {work}{place}", (100.0,), "µs")
        for work in ("token", "refresh", "create", COLD)
        for place in ("", " in the database")
    ]

    found = costs_of(run(*figures))
    assert found["refresh"] == Cost(100e-6, 100e-6, writes=True)
    assert found["revocation"] == Cost(100e-6, 100e-6, writes=True, numbered=True)
    with pytest.raises(LookupError, match="processor time of a create"):
        costs_of(run(*figures[:4], *figures[6:]))


def test_a_run_says_what_was_reached_and_is_read_as_it_was_written() -> None:
    high = Figure("workers", (1.5, 1.7, 1.8), "times", Goal(1.6, 1.9), high_is_good=True)
    low = Figure("start", (1.2,), "s", Goal(1.0, 0.5))
    found = run(high, low)

    assert (high.median, high.reached, low.reached) == (1.7, "must", "no")
    assert missed(found) == ["start: 1.2 s"]
    assert read(as_json(found)) == found
    assert "a note" in as_text(found)
    assert "NOT CALM" in as_text(run(foreign=0.2))


async def test_ended_tokens_are_put_where_the_server_finds_them(tmp_path: Path) -> None:
    async with new_world(tmp_path / "data") as world:
        organization = {"id": world.founding.organization.id}
        site = Site("SQLite", tmp_path, world.settings, {"organization": organization})
        fill(site, 50)
        node = await open_node(world.settings, clock=world.clock)
        try:
            wanted = [row[0] for row in rows(50, organization["id"], 0)]
            found = await node.store.read(
                lambda snapshot: [snapshot.denied_tokens.contains(each) for each in wanted]
            )
        finally:
            await node.close()

    assert found == [True] * 50
