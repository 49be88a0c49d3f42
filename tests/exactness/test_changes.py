"""What was ended through one process is refused by every other, as soon as it is promised."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.exactness.changes import REFUSED, Making
from tests.exactness.logins import make_endings
from tests.exactness.subjects import CHANGES, make_subject
from tests.exactness.watch import HALF_AS_MANY, WATCHES_AT_FULL_PACE, watching
from tests.support.processes import Line, Question, Site, Worker, sleep_until
from tests.support.soak import rounds

WATCHED_ON = 0.3
"""Seconds for which the tries go on when nothing may be accepted any more."""
EVERY = 2
"""Not all make the change in a short run: of two nodes, a worker of each."""
Record = Callable[[str, object], None]


@pytest.mark.timeout(rounds(120, 3600))
@pytest.mark.parametrize("name", CHANGES)
def test_an_answered_change_holds_in_every_process(
    site: Site, name: str, record_property: Record
) -> None:
    first = list(CHANGES).index(name)
    for number in range(first, first + rounds(1, 20)):
        at = number % len(site.workers)
        workers = [*site.workers[at:], *site.workers[:at]]
        with site.lines(workers) as lines:
            makers = list(zip(workers, lines, strict=True))[:: rounds(EVERY, 1)]
            makings = {
                maker: [Making(name, CHANGES[name], make_subject(site, line))]
                for maker, line in makers
            }
            worst = _make_and_look(site, dict(zip(workers, lines, strict=True)), makings)
        record_property("worst lag", worst)
        print(f"{name}, made at several processes: worst lag {worst:.3f} s")


@pytest.mark.timeout(rounds(120, 3600))
def test_what_ends_a_login_holds_in_every_process(site: Site, record_property: Record) -> None:
    for number in range(rounds(1, 80)):  # each is made by another process every time
        with site.lines(site.workers) as lines:
            makings: dict[Worker, list[Making[Any]]] = {worker: [] for worker in site.workers}
            for at, making in enumerate(make_endings(site, lines[0]).makings, number):
                makings[site.workers[at % len(lines)]].append(making)
            of_workers = dict(zip(site.workers, lines, strict=True))
            worst = _make_and_look(site, of_workers, makings, HALF_AS_MANY)
        record_property("worst lag", worst)
        print(f"what ends a login, made at every process: worst lag {worst:.3f} s")


def _make_and_look(
    site: Site,
    lines: dict[Worker, Line],
    makings: dict[Worker, list[Making[Any]]],
    at_full_pace: int = WATCHES_AT_FULL_PACE,
) -> float:
    """Make changes, each at a worker, and try at all what they end; answers the worst lag."""
    makers = {q: maker for maker, its in makings.items() for making in its for q in making.ended}
    answered: dict[Question, float] = {}
    asked = [(worker, question) for question in makers for worker in lines]
    with watching(site, asked, at_full_pace) as watches:
        for maker, its in makings.items():
            for making in its:
                making.make(site, lines[maker])
                answered |= dict.fromkeys(making.ended, time.monotonic())
                for worker, line in lines.items():
                    if site.lag_of(worker, maker) == 0:
                        _is_refused(making, worker, line)
        sleep_until(max(answered.values()) + site.lag + WATCHED_ON)
    for making in (making for its in makings.values() for making in its):
        for worker, line in lines.items():
            _is_refused(making, worker, line)
    for watch in watches:
        maker = makers[watch.question]
        deadline = answered[watch.question] + site.lag_of(watch.worker, maker)
        assert not watch.accepted_since(deadline), f"{watch.worker}, changed at {maker}"
        assert watch.tries[-1].status in REFUSED, watch.tries[-1]
    return max(watch.worst_lag(answered[watch.question]) for watch in watches)


def _is_refused(making: Making[Any], worker: Worker, line: Line) -> None:
    for question in (*making.ended, *making.spent):
        assert line.ask(question).status in REFUSED, f"{making}, tried at {worker}"
