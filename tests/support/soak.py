"""How long the tests that draw lots, or repeat themselves, go on."""

import os

VARIABLE = "GRANTORY_SOAK"


def soaking() -> bool:
    """Whether this run has hours: the variable ``GRANTORY_SOAK`` is set."""
    return bool(os.environ.get(VARIABLE))


def rounds(short: int, long: int) -> int:
    """How often to repeat: ``short`` in every run, ``long`` when soaking."""
    return long if soaking() else short
