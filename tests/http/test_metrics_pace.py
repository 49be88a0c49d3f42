"""How often one process makes the metrics, whatever is asked of the others."""

import asyncio
import ipaddress
from itertools import pairwise

import pytest

from grantory.http.metrics import REMEMBERED_SECONDS, MetricsResource
from grantory.http.request import Message, Request
from grantory.ports.metrics_text import MetricsText
from tests.support.runtime import FakeClock

OPENMETRICS = b"application/openmetrics-text"


async def nothing() -> Message:
    return {"type": "http.disconnect"}


class Process:
    """One of several that are asked, on a clock in hand."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.made: list[float] = []
        """When it was made."""
        self.takes = 0.0
        """Seconds that pass before it is added up."""
        self.others_told = float("-inf")
        self.begun = asyncio.Event()
        self.going_on = asyncio.Event()
        """Cleared, it keeps a text from being ended."""
        self.going_on.set()
        networks = (ipaddress.ip_network("127.0.0.1"),)
        self._resource = MetricsResource(
            self._write, self._is_newest, networks, "", self.clock, self._pause
        )

    def _is_newest(self, made: float) -> bool:
        return self.others_told <= made

    async def _pause(self, seconds: float) -> None:
        self.clock.advance(seconds)

    async def _write(self, openmetrics: bool) -> MetricsText:
        self.clock.advance(self.takes)
        made = self.clock.monotonic()
        self.made.append(made)
        number = len(self.made)
        self.begun.set()
        await self.going_on.wait()
        return MetricsText(b"%d" % number, "x" if openmetrics else "y", made)

    async def ask(self, accepted: bytes = b"*/*") -> int:
        """Asks, and tells which of the texts was the answer."""
        scope = {
            "method": "GET",
            "raw_path": b"/metrics",
            "headers": [(b"accept", accepted)],
            "client": ("127.0.0.1", 1),
        }
        answer = await self._resource.answer(Request(scope, nothing, "", ()))
        assert isinstance(answer.body, bytes)
        return int(answer.body)


@pytest.fixture
async def process() -> Process:
    return Process()


async def test_readers_of_several_processes_make_none_of_them_work_all_the_time(
    process: Process,
) -> None:
    for number in range(10):
        assert await process.ask((b"*/*", OPENMETRICS)[number % 3 == 1]) == number + 1
        process.clock.advance(0.001)
        process.others_told = process.clock.monotonic()
    pauses = [later - earlier for earlier, later in pairwise(process.made)]
    assert min(pauses) >= REMEMBERED_SECONDS - 1e-9


async def test_what_was_made_is_told_until_another_process_tells_more(process: Process) -> None:
    assert [await process.ask() for _ in range(3)] == [1] * 3
    process.others_told = process.clock.monotonic()
    assert await process.ask() == 1
    process.clock.advance(0.1)
    process.others_told = process.clock.monotonic()
    assert await process.ask() == 2
    process.clock.advance(REMEMBERED_SECONDS)
    assert await process.ask() == 3


async def test_who_comes_while_it_is_made_is_told_no_less_than_others_tell(
    process: Process,
) -> None:
    process.going_on.clear()
    first = asyncio.create_task(process.ask())
    await process.begun.wait()
    process.clock.advance(0.01)
    process.others_told = process.clock.monotonic()
    later = [asyncio.create_task(process.ask()) for _ in range(5)]
    await asyncio.sleep(0)
    process.going_on.set()
    assert await first == 1
    assert await asyncio.gather(*later) == [2] * 5


async def test_neither_form_tells_less_than_the_other_did(process: Process) -> None:
    process.takes = 0.4  # which the store needs to say how large it is
    assert await process.ask() == 1
    process.takes = 0
    assert [await process.ask(OPENMETRICS) for _ in range(2)] == [2] * 2
    assert await process.ask() == 3


async def test_both_forms_at_once_are_made_one_after_the_other(process: Process) -> None:
    answers = await asyncio.gather(*(process.ask(each) for each in (b"*/*", OPENMETRICS) * 5))
    assert answers == [1, 2] * 5
    assert process.made[1] - process.made[0] >= REMEMBERED_SECONDS - 1e-9
