"""Stores for the tests of storage: each backend in turn."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from grantory.storage.database import OpenStore
from tests.support.backends import BACKENDS, Backend
from tests.support.postgres import shared_cluster
from tests.support.runtime import FakeClock


@pytest.fixture
def url() -> Iterator[str]:
    """The address of an empty database."""
    cluster = shared_cluster()
    made = cluster.url(cluster.create_database())
    yield made
    cluster.drop_database(made)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=sorted(BACKENDS))
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    with BACKENDS[request.param](tmp_path) as made:
        yield made


@pytest.fixture
async def store(backend: Backend, clock: FakeClock) -> AsyncIterator[OpenStore]:
    opened = await backend.open(clock)
    yield opened
    await opened.close()


@pytest.fixture
async def second_store(backend: Backend, clock: FakeClock) -> AsyncIterator[OpenStore]:
    """The same database, as another process opens it."""
    opened = await backend.open(clock)
    yield opened
    await opened.close()
