"""What the system may bar a test from: it is said, never passed over in silence."""

import os
import re
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support.soak import soaking

SYS_PTRACE = 19
"""Bits of the set of capabilities, as capability.h numbers them."""
SYS_ADMIN = 21


def holds(capability: int) -> bool:
    """Whether this process has a capability, as far as the system tells."""
    try:
        status = Path("/proc/self/status").read_text("ascii", errors="replace")
    except FileNotFoundError:
        return False
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return found is not None and bool(int(found[1], 16) >> capability & 1)


def barred(why: str, capability: int | None = None) -> NoReturn:
    """End a test that cannot be tried here: skipped, with the reason in pytest's summary.

    It fails instead in a long run, which is to show everything, and where this process has
    the capability that it takes: then something else is wrong.
    """
    test = os.environ.get("PYTEST_CURRENT_TEST", "this").rpartition("::")[2].partition(" (")[0]
    said = f"{test} could not be tried: {why}"
    if soaking() or (capability is not None and holds(capability)):
        pytest.fail(said, pytrace=False)
    # Skipped only where the system itself bars it, as tracing in a container without the
    # capability: nothing that a test could do would try it there. Everywhere else it fails above.
    pytest.skip(said)
