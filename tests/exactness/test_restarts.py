"""PostgreSQL is stopped and started in the midst of changes: whatever was answered holds."""

import threading
import time
from typing import Any, Literal, NamedTuple

import pytest

from tests.exactness.changes import REFUSED, Making
from tests.exactness.logins import IN_FAULTS, OF_THE_PERSON, make_endings
from tests.exactness.subjects import CHANGES, make_subject
from tests.exactness.watch import HALF_AS_MANY, Watch, watching
from tests.support.postgres import Cluster
from tests.support.processes import (
    PATIENCE,
    TRIED_AGAIN_AFTER,
    Line,
    Question,
    Site,
    postgres_site,
    sleep_until,
    wait_until,
)
from tests.support.soak import rounds, soaking

PHASES = 4
BEFORE, AS_IT_STOPS, WHILE_IT_IS_DOWN, AFTERWARDS = range(PHASES)
SERVES_AGAIN = 5.0
WATCHED_ON = 0.5
DONE_BEFORE = frozenset({401, 404})
"""What a change is answered whose first answer was lost with the database: it was made, then."""


class Told(NamedTuple):
    """What somebody was told of a change at last; times are of the monotonic clock."""

    making: Making[Any]
    sent: float
    answered: float


class Maker(threading.Thread):
    """Makes the changes of each phase, each again until it is told that it was made."""

    def __init__(self, site: Site, line: Line, phases: list[list[Making[Any]]]) -> None:
        super().__init__(daemon=True)
        self._site = site
        self._line = line
        self._phases = phases
        self._gates = [threading.Event() for _ in phases]
        self._failure: BaseException | None = None
        self.told: list[Told] = []
        self.put_off = [0] * len(phases)
        """How many 503 there were in a phase."""

    def run(self) -> None:
        try:
            for phase, makings in enumerate(self._phases):
                self._gates[phase].wait()
                for making in makings:
                    self.told.append(self._insist(making, phase))
        except BaseException as error:
            self._failure = error

    def begin(self, phase: int) -> None:
        """Let it make the changes of a phase, once it is done with those before."""
        self._gates[phase].set()

    def has_told(self, phase: int) -> bool:
        """Whether all changes up to and with a phase were answered."""
        self._must_live()
        return len(self.told) >= sum(map(len, self._phases[: phase + 1]))

    def is_put_off(self) -> bool:
        """Whether it was told that there is no database: in this phase, or since the one before."""
        self._must_live()
        return self.put_off[AS_IT_STOPS] + self.put_off[WHILE_IT_IS_DOWN] > 0

    def end(self) -> None:
        """Wait for the last answer."""
        for gate in self._gates:
            gate.set()
        self.join()
        self._must_live()

    def _must_live(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _insist(self, making: Making[Any], phase: int) -> Told:
        question = making.question(self._site)
        is_unknown = False
        deadline = time.monotonic() + 2 * PATIENCE
        while True:
            sent = time.monotonic()
            reply = self._line.ask(question)
            if reply.status != 503:
                break
            is_unknown = is_unknown or "retry-after" not in reply.headers
            self.put_off[phase] += 1
            assert sent < deadline, f"{making}: {reply.body!r}"
            time.sleep(TRIED_AGAIN_AFTER)
        good = making.change.answers | (DONE_BEFORE if is_unknown else set())
        assert reply.status in good, f"{making}: {reply.status} {reply.body!r}"
        return Told(making, sent, time.monotonic())


class Restart(NamedTuple):
    """When PostgreSQL was gone, and when it was started; by the monotonic clock."""

    gone: float
    started: float


def _restart(cluster: Cluster, makers: list[Maker], mode: Literal["fast", "immediate"]) -> Restart:
    """Stop and start it, with changes acknowledged just before, under way, and during it."""

    def begin(phase: int) -> None:
        for maker in makers:
            maker.begin(phase)

    begin(BEFORE)
    wait_until(lambda: all(maker.has_told(BEFORE) for maker in makers), "the first changes")
    begin(AS_IT_STOPS)
    cluster.stop(mode)
    gone = time.monotonic()
    begin(WHILE_IT_IS_DOWN)
    down = "changes to be put off while there is no database"
    wait_until(lambda: all(maker.is_put_off() for maker in makers), down)
    started = time.monotonic()
    cluster.start()
    begin(AFTERWARDS)
    for maker in makers:
        maker.end()
    return Restart(gone, started)


def _check(site: Site, watches: list[Watch], told: dict[Question, Told], restart: Restart) -> float:
    """Nothing that was ended is accepted after its time, or once it was refused."""
    for one in told.values():
        assert not (restart.gone < one.sent and one.answered < restart.started), one.making
    refused: dict[Question, float] = {}
    for watch in watches:
        statuses = {one.status for one in watch.tries if not one.accepted}
        assert statuses <= REFUSED | {503}, f"{watch.worker}, {watch.question}: {statuses}"
        if watch.question in told:
            assert watch.tries[-1].status in REFUSED, f"{watch.worker}: {watch.tries[-1]}"
            seen = next(one.answered for one in watch.tries if one.status in REFUSED)
            assert not watch.accepted_since(seen), f"{watch.worker} has forgotten an end"
            refused[watch.question] = min(seen, refused.get(watch.question, seen))
    worst = 0.0
    for watch in watches:
        if watch.question in told:
            one = told[watch.question]
            known = min(one.answered, refused[watch.question])
            late = watch.accepted_since(known + site.lag)
            assert not late, f"{watch.worker} accepted {watch.question} of {one.making}: {late}"
            worst = max(worst, watch.worst_lag(one.answered))
    return worst


def _phases(makings: list[Making[Any]], number: int, workers: int) -> list[list[list[Making[Any]]]]:
    """Who makes what, and when; every change in another phase each time."""
    shared: list[list[list[Making[Any]]]] = [[[] for _ in range(PHASES)] for _ in range(workers)]
    for at, making in enumerate(makings):
        shared[at % workers][(at // workers + at + number) % PHASES].append(making)
    return shared


@pytest.mark.slow
@pytest.mark.timeout(rounds(120, 3600))
def test_a_restart_of_postgresql_amid_changes_brings_nothing_back_and_is_outlived() -> None:
    with Cluster() as cluster, postgres_site(cluster.url(cluster.create_database())) as site:
        for number in range(rounds(1, 16)):
            mode: Literal["fast", "immediate"] = "fast" if number % 2 else "immediate"
            _restart_amid_changes(cluster, site, number, mode)


def _restart_amid_changes(
    cluster: Cluster, site: Site, number: int, mode: Literal["fast", "immediate"]
) -> None:
    with site.lines(site.workers) as lines:
        spared = make_subject(site, lines[0])
        endings = make_endings(site, lines[0], OF_THE_PERSON if soaking() else IN_FAULTS)
        makings: list[Making[Any]] = [
            *(Making(n, change, make_subject(site, lines[0])) for n, change in CHANGES.items()),
            *endings.makings,
        ]
        stay = [spared.has_token, spared.has_secret, spared.has_right, endings.spared.has_right]
        ended = [question for making in makings for question in making.ended]
        asked = [(worker, question) for worker in site.workers for question in (*ended, *stay)]
        with watching(site, asked, HALF_AS_MANY) as watches:
            shares = _phases(makings, number, len(lines))
            makers = [Maker(site, *each) for each in zip(lines, shares, strict=True)]
            for maker in makers:
                maker.start()
            restart = _restart(cluster, makers, mode)
            told = {q: one for maker in makers for one in maker.told for q in one.making.ended}
            staying = [watch for watch in watches if watch.question in stay]
            for watch in staying:
                watch.wait_until_accepted(SERVES_AGAIN)
            served = max(watch.accepted_since(restart.started)[0].answered for watch in staying)
            sleep_until(max(one.answered for one in told.values()) + site.lag + WATCHED_ON)
        worst = _check(site, watches, told, restart)
        for making in makings:
            for line in lines:
                for question in making.spent:
                    assert line.ask(question).status in REFUSED, making
    seconds = served - restart.started
    print(f"{mode}: worst lag {worst:.3f} s, served again {seconds:.3f} s after the start")
