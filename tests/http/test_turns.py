"""Who is looked at in a turn of the event loop, who stands in line, and who has come too late."""

import asyncio
import itertools
import time

import pytest

from grantory.http.turns import (
    LEAST_IN_LINE,
    LEAST_SERVED,
    LONGEST_IN_LINE,
    MOST_REFUSED,
    MOST_SERVED,
    TURN_SECONDS,
    Turns,
)


class Desk:
    """The turns of a loop, and what became of whoever came."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.served: list[int] = []
        self.refused: list[int] = []

    def come(self, *numbers: int) -> None:
        """Some come, in this order."""
        for number in numbers:
            if self.turns.takes():
                self._look_at(number)
            else:
                self.turns.line_up(lambda n=number: self._look_at(n))  # type: ignore[misc]

    def _look_at(self, number: int) -> None:
        (self.refused if self.turns.too_late else self.served).append(number)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, in a test's hand."""
    now = [1_000.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    return now


async def test_first_come_is_first_served(now: list[float]) -> None:
    desk = Desk()
    numbers = range(3 * LEAST_SERVED + 1)
    desk.come(*numbers[:-1])
    assert desk.served == list(numbers[:LEAST_SERVED])

    await asyncio.sleep(0)
    desk.come(numbers[-1])  # whoever comes now stands behind those in line
    assert desk.served == list(numbers[: 2 * LEAST_SERVED])
    await asyncio.sleep(0)
    assert desk.served == list(numbers[:-1])
    await asyncio.sleep(0)
    assert desk.served == list(numbers)
    assert not desk.refused


async def test_a_turn_that_nobody_waited_for_is_whole_again(now: list[float]) -> None:
    desk = Desk()
    for _ in range(5):
        desk.come(*range(LEAST_SERVED))
        await asyncio.sleep(0)
    assert len(desk.served) == 5 * LEAST_SERVED


async def test_who_waited_too_long_is_refused_and_the_newest_are_served(now: list[float]) -> None:
    desk = Desk()
    old = range(LEAST_SERVED + LEAST_IN_LINE + 2 * MOST_REFUSED)
    desk.come(*old)
    now[0] += LONGEST_IN_LINE + 0.001
    new = range(1_000, 1_000 + LEAST_SERVED)
    desk.come(*new)
    await asyncio.sleep(0)

    assert desk.refused == list(old[LEAST_SERVED : LEAST_SERVED + MOST_REFUSED])
    assert desk.served[LEAST_SERVED:] == list(reversed(new))
    for _ in range(LEAST_IN_LINE):
        await asyncio.sleep(0)
    # The last of them are few enough to be served late.
    assert len(desk.refused) == 2 * MOST_REFUSED
    assert sorted(desk.served + desk.refused) == [*old, *new]


async def test_after_a_pause_few_are_served_however_late(now: list[float]) -> None:
    desk = Desk()
    desk.come(*range(LEAST_SERVED + LEAST_IN_LINE))
    now[0] += 3600.0
    for _ in range(LEAST_IN_LINE):
        await asyncio.sleep(0)
    assert desk.served == list(range(LEAST_SERVED + LEAST_IN_LINE))
    assert not desk.refused


@pytest.mark.parametrize("late", [0.0, LONGEST_IN_LINE + 0.001])
async def test_who_says_much_in_one_piece_has_the_turn_of_as_many(
    now: list[float], late: float
) -> None:
    desk = Desk()
    desk.come(*range(LEAST_SERVED + LEAST_IN_LINE + 1))
    now[0] += late

    def say_much() -> None:
        desk.served.append(-1)
        for _ in range(LEAST_SERVED):
            desk.turns.count()
        desk.turns.line_up(say_much)

    desk.turns.line_up(say_much)
    others = []
    for _ in range(2 * LEAST_IN_LINE):
        before = len(desk.served)
        await asyncio.sleep(0)
        turn = desk.served[before:]
        assert len(turn) <= LEAST_SERVED
        others.append(sum(number >= 0 for number in turn))
    # It never has two turns one after the other while somebody else waits.
    assert sum(others) == LEAST_SERVED + LEAST_IN_LINE + 1 - len(desk.refused) - LEAST_SERVED
    busy = others[: max(at for at, count in enumerate(others) if count) + 1]
    assert (0, 0) not in itertools.pairwise(busy)


async def test_many_refusals_in_one_piece_leave_the_newest_their_turn(now: list[float]) -> None:
    desk = Desk()
    refused = []

    def say_much() -> None:
        if desk.turns.too_late:
            refused.append(1)
        for _ in range(3 * LEAST_SERVED):
            desk.turns.count()

    desk.come(*range(LEAST_SERVED))
    for _ in range(LEAST_IN_LINE + 5 * MOST_REFUSED):
        desk.turns.line_up(say_much)
    now[0] += LONGEST_IN_LINE + 0.001
    new = range(1_000, 1_000 + LEAST_SERVED)
    desk.come(*new)
    await asyncio.sleep(0)
    assert desk.served[LEAST_SERVED:] == list(reversed(new))
    assert 1 <= len(refused) <= MOST_REFUSED // (3 * LEAST_SERVED) + 1


async def test_a_turn_takes_as_many_as_fit_into_its_time(now: list[float]) -> None:
    """With cheap requests many are looked at in a turn, with dear ones few, never fewer than 4."""
    desk = Desk()

    async def served_in_a_turn(cost: float) -> int:
        for _ in range(100):
            if len(desk.served) % 100 < 50:
                desk.come(*range(LEAST_IN_LINE))
            before = len(desk.served)
            await asyncio.sleep(0)
            now[0] += cost * (len(desk.served) - before)
        desk.come(*range(2 * MOST_SERVED))
        before = len(desk.served)
        await asyncio.sleep(0)
        return len(desk.served) - before

    assert await served_in_a_turn(TURN_SECONDS / 10_000) == MOST_SERVED
    assert await served_in_a_turn(TURN_SECONDS / 9.9) in (9, 10)
    assert await served_in_a_turn(TURN_SECONDS) == LEAST_SERVED
