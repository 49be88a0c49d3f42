"""Stores of either kind for the commands that work on both, and a cloud for those that call one."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from tests.support.cloud import Cloud
from tests.support.stores import STORES, NamedStore


class FreshStore(Protocol):
    """Makes a database that holds nothing yet."""

    def __call__(self, kind: str = "") -> NamedStore: ...


@pytest.fixture(params=sorted(STORES))
def fresh_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FreshStore]:
    """A factory of stores, of each kind in turn where the test names none."""
    with ExitStack() as stack:
        count = iter(range(100))

        def make(kind: str = "") -> NamedStore:
            folder = tmp_path / f"store{next(count)}"
            return stack.enter_context(STORES[kind or request.param](folder))

        yield make


@pytest.fixture
def named_store(fresh_store: FreshStore) -> NamedStore:
    """A database that holds nothing yet, of each kind in turn."""
    return fresh_store()


@pytest.fixture
def file_store(tmp_path: Path) -> Iterator[NamedStore]:
    """A file that is not there yet, where the kind of database has no bearing."""
    with STORES["sqlite"](tmp_path / "store") as store:
        yield store


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """What stands for the vendor's cloud, running."""
    with Cloud() as made:
        yield made
