"""A process that stood still while something was ended accepts nothing of it when it goes on.

Whatever it is asked meanwhile lies in its queues until then: on connections that it has
accepted, and on those that it will accept first thing.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tests.exactness.subjects import CHANGES, IN_FAULTS, Subject, make_subject
from tests.support.processes import (
    ALIVE,
    CutSite,
    Line,
    Question,
    Site,
    Worker,
    sleep_until,
    standing_still,
    stands_still,
    wait_until,
)
from tests.support.soak import rounds
from tests.support.swallowing_proxy import SwallowingProxy

REFUSED = frozenset({400, 401, 403, 503})
SERVES_AGAIN = 5.0
ANSWERS_WITHIN = 2.0
PIPELINED = 3
SLOW = 0.3
"""Seconds that an answer of the database takes, where the network is slow."""


class Scene:
    """Clients with open connections to the workers that will stand still."""

    def __init__(self, site: Site, stack: ExitStack, maker: Worker, stopped: list[Worker]) -> None:
        self._site = site
        (self._line,) = stack.enter_context(site.lines([maker]))
        self._subjects = {name: make_subject(site, self._line) for name in IN_FAULTS}
        self.spared = make_subject(site, self._line)
        self._lines = stack.enter_context(
            site.lines(worker for worker in stopped for _ in self.ended)
        )
        self._asked = list(zip(self._lines, self.ended * len(stopped), strict=True))
        self._early = 0
        for line, question in self._asked:
            for _ in range(2):  # the second time from memory
                assert line.ask(question).status < 300

    @property
    def ended(self) -> list[Question]:
        """What is accepted until the changes are made."""
        return [q for name, subject in self._subjects.items() for q in CHANGES[name].ended(subject)]

    def ask_early(self) -> None:
        """Send what is not answered yet when the processes stop, one behind the other."""
        for line, question in self._asked:
            for _ in range(PIPELINED):
                line.send(question)

    def make_changes(self) -> float:
        """Make the changes; answers when the last was answered."""
        for name, subject in self._subjects.items():
            CHANGES[name].make(self._site, self._line, subject)
        return time.monotonic()

    def ask_late(self) -> None:
        """Send what must be refused, one behind the other."""
        for line, question in self._asked:
            for _ in range(PIPELINED):
                line.send(question)

    def check(self) -> None:
        """All that was asked late is refused."""
        for line, question in self._asked:
            for _ in range(PIPELINED):
                line.read()  # asked before the change: either answer is right
            answers = [line.read().status for _ in range(PIPELINED)]
            assert set(answers) <= REFUSED, f"{question}: {answers}"


@contextmanager
def whole_node_still(site: Site, node: int) -> Iterator[None]:
    """All processes of a node."""
    server = site.nodes[node]
    try:
        os.killpg(server.process_id, signal.SIGSTOP)
        family = [server.process_id, *server.workers()]
        wait_until(lambda: all(map(stands_still, family)), "the node to stand still")
        yield
    finally:
        os.killpg(server.process_id, signal.SIGCONT)


def served_by(line: Line, spared: Subject) -> None:
    """Wait until what nothing ended is accepted."""
    for question in (spared.has_token, spared.has_secret, spared.has_right):
        wait_until(lambda: line.ask(question).status < 300, "being served again", SERVES_AGAIN)


@pytest.mark.slow
@pytest.mark.timeout(rounds(120, 3600))
@pytest.mark.parametrize("site", ["postgresql"], indirect=True)
def test_a_node_that_stood_still_refuses_what_it_was_asked_meanwhile(site: Site) -> None:
    for number in range(rounds(2, 50)):
        _stop_second_node(site, number, 5.0)


@pytest.mark.slow
@pytest.mark.timeout(rounds(120, 3600))
def test_an_answer_that_lay_about_while_a_node_stood_still_is_not_believed(
    cut_site: CutSite,
) -> None:
    for number in range(rounds(1, 50)):
        _stop_second_node(cut_site.site, number, 1.5, cut_site.network)


def _stop_second_node(
    site: Site, number: int, seconds: float, network: SwallowingProxy | None = None
) -> None:
    with ExitStack() as stack:
        stopped = site.of_node(1)
        scene = Scene(site, stack, site.of_node(0)[number % 2], stopped)
        if network is not None:  # an answer is nearly always under way
            network.delay(to_client=SLOW)
            stack.callback(network.delay)
            time.sleep(0.5)
        time.sleep(0.083 * number)  # at other moments of the node's asking
        scene.ask_early()
        with whole_node_still(site, 1):
            began = time.monotonic()
            changed = scene.make_changes()
            sleep_until(changed + site.lag)
            scene.ask_late()
            new = [
                (stack.enter_context(Line(site.nodes[1].port)), question)
                for question in scene.ended * 2
            ]
            for line, question in new:
                line.send(question)
            if network is not None:  # what was under way has come by now
                network.delay()
            sleep_until(began + seconds)
        scene.check()
        for line, question in new:
            assert line.read().status in REFUSED, question
        for line in stack.enter_context(site.lines(stopped)):
            served_by(line, scene.spared)


@pytest.mark.slow
@pytest.mark.timeout(rounds(120, 3600))
def test_a_worker_that_stood_still_refuses_what_it_was_asked_meanwhile(site: Site) -> None:
    for number in range(rounds(3, 50)):
        worker = site.workers[-1 - number % len(site.workers)]
        maker = site.workers[-1 - (number + 1) % len(site.workers)]
        with ExitStack() as stack:
            scene = Scene(site, stack, maker, [worker])
            time.sleep(0.083 * number)
            scene.ask_early()
            with standing_still([worker.process_id]):
                changed = scene.make_changes()
                for _ in range(5):
                    new = stack.enter_context(Line(site.nodes[worker.node].port))
                    asked = time.monotonic()
                    assert new.ask(ALIVE).status == 200
                    served_by(new, scene.spared)
                    assert time.monotonic() - asked < ANSWERS_WITHIN, "the others serve on"
                sleep_until(changed + site.lag)
                scene.ask_late()
                time.sleep(0.2)
            scene.check()
            (again,) = stack.enter_context(site.lines([worker]))
            served_by(again, scene.spared)
