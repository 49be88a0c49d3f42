"""Stores for the tests of storage: each backend in turn."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.backends import BACKENDS, Backend, OpenStore
from tests.support.runtime import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Backend:
    return BACKENDS[request.param](tmp_path)


@pytest.fixture
async def store(backend: Backend, clock: FakeClock) -> AsyncIterator[OpenStore]:
    opened = backend.open(clock)
    yield opened
    opened.close()


@pytest.fixture
async def second_store(backend: Backend, clock: FakeClock) -> AsyncIterator[OpenStore]:
    """The same database, as another process opens it."""
    opened = backend.open(clock)
    yield opened
    opened.close()
