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
REFUSED = (400, 401, 403)


@pytest.mark.timeout(rounds(120, 3600))
@pytest.mark.parametrize("name", CHANGES)
def test_an_answered_change_holds_in_every_process(
    site: Site, name: str, record_property: Callable[[str, object], None]
) -> None:
    first = list(CHANGES).index(name)
    for number in range(first, first + rounds(1, 20)):
        maker = site.workers[number % len(site.workers)]
        worst = _change_and_look(site, name, maker)
        record_property("worst lag", worst)
        print(f"{name} at {maker}: worst lag {worst:.3f} s")


def _change_and_look(site: Site, name: str, maker: Worker) -> float:
    workers = [maker, *(worker for worker in site.workers if worker != maker)]
    with site.lines(workers) as lines:
        subject = make_subject(site, lines[0])
        change = CHANGES[name]
        ended = change.ended(subject)
        asked = [(worker, question) for worker in workers for question in ended]
        with watching(site, asked) as watches:
            change.make(site, lines[0], subject)
            answered = time.monotonic()
            for worker, line in zip(workers, lines, strict=True):
                if site.lag_of(worker, maker) == 0:
                    for question in ended:
                        assert line.ask(question).status in REFUSED, f"{worker}, at once"
            sleep_until(answered + site.lag + WATCHED_ON)
    for watch in watches:
        deadline = answered + site.lag_of(watch.worker, maker)
        assert not watch.accepted_since(deadline), f"{watch.worker}, changed at {maker}"
        assert watch.tries[-1].status in REFUSED, watch.tries[-1]
    return max(watch.worst_lag(answered) for watch in watches)
