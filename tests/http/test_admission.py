"""Which requests are taken, and what is told of those that are not."""

import asyncio
import time

import pytest

from grantory.http import admission
from grantory.http.admission import LEAST_WAITING, Admission
from grantory.http.turns import Turns


class Desk:
    """An admission, with what it has reported and the room that the store has."""

    def __init__(self) -> None:
        self.reports: asyncio.Queue[int] = asyncio.Queue()
        self.room = 1_000
        self.turns = Turns()
        self.admission = Admission(self.reports.put_nowait, lambda: self.room, self.turns)

    def queue(self, count: int, *, change: bool = False) -> None:
        """So many more wait."""
        for _ in range(count):
            self.admission.queued(change=change)


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(admission, "REPORT_SECONDS", 0.01)
    return Desk()


def set_cost(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """What a request is taken to cost before any was seen."""
    monkeypatch.setattr(admission, "_FIRST_COST", seconds)


def test_few_are_always_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    set_cost(monkeypatch, 1_000.0)
    desk = Desk()
    desk.queue(LEAST_WAITING - 1)

    assert desk.admission.admits(change=False)


async def test_many_are_taken_while_they_are_cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    set_cost(monkeypatch, admission.LONGEST_WAIT / 1_000)
    desk = Desk()
    desk.queue(999)
    assert desk.admission.admits(change=False)
    desk.queue(1)
    assert not desk.admission.admits(change=False)

    desk.admission.started(change=False)
    assert desk.admission.admits(change=False)


async def test_whoever_stood_in_line_too_long_is_refused(desk: Desk) -> None:
    desk.turns.too_late = True
    assert not desk.admission.admits(change=False)


async def test_changes_are_taken_as_the_store_has_room(desk: Desk) -> None:
    desk.room = 3
    desk.queue(2, change=True)
    assert desk.admission.admits(change=True)
    desk.queue(1, change=True)
    assert not desk.admission.admits(change=True)
    assert desk.admission.admits(change=False)

    # The store counts it from now on.
    desk.admission.started(change=True)
    desk.room = 2
    assert not desk.admission.admits(change=True)
    desk.room = 3
    assert desk.admission.admits(change=True)


async def test_what_one_costs_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only from those that began one after another: between others the loop may have slept."""
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    desk = Desk()
    for _ in range(100):  # far between
        desk.queue(1)
        desk.admission.started(change=False)
        now[0] += 10.0
    desk.queue(LEAST_WAITING)
    cheap = admission.LONGEST_WAIT / LEAST_WAITING / 2
    for _ in range(LEAST_WAITING * 2):
        now[0] += cheap
        desk.admission.started(change=False)
        desk.queue(1)
    assert desk.admission.admits(change=False)

    for _ in range(LEAST_WAITING * 2):
        now[0] += cheap * 4
        desk.admission.started(change=False)
        desk.queue(1)
    assert not desk.admission.admits(change=False)


async def test_a_process_that_was_stopped_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    desk = Desk()
    desk.queue(LEAST_WAITING)
    desk.admission.started(change=False)
    now[0] += 3600.0
    desk.admission.started(change=False)
    desk.queue(2)
    assert not desk.admission.admits(change=False)

    for _ in range(2_000):
        now[0] += 0.000_05
        desk.admission.started(change=False)
        desk.queue(1)
    assert desk.admission.admits(change=False)


async def test_the_refused_are_told_together(desk: Desk) -> None:
    desk.room = 0
    for _ in range(7):
        assert not desk.admission.admits(change=True)
    assert desk.reports.empty()
    assert await desk.reports.get() == 7

    assert not desk.admission.admits(change=True)
    assert await desk.reports.get() == 1
    assert desk.reports.empty()


async def test_the_last_refused_are_told_at_the_end(desk: Desk) -> None:
    desk.room = 0
    assert not desk.admission.admits(change=True)
    desk.admission.tell()
    assert desk.reports.get_nowait() == 1

    desk.admission.tell()
    await asyncio.sleep(admission.REPORT_SECONDS * 2)
    assert desk.reports.empty()
