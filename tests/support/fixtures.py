"""Fixtures that start real servers; ``tests/conftest.py`` makes them known."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from tests.support.server import RunningServer


class FreshServer(Protocol):
    """Starts a server of the test's own; what the test leaves running is stopped after it."""

    def __call__(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        data_dir: Path | None = None,
    ) -> RunningServer: ...


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    """One server with the default settings for the whole run: leave no mark on it."""
    with RunningServer() as running:
        yield running


@pytest.fixture
def fresh_server() -> Iterator[FreshServer]:
    """A factory of servers with arguments and settings of their own."""
    with ExitStack() as stack:

        def start(
            *arguments: str,
            environment: Mapping[str, str] | None = None,
            data_dir: Path | None = None,
        ) -> RunningServer:
            running = RunningServer(*arguments, environment=environment, data_dir=data_dir)
            return stack.enter_context(running)

        yield start
