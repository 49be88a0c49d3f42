"""A database that is slow, locked, or says nothing any more: every caller is answered, and soon."""

import asyncio
import itertools
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlsplit

import asyncpg
import pytest

from grantory.http.api_v2.client_list import SLOT_SECONDS
from grantory.storage.change_feed import ANSWER_WITHIN, LEASE
from tests.security.wire import WireReply, platform_error
from tests.support.databases import fresh_postgres
from tests.support.processes import (
    ALIVE,
    UNLIMITED,
    Line,
    Question,
    Site,
    api_question,
    token_question,
)
from tests.support.server import Reply, RunningServer
from tests.support.soak import soaking
from tests.support.swallowing_proxy import SwallowingProxy

CLIENTS = "/api/v2/oauth/clients"
SLACK = 0.0 if soaking() else 5.0
"""Seconds by which a machine that does other things may be late; a soak run has one for itself."""
ANSWERED_WITHIN = 6.0 + SLACK
REFUSED_WITHIN = LEASE + ANSWER_WITHIN + 0.2 + SLACK
NORMAL_WITHIN = 5.0 + 2 * SLACK
ME = "/api/v2/tokens/me"
PROBES = (ALIVE, Question("GET", "/health/ready"))
PROBED_WITHIN = 2.5
"""The probe of deploy/Containerfile waits for two seconds, Kubernetes' for one by default."""
CALLERS = 24


class Far(NamedTuple):
    """A server, and the network between it and its database."""

    server: RunningServer
    network: SwallowingProxy
    questions: dict[str, Question]
    database: str
    """Its address, past that network."""


@pytest.fixture(scope="module")
def far() -> Iterator[Far]:
    with (
        fresh_postgres() as url,
        SwallowingProxy(urlsplit(url).port or 5432) as network,
        RunningServer(
            "--workers",
            "2",
            environment={**UNLIMITED, "GRANTORY_DATABASE_URL": network.url(url)},
        ) as server,
    ):
        token = server.token()
        new = {"name": "a", "authorizedGrantType": "CODE"}
        questions = {
            "token": token_question(server.client_id, server.client_secret),
            "create": api_question(token, "POST", CLIENTS, new),
            "list": api_question(token, "GET", CLIENTS),
            "read": api_question(token, "GET", f"{CLIENTS}/{server.client_id}"),
            # A secret that we may have issued: otherwise the store is not asked.
            "unknown": token_question("00000000-0000-4000-8000-000000000000", server.client_secret),
        }
        yield Far(server, network, questions, url)


class Answer(NamedTuple):
    """A reply, when it came, and how long that took."""

    name: str
    reply: Reply
    at: float
    seconds: float


def ask(far: Far, name: str) -> Answer:
    """One request on a connection of its own."""
    started = time.monotonic()
    with Line(far.server.port) as line:
        reply = line.ask(far.questions[name])
    now = time.monotonic()
    return Answer(name, reply, now, now - started)


def ask_for(far: Far, seconds: float, names: list[str]) -> list[Answer]:
    """Many callers at once, each of whom asks again as soon as it is answered."""
    until = time.monotonic() + seconds

    def caller(number: int) -> list[Answer]:
        answers: list[Answer] = []
        while time.monotonic() < until:
            answers.append(ask(far, names[number % len(names)]))
        return answers

    with ThreadPoolExecutor(CALLERS) as threads:
        return [answer for found in threads.map(caller, range(CALLERS)) for answer in found]


def refused(answer: Answer) -> bool:
    """Assert that an answer is a result, or says in the right words to come again."""
    reply = answer.reply
    waits_for_others = SLOT_SECONDS if answer.name == "list" else 0
    assert answer.seconds < ANSWERED_WITHIN + waits_for_others, answer
    if reply.status != 503:
        assert reply.status == (401 if answer.name == "unknown" else 200), answer
        return False
    assert int(reply.headers["retry-after"]) >= 1
    if answer.name in ("token", "unknown"):
        body = json.loads(reply.body)
        assert body["error"] == "temporarily_unavailable"
        assert body["description"] == body["error_description"]
    else:
        code = platform_error(WireReply(*reply))["code"]
        assert code in ("service.unavailable", "service.outcome.unknown")
    return True


def until_normal(far: Far) -> None:
    """Within seconds everybody is served again, and stays so."""
    deadline = time.monotonic() + NORMAL_WITHIN
    good = 0
    answers: list[Answer] = []
    while good < 20:
        answers = [ask(far, name) for name in far.questions]
        good = 0 if any(map(refused, answers)) else good + 1
        assert time.monotonic() < deadline, answers


