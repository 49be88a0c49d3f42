"""A request must not become more expensive unseen: counted in bytecode, which needs no clock."""

from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from benchmarks.counting import Count, WaitedError, count
from benchmarks.guard import counted, excesses, read_bounds
from tests.support.world import new_world

BEFORE = {"3.11": {"token": Count(1000, 100)}, "3.13": {"token": Count(800, 100)}}


async def test_no_request_has_become_more_expensive(tmp_path: Path) -> None:
    async with new_world(tmp_path / "data") as world:
        found = await counted(world)

    assert {"token", "bearer GET of one client"} <= found.keys()
    assert excesses(found, read_bounds()) == []


@pytest.mark.parametrize(
    ("now", "version", "complaint"),
    [
        (Count(1029, 102), "3.11", ""),
        (Count(1031, 100), "3.11", "3.1% more than the 1,000 recorded"),
        (Count(1000, 104), "3.11", "104 calls"),
        (Count(9999, 110), "3.14", ""),
        (Count(800, 111), "3.14", "recorded with Python 3.13"),
    ],
)
def test_more_than_the_margin_is_too_much(now: Count, version: str, complaint: str) -> None:
    faults = excesses({"token": now}, BEFORE, version)

    assert bool(faults) is bool(complaint)
    assert complaint in "".join(faults)
    assert all("--record" in fault for fault in faults)


def test_what_was_never_recorded_is_asked_for() -> None:
    assert "--record" in excesses({"new": Count(1, 1)}, BEFORE, "3.11")[0]
    assert "--record" in excesses({"new": Count(1, 1)}, {}, "3.11")[0]


def test_one_more_call_is_one_more_counted() -> None:
    async def step() -> None:
        pass

    async def once() -> None:
        await step()

    async def twice() -> None:
        await step()
        await step()

    one, two = count(once()), count(twice())

    assert two.calls == one.calls + 1
    assert two.instructions > one.instructions
    assert count(once()) == one


def test_work_that_waits_is_refused() -> None:
    class Later:
        def __await__(self) -> Any:
            yield

    async def wait() -> None:
        await Later()

    work: Coroutine[Any, Any, None] = wait()
    with pytest.raises(WaitedError):
        count(work)
