"""``/metrics`` of real servers, with one process and with several."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.databases import fresh_postgres
from tests.support.processes import (
    UNLIMITED,
    Line,
    Question,
    Site,
    api_question,
    token_question,
    wait_until,
)
from tests.support.scrape import Scrape, scrape
from tests.support.server import RunningServer, ServerFailedError
from tests.support.world import CLIENTS

READ = Question("GET", "/metrics")
REQUESTS = "grantory_http_requests_total"
KINDS = [("sqlite", 1), ("sqlite", 4), ("postgresql", 2)]


@contextmanager
def metered(kind: str, workers: int) -> Iterator[RunningServer]:
    """A server of some processes on a store of some kind."""
    with ExitStack() as stack:
        environment = dict(UNLIMITED)
        if kind == "postgresql":
            environment["GRANTORY_DATABASE_URL"] = stack.enter_context(fresh_postgres())
        server = RunningServer("--workers", str(workers), environment=environment)
        stack.enter_context(server)
        if workers > 1:
            wait_until(lambda: len(server.workers()) == workers, "every worker")
        settled(server, "grantory_workers", workers)
        yield server


@pytest.fixture(params=KINDS, ids=lambda value: "-".join(map(str, value)))
def server(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """A server of one kind after the other."""
    with metered(*request.param) as running:
        yield running


@contextmanager
def lines(server: RunningServer) -> Iterator[list[Line]]:
    """A connection to each process."""
    if not server.workers():
        with Line(server.port) as line:
            yield [line]
    else:
        site = Site([server], 0.0)
        with site.lines(site.workers) as found:
            yield found


def asked_by_lines(server: RunningServer) -> int:
    """How many tokens ``lines`` asks for by itself."""
    return 1 if server.workers() else 0


def read(line: Line) -> Scrape:
    reply = line.ask(READ)
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Scrape(reply.body.decode())


def settled(server: RunningServer, name: str, value: float, **labels: str) -> Scrape:
    """What is told once a series has a value; each process may say the same for 250 ms."""
    found: list[Scrape] = []

    def has_come() -> bool:
        found.append(scrape(server))
        return found[-1].value(name, **labels) == value

    wait_until(has_come, f"{name} to be {value}")
    return found[-1]


def test_every_process_tells_the_sum_of_all(server: RunningServer) -> None:
    token = server.token()
    with lines(server) as found:
        before = settled(server, "grantory_token_requests_total", 1 + asked_by_lines(server))
        for number, line in enumerate(found):
            for _ in range(5):
                good = line.ask(token_question(server.client_id, server.client_secret))
                assert good.status == 200
            assert line.ask(token_question(server.client_id, "wrong")).status == 401
            document = {"name": f"client {number}", "authorizedGrantType": "CODE"}
            assert line.ask(api_question(token, "POST", CLIENTS, document)).status == 200
            assert line.ask(api_question(token, "GET", f"{CLIENTS}/nobody")).status == 404
            assert line.ask(Question("GET", "/nothing")).status == 404
        count = len(found)
        at_token = {"method": "POST", "route": "/oauth/token"}
        one = {"method": "GET", "route": CLIENTS + "/{clientId}"}
        expected = [
            (REQUESTS, {"status": "200", **at_token}, 5 * count),
            (REQUESTS, {"status": "401", **at_token}, count),
            ("grantory_http_request_duration_seconds_count", at_token, 6 * count),
            ("grantory_token_requests_total", {"outcome": "issued"}, 5 * count),
            ("grantory_token_requests_total", {"outcome": "invalid_client"}, count),
            ("grantory_refusals_total", {"code": "invalid_client"}, count),
            ("grantory_refusals_total", {"code": "not.found"}, 2 * count),
            (REQUESTS, {"route": CLIENTS, "status": "200"}, count),
            (REQUESTS, {"status": "404", **one}, count),
            ("grantory_store_duration_seconds_count", {"work": "write"}, count),
        ]

        def counted(line: Line) -> list[float]:
            seen = read(line)
            return [
                seen.value(name, **labels) - before.value(name, **labels)
                for name, labels, _ in expected
            ]

        wanted = [float(number) for *_, number in expected]
        for line in found:
            # What was said last may be a quarter of a second old; never is it too much.
            wait_until(lambda line=line: counted(line) == wanted, "the sums")  # type: ignore[misc]
            assert counted(line) == wanted


def test_what_the_store_is_is_told(server: RunningServer) -> None:
    on_postgres = "GRANTORY_DATABASE_URL" in server._environment
    lease = "grantory_lease_age_seconds"
    if on_postgres:  # asked for by the first request that needs one
        server.token()
        wait_until(lambda: lease in scrape(server).names, "a lease")
    wanted = scrape(server).value("grantory_workers_wanted")
    seen = settled(server, "grantory_workers", wanted)  # ready is the first of them
    assert seen.value("grantory_store_size_bytes", part="database") > 100_000
    assert seen.value("grantory_worker_silence_seconds") < 60
    assert (lease in seen.names) == on_postgres
    assert ("grantory_lease_losses_total" in seen.names) == on_postgres
    kind = "postgresql" if on_postgres else "sqlite"
    assert seen.value("grantory_build_info", store=kind) == 1


def fallen(before: Scrape, after: Scrape) -> list[str]:
    now = after.counted()
    return [f"{key}" for key, value in before.counted().items() if now.get(key, 0.0) < value]


def test_nothing_falls_when_workers_are_killed() -> None:
    with metered("sqlite", 4) as server:
        issued, tokens = 0, "grantory_token_requests_total"
        seen = scrape(server)
        for times in range(1, 4):
            with lines(server) as found:
                for line in found:
                    line.ask(token_question(server.client_id, server.client_secret))
                    issued += 1
            issued += asked_by_lines(server)
            before = settled(server, tokens, issued, outcome="issued")
            assert not fallen(seen, before)
            victim = server.workers()[times % 4]
            os.kill(victim, signal.SIGKILL)
            after = settled(server, "grantory_worker_deaths_total", times)
            assert not fallen(before, after)
            wait_until(lambda: victim not in server.workers(), "it to be buried")
            seen = settled(server, "grantory_workers", 4)
            assert not fallen(after, seen)
            assert seen.value(tokens, outcome="issued") == issued


def test_a_restart_counts_from_nought() -> None:
    with RunningServer() as server:
        server.token()
        settled(server, "grantory_token_requests_total", 1)
        server.restart()
        assert scrape(server).value("grantory_token_requests_total") == 0


def test_no_file_is_made_for_it() -> None:
    with RunningServer("--workers", "2") as server:
        scrape(server)
        names = {path.name for path in server.data_dir.iterdir()}
        assert names <= {
            *("first-start.json", "master.key", "grantory.db-turn", "grantory.db-lists"),
            *("grantory.db", "grantory.db-wal", "grantory.db-shm"),
        }


def test_the_token_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "metrics.token"
    file.write_text("m" * 40 + "\n")
    environment = {"GRANTORY_METRICS_TOKEN_FILE": str(file)}
    with RunningServer(environment=environment) as server:
        bearer = {"Authorization": f"Bearer {'m' * 40}"}
        assert server.request("GET", "/metrics", headers=bearer).status == 200
        assert server.request("GET", "/metrics").status == 401
        assert "m" * 40 not in server.log_text()


@pytest.mark.parametrize("content", [None, "", "short", "two words " * 6, "x" * 600, "ä" * 40])
def test_a_file_without_a_good_token_stops_the_start(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "metrics.token"
    if content is not None:
        file.write_text(content)
    environment = {"GRANTORY_METRICS_TOKEN_FILE": str(file)}
    with (
        pytest.raises(ServerFailedError, match=r"metrics\.token_file") as failure,
        RunningServer(environment=environment),
    ):
        pass
    assert not content or content not in str(failure.value)
