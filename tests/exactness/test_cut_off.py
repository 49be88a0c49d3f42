"""A node that the database is far from, or out of reach of, accepts nothing that was ended."""

import time

import pytest

from grantory.storage.change_feed import ASK_EVERY
from tests.exactness.subjects import CHANGES, IN_FAULTS, Subject, make_subject
from tests.exactness.watch import Watch, watching
from tests.support.processes import (
    CutSite,
    Line,
    Question,
    Site,
    Worker,
    sleep_until,
    wait_until,
)
from tests.support.soak import rounds

CUT_SECONDS = 2.5
SERVES_AGAIN = 5.0
SLOW = 0.45
"""Seconds that an answer takes; the node waits for half a second."""
WATCHED_ON = 0.5
RIGHT = frozenset({400, 401, 403, 503})


class Ending:
    """Changes that are made at one worker, while the ended things are tried on others."""

    def __init__(self, site: Site, line: Line, tried_on: list[Worker]) -> None:
        self._site = site
        self._line = line
        self._tried_on = tried_on
        self._subjects = {name: make_subject(site, line) for name in IN_FAULTS}
        self._answered: dict[Question, float] = {}
        self.spared = make_subject(site, line)

    @property
    def asked(self) -> list[tuple[Worker, Question]]:
        """All that is to be tried; at last what nothing ends."""
        questions = [
            question
            for name, subject in self._subjects.items()
            for question in CHANGES[name].ended(subject)
        ]
        spared = [self.spared.has_token, self.spared.has_secret, self.spared.has_right]
        return [(w, question) for w in self._tried_on for question in (*questions, *spared)]

    def make(self, seconds_apart: float = 0.0) -> None:
        """Make the changes, each of which is answered."""
        for name, subject in self._subjects.items():
            self._make(name, subject)
            time.sleep(seconds_apart)

    def _make(self, name: str, subject: Subject) -> None:
        CHANGES[name].make(self._site, self._line, subject)
        for question in CHANGES[name].ended(subject):
            self._answered[question] = time.monotonic()

    def wait_until_served(self, watches: list[Watch]) -> float:
        """Wait until every worker serves what nothing ended; answers how long it took."""
        began = time.monotonic()
        for watch in watches:
            if watch.question not in self._answered:
                wait_until(
                    lambda: bool(watch.accepted_since(began)),
                    f"{watch.worker} to serve again: {watch.tries[-5:]}",
                    SERVES_AGAIN,
                )
        return time.monotonic() - began

    def check(self, watches: list[Watch]) -> float:
        """Nothing that was ended was accepted after its time; answers the worst lag."""
        worst = 0.0
        for watch in watches:
            assert {one.status for one in watch.tries if not one.accepted} <= RIGHT
            if watch.question in self._answered:
                answered = self._answered[watch.question]
                late = watch.accepted_since(answered + self._site.lag)
                assert not late, f"{watch.worker} accepted {watch.question}: {late}"
                worst = max(worst, watch.worst_lag(answered))
        return worst


@pytest.mark.slow
@pytest.mark.timeout(rounds(120, 3600))
@pytest.mark.parametrize("deliver_later", [False, True], ids=["dropped", "delivered later"])
@pytest.mark.parametrize("change_first", [False, True], ids=["cut, then changed", "changed first"])
def test_a_node_that_is_cut_off_accepts_nothing_that_was_ended(
    cut_site: CutSite, deliver_later: bool, change_first: bool
) -> None:
    site, network = cut_site
    for number in range(rounds(1, 20)):
        makers = site.of_node(0)
        with site.lines([makers[number % len(makers)]]) as (line,):
            ending = Ending(site, line, site.of_node(1))
            with watching(site, ending.asked) as watches:
                time.sleep(0.031 * number)  # at other moments of the node's asking
                if change_first:
                    ending.make()
                network.swallow(deliver_later=deliver_later)
                began = time.monotonic()
                if not change_first:
                    ending.make()
                sleep_until(began + CUT_SECONDS)
                network.pass_on()
                seconds = ending.wait_until_served(watches)
                time.sleep(WATCHED_ON)
            worst = ending.check(watches)
        print(f"worst lag {worst:.3f} s, served again after {seconds:.3f} s")


@pytest.mark.slow
@pytest.mark.timeout(rounds(120, 3600))
def test_a_slow_network_puts_nothing_off_beyond_its_time(cut_site: CutSite) -> None:
    site, network = cut_site
    for number in range(rounds(1, 20)):
        with site.lines([site.workers[0]]) as (line,):
            ending = Ending(site, line, site.of_node(1))
            with watching(site, ending.asked) as watches:
                network.delay(to_client=SLOW)
                time.sleep(1 + 0.083 * number)  # until the node asks by a network that is slow
                ending.make((SLOW + ASK_EVERY) / len(IN_FAULTS))  # at all moments of its asking
                time.sleep(site.lag + WATCHED_ON)
                network.delay()
                ending.wait_until_served(watches)
            print(f"worst lag {ending.check(watches):.3f} s")
