"""The shared numbers, and what is made of them."""

import os
import signal
from collections.abc import Callable, Iterable

import pytest
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)

from grantory import __version__
from grantory.errors import GrantoryError, OutcomeUnknown, StorageUnavailable
from grantory.observability.columns import SECONDS, Columns
from grantory.observability.exposition import Build, Exposition
from grantory.observability.families import Families
from grantory.observability.server_metrics import ServerMetrics
from grantory.observability.shared_numbers import DEATHS, STATE_NUMBERS, SharedNumbers
from grantory.ports.store_state import StoreState
from tests.support.runtime import FakeClock
from tests.support.scrape import Scrape

ROUTES = (("GET", "/a/{id}"), ("POST", "/a"), ("POST", "/oauth/token"))
REQUESTS = "grantory_http_requests_total"
DURATION = "grantory_http_request_duration_seconds"


class Server:
    """The metrics of some processes, all of them in this one."""

    def __init__(self, workers: int = 2) -> None:
        self.clock = FakeClock()
        self.numbers = SharedNumbers(workers)
        self.families = Families(ROUTES, ("client_credentials",))
        self.workers = [ServerMetrics(self.families, self.numbers, n) for n in range(workers)]
        build = Build(__version__, "sqlite")
        self.exposition = Exposition(self.families, self.numbers, 0, build, self.clock.monotonic)

    def scrape(self) -> Scrape:
        text, kind, _ = self.exposition.written({}, openmetrics=False)
        assert kind == "text/plain; version=0.0.4; charset=utf-8"
        return Scrape(text.decode())


def test_what_several_processes_count_is_added_up() -> None:
    server = Server(3)
    for number, worker in enumerate(server.workers):
        for _ in range(number + 1):
            worker.request("GET", "/a/{id}", 200, 0.003, "")
        worker.request("GET", "/a/{id}", 404, 0.2, "not.found")
        worker.token_request("client_credentials", "")
    seen = server.scrape()
    assert seen.value(REQUESTS, method="GET", route="/a/{id}", status="200") == 6
    assert seen.value(REQUESTS, method="GET", route="/a/{id}", status="404") == 3
    assert seen.value("grantory_refusals_total", code="not.found") == 3
    assert seen.value("grantory_token_requests_total", outcome="issued") == 3
    of_route = {"method": "GET", "route": "/a/{id}"}
    assert seen.value(f"{DURATION}_count", **of_route) == 9
    assert seen.value(f"{DURATION}_sum", **of_route) == pytest.approx(6 * 0.003 + 3 * 0.2)
    buckets = {bound: seen.value(f"{DURATION}_bucket", le=bound, **of_route) for bound in (
        "0.0025", "0.005", "0.1", "0.25", "+Inf"
    )}  # fmt: skip
    assert buckets == {"0.0025": 0, "0.005": 6, "0.1": 6, "0.25": 9, "+Inf": 9}


def test_a_bound_belongs_to_its_bucket() -> None:
    server = Server()
    for bound in SECONDS:
        server.workers[0].store_worked("write", bound, None)
    server.workers[0].store_worked("write", 60.0, None)
    seen = server.scrape()
    for number, bound in enumerate(SECONDS, 1):
        name = "grantory_store_duration_seconds_bucket"
        assert seen.value(name, work="write", le=str(bound)) == number
    assert seen.value("grantory_store_duration_seconds_count", work="write") == len(SECONDS) + 1


def test_nobody_who_asks_can_make_a_label() -> None:
    server = Server()
    before = server.scrape()
    worker = server.workers[0]
    worker.request("BREW", "/a/{id}", 799, 0.1, "made.up")
    worker.request("GET", "/somebody's/secret", 200, 0.1, "")
    worker.refused_early("\x00", 431, "request.header.too.large")
    worker.token_request("gcs_secret", "")
    worker.token_request("gcs_secret", "gcs_secret")
    worker.token_request("client_credentials", "made_up")
    worker.token_refused("gcs_secret")
    worker.forgot("made up")
    seen = server.scrape()
    assert seen.labels(REQUESTS, "route") == {"none"}
    assert seen.labels(REQUESTS, "method") == {"other", "GET"}
    assert seen.labels(REQUESTS, "status") == {"other", "200", "431"}
    for name, label in (
        ("grantory_token_requests_total", "grant_type"),
        ("grantory_token_requests_total", "outcome"),
        ("grantory_token_refusals_total", "reason"),
        ("grantory_refusals_total", "code"),
        ("grantory_cache_forgotten_total", "kind"),
    ):
        assert seen.labels(name, label) == before.labels(name, label)
    assert seen.value("grantory_token_requests_total", grant_type="other") == 2
    assert seen.value("grantory_refusals_total", code="other") == 1
    assert seen.value("grantory_token_refusals_total", reason="other") == 1
    assert seen.value("grantory_cache_forgotten_total", kind="all") == 1
    for word in ("gcs_", "somebody", "made.up", "made_up", "BREW"):
        assert word not in seen.text


def test_head_is_counted_beside_the_route_that_answers_it() -> None:
    server = Server()
    server.workers[0].request("HEAD", "/a/{id}", 200, 0.1, "")
    assert server.scrape().value(REQUESTS, method="HEAD", route="/a/{id}") == 1


