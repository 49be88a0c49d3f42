"""The server of these tests, on SQLite; in a soak run on PostgreSQL, too."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.soak import databases
from tests.support.world import World, new_world


@pytest.fixture(params=databases())
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """A whole server on a store of its own, in this process, with a clock in hand."""
    on_postgres = request.param == "postgresql"
    async with new_world(tmp_path / "data", on_postgres=on_postgres) as made:
        yield made
