"""The plugin of pytest: its fixtures. The server starts when a test first asks for it."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from grantory.testing.server import GrantoryServer


@pytest.fixture(scope="session")
def grantory_settings() -> Mapping[str, Any]:
    """Settings of the server by their names, none by default; for a project to override."""
    return {}


@pytest.fixture(scope="session")
def grantory_session_server(grantory_settings: Mapping[str, Any]) -> Iterator[GrantoryServer]:
    """The server of the whole run; each worker of pytest-xdist has its own."""
    with GrantoryServer(grantory_settings) as server:
        yield server


@pytest.fixture
def grantory_server(grantory_session_server: GrantoryServer) -> Iterator[GrantoryServer]:
    """A real server, which is after each test what it was before."""
    yield grantory_session_server
    grantory_session_server.reset()
