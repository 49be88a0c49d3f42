"""Stores that the tests of this folder share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.stores import STORES, NamedStore


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NamedStore]:
    """A store of either kind that is not there yet."""
    with STORES[request.param](tmp_path / "store") as made:
        yield made
