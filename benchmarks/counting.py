"""How much Python does for a piece of work: a count that no clock and no neighbour changes."""

import asyncio
import statistics
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from types import FrameType
from typing import Any, Final

import msgspec

LOOP: Final = str(Path(asyncio.__file__).parent)
"""Where the event loop of Python's library is; a server has uvloop's, which is no Python."""
HERE: Final = str(Path(__file__).parent)
MOST_TURNS: Final = 16


class WaitedError(AssertionError):
    """Work that was to be done at once had to wait for something."""


class Count(msgspec.Struct, frozen=True):
    """What was done."""

    instructions: int
    """Of bytecode. They differ from one version of Python to the next."""
    calls: int
    """Of functions, those in C included. Nearly the same in all versions."""


class _Counter:
    """Takes the events that the interpreter tells of.

    Args:
        but: folders whose code does not count.
    """

    def __init__(self, *but: str) -> None:
        self._but = but
        self.instructions = 0
        self.calls = 0

    def trace(self, frame: FrameType, event: str, _argument: object) -> Any:
        if self._but and frame.f_code.co_filename.startswith(self._but):
            return None
        if event == "opcode":
            self.instructions += 1
        elif event == "call":
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
        return self.trace

    def profile(self, frame: FrameType, event: str, _argument: object) -> None:
        if event in ("call", "c_call") and not (
            self._but and frame.f_code.co_filename.startswith(self._but)
        ):
            self.calls += 1


def count(work: Coroutine[Any, Any, object]) -> Count:
    """Runs a coroutine to its end, and counts; it must not have to wait.

    Raises:
        WaitedError: when it had to.
    """
    counter = _Counter()
    tracing, profiling = sys.gettrace(), sys.getprofile()
    sys.settrace(counter.trace)
    sys.setprofile(counter.profile)
    try:
        work.send(None)
    except StopIteration:
        return Count(counter.instructions, counter.calls)
    finally:
        sys.setprofile(profiling)
        sys.settrace(tracing)
        work.close()
    raise WaitedError("it waited: for the store, most likely")


async def count_turns(begin: Callable[[], None], ended: Callable[[], bool]) -> Count:
    """Counts work that takes several turns of the event loop, whose own code is left out.

    Args:
        begin: sets it going.
        ended: tells whether it is done; asked after each turn.

    Raises:
        WaitedError: when it is not done after 16 turns.
    """
    counter = _Counter(LOOP, HERE)
    tracing, profiling = sys.gettrace(), sys.getprofile()
    sys.settrace(counter.trace)
    sys.setprofile(counter.profile)
    try:
        begin()
        for _ in range(MOST_TURNS):
            await asyncio.sleep(0)
            if ended():
                await asyncio.sleep(0)  # what was put off until the answers are sent
                return Count(counter.instructions, counter.calls)
    finally:
        sys.setprofile(profiling)
        sys.settrace(tracing)
    raise WaitedError("it waited: for the store, most likely")


def middle(counts: list[Count]) -> Count:
    """The median of each figure: what happens once in many times does not show."""
    return Count(
        int(statistics.median_low(each.instructions for each in counts)),
        int(statistics.median_low(each.calls for each in counts)),
    )
