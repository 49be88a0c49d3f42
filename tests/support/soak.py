"""How long the tests that draw lots, or repeat themselves, go on."""

import os
from collections.abc import Callable, Iterator
from typing import Final

import pytest

ON_BOTH: Final = pytest.mark.parametrize("world", ["sqlite", "postgresql"], indirect=True)
"""For a test of a race, which each kind of database decides in a way of its own."""
MORE_ROUNDS: Final = 8
VARIABLE = "GRANTORY_SOAK"
"""Set to 1, a run has hours; to 0.1, a tenth of them."""


def soaking() -> bool:
    """Whether this run has hours, or a part of them."""
    return bool(os.environ.get(VARIABLE))


def databases() -> list[str]:
    """The kinds of database that what is not about storage runs on: both when soaking.

    What a store promises is held on both by tests/storage/contract, every operation by
    tests/compat, logins and logouts over a restart by tests/security/login/test_restarts.py.
    """
    return ["sqlite", "postgresql"] if soaking() else ["sqlite"]


def rounds(short: int, long: int) -> int:
    """How often to repeat: ``short`` in every run, ``long`` or a share of it when soaking."""
    return max(short, int(long * float(os.environ[VARIABLE]))) if soaking() else short


def rounds_until(short: int, long: int, is_shown: Callable[[], object]) -> Iterator[int]:
    """Numbers rounds; some more than asked for while, by chance, what they are for was not met."""
    wanted = rounds(short, long)
    for number in range(wanted + MORE_ROUNDS):
        if number >= wanted and is_shown():
            return
        yield number
