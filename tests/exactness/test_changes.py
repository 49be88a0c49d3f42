"""What was ended through one process is refused by every other, as soon as it is promised."""

import time
from collections.abc import Callable

import pytest

from tests.exactness.subjects import CHANGES, make_subject
from tests.exactness.watch import watching
from tests.support.processes import Site, Worker, sleep_until
from tests.support.soak import rounds

WATCHED_ON = 0.3
"""Seconds for which the tries go on when nothing may be accepted any more."""
EVERY = 2
"""Not all make the change in a short run: of two nodes, a worker of each."""
REFUSED = (400, 401, 403)


@pytest.mark.timeout(rounds(120, 3600))
@pytest.mark.parametrize("name", CHANGES)
def test_an_answered_change_holds_in_every_process(
    site: Site, name: str, record_property: Callable[[str, object], None]
) -> None:
    first = list(CHANGES).index(name)
    for number in range(first, first + rounds(1, 20)):
        at = number % len(site.workers)
        worst = _change_and_look(site, name, [*site.workers[at:], *site.workers[:at]])
        record_property("worst lag", worst)
        print(f"{name}, made at several processes: worst lag {worst:.3f} s")


def _change_and_look(site: Site, name: str, workers: list[Worker]) -> float:
    """Make the change at several workers, each to a client of its own, and try it at all."""
    change = CHANGES[name]
    with site.lines(workers) as lines:
        making = list(zip(workers, lines, strict=True))[:: rounds(EVERY, 1)]
        subjects = [make_subject(site, line) for _, line in making]
        makers = {
            question: maker
            for (maker, _), subject in zip(making, subjects, strict=True)
            for question in change.ended(subject)
        }
        answered: dict[Worker, float] = {}
        with watching(site, [(worker, one) for one in makers for worker in workers]) as watches:
            for (maker, line), subject in zip(making, subjects, strict=True):
                change.make(site, line, subject)
                answered[maker] = time.monotonic()
                for worker, other in zip(workers, lines, strict=True):
                    if site.lag_of(worker, maker) == 0:
                        for question in change.ended(subject):
                            assert other.ask(question).status in REFUSED, f"{worker}, at once"
            sleep_until(max(answered.values()) + site.lag + WATCHED_ON)
    for watch in watches:
        maker = makers[watch.question]
        deadline = answered[maker] + site.lag_of(watch.worker, maker)
        assert not watch.accepted_since(deadline), f"{watch.worker}, changed at {maker}"
        assert watch.tries[-1].status in REFUSED, watch.tries[-1]
    return max(watch.worst_lag(answered[makers[watch.question]]) for watch in watches)
