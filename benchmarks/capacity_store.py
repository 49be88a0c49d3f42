"""What tokens leave in the store, what work costs it, and how soon a server on it is ready."""

import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.callers import CLIENTS, TOKEN, basic, post_form
from benchmarks.capacity_report import Figure, Part
from benchmarks.goals import GROWTH_BYTES_PER_TOKEN, START_SECONDS
from benchmarks.loading import Cost, Loader, folder_bytes, load
from benchmarks.measurement import FIRST_GUESS, write_bodies
from benchmarks.scene import creation, new_app
from benchmarks.site import Site
from benchmarks.supply import refresh_tokens, strangers
from benchmarks.wrk import Target

COLD = "token of a client that is not in memory"
ASK_THE_STORE = ("create", "refresh", COLD)
"""Of these few at a time are taken, lest some are refused early."""
GROWTH_ROUNDS = 5
"""So many rounds long tokens are asked for without a break."""
LEAST_GUESS = 2_000
"""For so many requests a second there are at least clients that no memory holds."""


def start(loader: Loader, site: Site) -> Part:
    """Starts a server on a store that is set up, again and again."""
    seconds = []
    for _ in range(loader.rounds):
        with site.server(loader.cores.server, name="start") as server:
            seconds.append(server.start_seconds)
    figure = Figure(f"{site.store}: until it is ready", tuple(seconds), "s", START_SECONDS)
    return Part(f"Start on an existing store, {site.store}", (figure,))


def growth(loader: Loader, site: Site) -> Part:
    """Asks for tokens, and looks how much larger the store is then."""
    long = loader._replace(seconds=loader.seconds * GROWTH_ROUNDS)
    with site.server(loader.cores.server, name="growth") as server:
        target = site.caller(server).token_request
        load(loader, server, target)
        before = _size(site)
        made = load(long, server, target).sample.requests
        grown = _size(site) - before
    name = f"{site.store}: growth of the store by each of {made:,} tokens"
    return Part(
        f"What tokens leave behind, {site.store}",
        (Figure(name, (grown / made,), "bytes", GROWTH_BYTES_PER_TOKEN),),
    )


def costs(loader: Loader, site: Site) -> Part:
    """Measures the processor time of each kind of work, at Grantory and in the database."""
    figures = []
    with (
        tempfile.TemporaryDirectory(prefix="grantory-bench-") as name,
        site.server(loader.cores.server, name="costs") as server,
    ):
        caller = site.caller(server)
        app = caller.call("POST", CLIENTS, new_app())
        supplies = {"refresh": refresh_tokens(site, app["id"]), COLD: strangers(site)}
        works = {
            "token": caller.token_request,
            "read": Target(url=f"{server.url}{CLIENTS}/{caller.id}", authorization=caller.bearer),
            "create": creation(server.url, caller),
            "refresh": post_form(server.url + TOKEN, "", basic(app["id"], app["secret"])),
            COLD: post_form(server.url + TOKEN, "", ""),
        }
        for work, target in works.items():
            few = loader.asking_the_store(site.store) if work in ASK_THE_STORE else loader
            found: list[Cost] = []
            for _ in range(loader.rounds):
                rate = max((cost.sample.rate for cost in found), default=FIRST_GUESS)
                rate = max(rate, LEAST_GUESS)  # a round that others disturbed says too little
                bodies = write_bodies(
                    supplies.get(work), rate * loader.seconds, few.connections, Path(name)
                )
                _analyze(site)
                found.append(
                    load(few, server, target, database=site.database_processes, bodies=bodies)
                )
            title = f"{site.store}: processor time of a {work}"
            figures.append(Figure(title, tuple(cost.microseconds for cost in found), "µs"))
            if site.database_processes:
                spent = tuple(cost.database_microseconds for cost in found)
                figures.append(Figure(f"{title} in the database", spent, "µs"))
    return Part(f"What work costs, {site.store}", tuple(figures))


def _analyze(site: Site) -> None:
    """Lets PostgreSQL see how many rows there are by now, as autovacuum does within a minute.

    The plan that it keeps of a look-up would else be that of a few rows.
    """
    if site.cluster is not None:
        site.cluster.psql("ANALYZE", urlsplit(site.settings.database_url).path[1:])


def _size(site: Site) -> int:
    if site.cluster is None:
        return folder_bytes(site.settings.data_dir)
    return int(site.cluster.psql("SELECT sum(pg_database_size(oid)) FROM pg_database"))
