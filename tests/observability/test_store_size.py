"""How large the store is, asked seldom and never waited for long."""

import asyncio

import pytest

from grantory.errors import StorageUnavailable
from grantory.observability import store_size
from grantory.observability.store_size import ASK_EVERY, StoreSize
from tests.support.runtime import FakeClock


class Measure:
    """A store that answers when it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.size = 4096
        self.fails: Exception | None = None
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self) -> dict[str, int]:
        self.asked += 1
        await self.may_answer.wait()
        if self.fails is not None:
            raise self.fails
        return {"database": self.size}


@pytest.fixture
async def measure() -> Measure:
    return Measure()


async def test_it_is_asked_again_after_a_while_only(measure: Measure) -> None:
    clock = FakeClock()
    size = StoreSize(measure, clock.monotonic)
    first = await asyncio.gather(*(size.known() for _ in range(20)))
    assert first == [{"database": 4096}] * 20
    measure.size = 8192
    clock.advance(ASK_EVERY - 0.1)
    assert await size.known() == {"database": 4096}
    assert measure.asked == 1
    clock.advance(0.1)
    assert await size.known() == {"database": 8192}


@pytest.mark.parametrize("failure", [StorageUnavailable("x"), OSError(), ValueError()])
async def test_it_is_not_known_after_a_failure(measure: Measure, failure: Exception) -> None:
    clock = FakeClock()
    size = StoreSize(measure, clock.monotonic)
    assert await size.known()
    measure.fails = failure
    clock.advance(ASK_EVERY)
    assert await size.known() == {}
    measure.fails = None
    assert await size.known() == {}
    assert measure.asked == 2
    clock.advance(ASK_EVERY)
    assert await size.known()


async def test_nobody_waits_for_a_store_that_hangs(
    measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_size, "PATIENCE", 0.001)
    size = StoreSize(measure, FakeClock().monotonic)
    measure.may_answer.clear()
    assert await size.known() == {}
    assert await size.known() == {}
    assert measure.asked == 1
    measure.may_answer.set()
    monkeypatch.setattr(store_size, "PATIENCE", 30.0)
    assert await size.known()
    assert measure.asked == 1


async def test_in_the_end_nothing_is_asked_any_more(
    measure: Measure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_size, "PATIENCE", 0.001)
    size = StoreSize(measure, FakeClock().monotonic)
    await size.close()
    measure.may_answer.clear()
    await size.known()
    await size.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}
