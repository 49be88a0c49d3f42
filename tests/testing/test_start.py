"""The start of a test's server: what it loads, and what it costs beside what cannot be spared.

Seconds differ from machine to machine and with what else runs, so none are counted here: the
guide tells those that were measured.
"""

import re

import pytest

from benchmarks.start import program, server_of_tests
from grantory.testing import GrantoryServer

LOADED = re.compile(r"^import time: +\d+ \| +\d+ \| +(\S+)$", re.MULTILINE)
NEVER = (
    *("_pytest", "pytest", "hypothesis", "typer", "rich", "grantory.cli"),
    *("asyncpg", "greenlet", "grantory.storage.postgres", "sqlalchemy.dialects.postgresql"),
    *("alembic", "httpx2", "lxml", "opentelemetry", "signxml", "yaml", "zxcvbn"),
)
"""What belongs to the test, to commands, to the other kind of store, or to rare requests."""
MOST = 4.5
"""Times the processor time of a Python that loads what every such server has to, and no more."""
TURNS = 6
"""Of which one is enough: where cores and caches are shared, both times vary by a half."""


def test_it_loads_nothing_that_it_does_not_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    with GrantoryServer() as server:
        modules = LOADED.findall(server.log())
    assert "grantory.testing.process" in modules
    unwanted = tuple(f"{name}." for name in NEVER)
    assert not [name for name in modules if name in NEVER or name.startswith(unwanted)]


def test_it_costs_little_more_than_what_it_cannot_do_without() -> None:
    ratios: list[float] = []
    while len(ratios) < TURNS and min(ratios, default=MOST) >= MOST:
        floor = program("-c", "import uvicorn").processor
        ratios.append(server_of_tests().processor / floor)
    assert min(ratios) < MOST, ratios
