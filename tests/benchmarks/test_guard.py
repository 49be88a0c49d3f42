"""A request must not become more expensive unseen: counted in bytecode, which needs no clock."""

from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from benchmarks.counting import Count, WaitedError, count, count_turns
from benchmarks.guard import NAMES, THROUGH, counted, excesses, read_bounds
from benchmarks.guard_connection import Connection
from tests.support.world import new_world

BEFORE = {"3.11": {"token": Count(1000, 100)}, "3.13": {"token": Count(800, 100)}}


async def test_no_request_has_become_more_expensive(tmp_path: Path) -> None:
    async with new_world(tmp_path / "data") as world:
        found = await counted(world)

    assert found.keys() == {*NAMES, *(name + THROUGH for name in NAMES)}
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


async def test_what_stands_before_the_application_counts_and_the_event_loop_does_not() -> None:
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        assert scope["method"] == "GET"
        await receive()
        headers = [(b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"ok"})

    async def answer_by_another(scope: Any, receive: Any, send: Any) -> None:
        await answer(scope, receive, send)

    direct, indirect = Connection(answer), Connection(answer_by_another)
    short, more = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"GET / HTTP/1.1\r\nhost: a\r\nb: c\r\n\r\n"
    for each in (direct, indirect):
        await each.counted(short)  # the first of a connection starts its timers
    first = await direct.counted(short)

    assert await direct.counted(short) == first
    assert (await indirect.counted(short)).calls == first.calls + 1
    assert (await direct.counted(more)).calls > first.calls
    for each in (direct, indirect):
        each.end()


async def test_what_is_not_answered_in_turns_enough_is_refused() -> None:
    with pytest.raises(WaitedError):
        await count_turns(lambda: None, lambda: False)
