"""How much Python does for a piece of work: a count that no clock and no neighbour changes."""

import statistics
import sys
from collections.abc import Coroutine
from types import FrameType
from typing import Any

import msgspec


class WaitedError(AssertionError):
    """Work that was to be done at once had to wait for something."""


class Count(msgspec.Struct, frozen=True):
    """What was done."""

    instructions: int
    """Of bytecode. They differ from one version of Python to the next."""
    calls: int
    """Of functions, those in C included. Nearly the same in all versions."""


class _Counter:
    """Takes the events that the interpreter tells of."""

    def __init__(self) -> None:
        self.instructions = 0
        self.calls = 0

    def trace(self, frame: FrameType, event: str, _argument: object) -> Any:
        if event == "opcode":
            self.instructions += 1
        elif event == "call":
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
        return self.trace

    def profile(self, _frame: FrameType, event: str, _argument: object) -> None:
        if event in ("call", "c_call"):
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


def middle(counts: list[Count]) -> Count:
    """The median of each figure: what happens once in many times does not show."""
    return Count(
        int(statistics.median_low(each.instructions for each in counts)),
        int(statistics.median_low(each.calls for each in counts)),
    )
