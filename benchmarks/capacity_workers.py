"""What the second worker and the second node bring."""

from contextlib import ExitStack

from benchmarks.callers import Caller
from benchmarks.capacity_report import Figure, Part
from benchmarks.goals import SECOND_WORKER
from benchmarks.loading import Loader, load, load_each
from benchmarks.scene import FEW_CONNECTIONS, creation
from benchmarks.servers import Server
from benchmarks.site import Site
from benchmarks.wrk import Target

NOTE = (
    "Workers, nodes, load generator and database share two cores: the ratio of the rates is the "
    "least\nthat it would be with cores enough; twice the ratio of the processor times is the most."
)


def workers(loader: Loader, site: Site) -> Part:
    """Compares one worker with two, in turn, each on whatever core is free."""
    free = loader.unpinned
    # What is refused early is not served, and counts for nothing here: docs/adr/0009.
    few = free._replace(connections=min(FEW_CONNECTIONS.values()), failures=[])
    values: dict[str, list[float]] = {}
    with ExitStack() as stack:
        one, two = (
            stack.enter_context(site.server(None, name=f"workers-{count}", workers=count))
            for count in (1, 2)
        )
        targets = {
            "tokens": [site.caller(server).token_request for server in (one, two)],
            "creates": [creation(server.url, site.caller(server)) for server in (one, two)],
        }
        for _ in range(loader.rounds):
            for work, (first, second) in targets.items():
                some = few if work == "creates" else free
                single, double = load(some, one, first), load(some, two, second)
                rate = double.sample.rate / single.sample.rate
                cost = single.microseconds / double.microseconds
                values.setdefault(f"{work} with 2 workers against 1", []).append(rate)
                values.setdefault(f"{work}: processor time, 1 worker against 2", []).append(cost)
        memory = two.memory() / 2
    figures = [
        Figure(
            f"{site.store}: {what}",
            tuple(found),
            "times",
            SECOND_WORKER if what.startswith("tokens with") else None,
            high_is_good=True,
        )
        for what, found in values.items()
    ]
    figures.append(Figure(f"{site.store}: memory of each of 2 workers", (memory,), "MB PSS"))
    return Part(f"The second worker, {site.store}", tuple(figures), NOTE)


def nodes(loader: Loader, site: Site) -> Part:
    """Compares one node with two on the same database, in turn."""
    free, values = loader.unpinned, dict[str, list[float]]()
    with ExitStack() as stack:
        servers = tuple(
            stack.enter_context(site.server(None, name=f"node-{number}")) for number in (1, 2)
        )
        callers = [site.caller(server) for server in servers]
        for _ in range(loader.rounds):
            for work, requests in _requests(servers, callers).items():
                some = free.asking_the_store(site.store) if work == "creates" else free
                single = load_each(some, (requests[0], requests[0]))
                double = load_each(some, requests)
                values.setdefault(f"{work} with 2 nodes against 1", []).append(double / single)
    figures = tuple(
        Figure(f"{site.store}: {what}", tuple(found), "times") for what, found in values.items()
    )
    return Part(f"The second node, {site.store}", figures, NOTE)


def _requests(servers: tuple[Server, ...], callers: list[Caller]) -> dict[str, tuple[Target, ...]]:
    return {
        "tokens": tuple(caller.token_request for caller in callers),
        "creates": tuple(
            creation(server.url, caller) for server, caller in zip(servers, callers, strict=True)
        ),
    }