def seconds_until(condition: Callable[[], bool], most: float) -> float:
    """How long it takes until a condition holds."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < most
    return time.monotonic() - started


@pytest.mark.slow
def test_a_slow_database_is_no_hang(far: Far) -> None:
    until_normal(far)
    far.network.delay(to_client=0.5)
    try:
        answers = ask_for(far, 2.0, list(far.questions))
    finally:
        far.network.delay()

    said = Counter((answer.name, refused(answer)) for answer in answers)
    # Nobody may decide from memory any more: the database tells too late of what has changed.
    assert said["token", True]
    assert said["create", True]
    until_normal(far)


@pytest.mark.slow
def test_a_rather_slow_database_refuses_what_would_wait_too_long(far: Far) -> None:
    until_normal(far)
    far.network.delay(to_client=0.1)
    try:
        answers = ask_for(far, 3.0, ["create", "token", "create"])
    finally:
        far.network.delay()

    said = Counter((answer.name, refused(answer)) for answer in answers)
    assert not said["token", True]
    assert said["create", True]
    assert said["create", False]
    until_normal(far)


@pytest.mark.slow
def test_a_database_that_says_nothing_is_no_hang(far: Far) -> None:
    until_normal(far)
    with Line(far.server.port) as line:
        line.ask(far.questions["token"])
        far.network.swallow()
        try:
            gone = seconds_until(
                lambda: line.ask(far.questions["token"]).status == 503, ANSWERED_WITHIN
            )
            answers = ask_for(far, 1.0, list(far.questions))
            assert far.server.request("GET", "/health/live").status == 200
            assert far.server.request("GET", "/health/ready").status == 503
        finally:
            far.network.pass_on()

    assert gone < REFUSED_WITHIN
    assert all(map(refused, answers))
    assert {answer.name for answer in answers} == set(far.questions)
    until_normal(far)


@contextmanager
def locked(far: Far, table: str) -> Iterator[None]:
    """Hold a table, as somebody does who changes its columns, and let it go again."""
    with asyncio.Runner() as runner:
        holder = runner.run(asyncpg.connect(far.database))
        try:
            runner.run(holder.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
            yield
        finally:
            runner.run(holder.close())


def how_many_clients(far: Far) -> int:
    """As soon as somebody is told."""
    answer = ask(far, "list")
    while refused(answer):
        answer = ask(far, "list")
    return int(answer.reply.json()["total"])


@pytest.mark.slow
def test_a_locked_table_of_clients_is_no_hang(far: Far) -> None:
    site, clients = Site([far.server], 1.0), how_many_clients(far)
    # What is in memory needs no table.
    served = (*PROBES, far.questions["token"], api_question(site.admin_token, "HEAD", ME))
    slowest = 0.0
    with site.lines(site.workers) as lines, ThreadPoolExecutor(1) as thread:
        for line, question in itertools.product(lines, served):
            assert line.ask(question).status == 200
        with locked(far, "clients"):
            asked = thread.submit(ask_for, far, 1.0, ["create", "list", "unknown"])
            while not asked.done():
                for line, question in itertools.product(lines, served):
                    started = time.monotonic()
                    assert line.ask(question).status == 200, question
                    slowest = max(slowest, time.monotonic() - started)
            answers = asked.result()

    assert all(map(refused, answers))
    assert {answer.name for answer in answers} == {"create", "list", "unknown"}
    assert slowest < PROBED_WITHIN
    assert how_many_clients(far) == clients, "done after it had been refused"
    until_normal(far)
    assert far.server.workers() == [worker.process_id for worker in site.workers]


@pytest.mark.slow
@pytest.mark.parametrize("table", ["changes", "change_counter"] if soaking() else ["changes"])
def test_a_locked_record_of_changes_is_no_hang(far: Far, table: str) -> None:
    workers = far.server.workers()
    with Line(far.server.port) as line, locked(far, table):
        # Nobody can tell any more what was revoked, so nothing is decided from memory.
        seconds_until(lambda: line.ask(far.questions["token"]).status == 503, ANSWERED_WITHIN)
        answers = ask_for(far, 0.5, list(far.questions))
        assert far.server.request("GET", "/health/live").status == 200
        assert far.server.request("GET", "/health/ready").status == 503

    assert all(map(refused, answers))
    assert {answer.name for answer in answers} == set(far.questions)
    until_normal(far)
    assert far.server.workers() == workers
