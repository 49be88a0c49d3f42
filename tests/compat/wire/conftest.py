"""One server for what the other clients send; which database it has shows in no byte of it."""

from collections.abc import Iterator

import pytest

from tests.support.server import RunningServer


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    with RunningServer("--workers", "2") as running:
        yield running