def test_failures_of_the_store_are_told_apart() -> None:
    server = Server()
    for error in (StorageUnavailable("x"), OutcomeUnknown("x"), ValueError("x"), None):
        server.workers[1].store_worked("write", 0.1, error)
    seen = server.scrape()
    assert seen.value("grantory_store_failures_total", work="write", outcome="unavailable") == 1
    assert seen.value("grantory_store_failures_total", work="write", outcome="unknown") == 1
    assert seen.value("grantory_store_duration_seconds_count", work="write") == 4


def test_what_a_process_is_ends_with_it_and_what_it_did_does_not() -> None:
    server = Server()
    now = server.clock.monotonic()
    state = StoreState(waiting=3, room=5, leased_at=now - 0.25, lapses=2, losses=1)
    for worker in server.workers:
        worker.look(now, state, (("client", 7),))
        worker.request("POST", "/a", 200, 0.1, "")
    server.clock.advance(0.5)
    seen = server.scrape()
    assert seen.value("grantory_workers") == seen.value("grantory_workers_wanted") == 2
    assert seen.value("grantory_store_changes", state="waiting") == 6
    assert seen.value("grantory_cache_entries", kind="client") == 14
    assert seen.value("grantory_lease_age_seconds") == pytest.approx(0.75)
    assert seen.value("grantory_worker_silence_seconds") == pytest.approx(0.5)
    assert seen.value("grantory_lease_losses_total", what="lease") == 4
    server.numbers.bury(0)
    seen = server.scrape()
    assert seen.value("grantory_workers") == 1
    assert seen.value("grantory_workers_wanted") == 2
    assert seen.value("grantory_worker_deaths_total") == 1
    assert seen.value("grantory_store_changes", state="room") == 5
    assert seen.value("grantory_cache_entries", kind="client") == 7
    assert seen.value(REQUESTS) == 2
    # Another takes its place, and begins to count losses of its own.
    successor = ServerMetrics(server.families, server.numbers, 0)
    successor.look(now, StoreState(0, 8, None, lapses=1, losses=0), (("client", 1),))
    successor.request("POST", "/a", 200, 0.1, "")
    seen = server.scrape()
    assert seen.value(REQUESTS) == 3
    assert seen.value("grantory_lease_losses_total", what="lease") == 5
    assert seen.value("grantory_cache_entries", kind="client") == 8


def test_a_lease_is_told_of_only_where_there_is_one() -> None:
    server = Server()
    server.workers[0].look(server.clock.monotonic(), StoreState(0, 1), ())
    assert not {name for name in server.scrape().names if "lease" in name}


def test_a_process_that_was_forked_and_killed_leaves_what_it_counted() -> None:
    server = Server()
    child = os.fork()
    if not child:
        for _ in range(1000):
            server.workers[1].request("GET", "/a/{id}", 200, 0.001, "")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert server.scrape().value(REQUESTS, route="/a/{id}") == 1000


@pytest.mark.parametrize("moment", [1, 2, 3])
def test_what_is_older_than_another_process_tells_is_not_told_again(moment: int) -> None:
    """Another one adds up and tells while this one looks at the clock for the nth time."""
    server = Server()
    build = Build(__version__, "sqlite")
    looks = 0

    def later() -> float:
        server.clock.advance(0.001)
        return server.clock.monotonic()

    def look() -> float:
        nonlocal looks
        looks += 1
        if looks == moment:
            server.workers[0].request("POST", "/a", 200, 0.1, "")
            told.append(other.written({}, openmetrics=False).body)
        return later()

    told: list[bytes] = []
    own = Exposition(server.families, server.numbers, 0, build, look)
    other = Exposition(server.families, server.numbers, 1, build, later)
    text = own.written({}, openmetrics=False)
    (newer,) = told
    seen, before = (Scrape(each.decode()).value(REQUESTS) for each in (text.body, newer))
    assert before == 1
    assert seen == before or not own.is_newest(text.made)


def test_what_a_process_told_itself_speaks_against_nothing() -> None:
    server = Server()

    def later() -> float:
        server.clock.advance(0.001)
        return server.clock.monotonic()

    build = Build(__version__, "sqlite")
    exposition = Exposition(server.families, server.numbers, 0, build, later)
    text = exposition.written({}, openmetrics=False)
    assert exposition.is_newest(text.made)
    other = Exposition(server.families, server.numbers, 1, build, later)
    later_text = other.written({}, openmetrics=False)
    assert not exposition.is_newest(text.made)
    assert other.is_newest(later_text.made)


def test_openmetrics_is_spoken_too() -> None:
    server = Server()
    server.workers[0].request("GET", "/a/{id}", 200, 0.001, "")
    sizes = {"database": 4096, "log": 512}
    text, kind, _ = server.exposition.written(sizes, openmetrics=True)
    assert kind.startswith("application/openmetrics-text; version=1.0.0")
    parse: Callable[[str], Iterable[Metric]] = openmetrics_families
    families = {family.name: family for family in parse(text.decode())}
    assert families["grantory_http_requests"].type == "counter"
    assert [s.value for s in families["grantory_store_size_bytes"].samples] == [4096, 512]
    (build,) = families["grantory_build"].samples
    assert build.labels["version"] == __version__


def test_every_series_has_a_column_of_its_own() -> None:
    families = Families(ROUTES, ("client_credentials",))
    ends = [0]
    for family in (*families.always, families.lease_losses):
        assert family.meaning.endswith(".")
        ends += family.places.values()
    assert len(set(ends)) == len(ends)
    assert families.state.next <= STATE_NUMBERS == DEATHS
    with pytest.raises(GrantoryError, match="no 3 columns left"):
        Columns(0, 2).take(3)
