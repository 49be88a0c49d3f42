"""One server for the programs that the guides show; its database shows in none of them."""

from collections.abc import Iterator

import pytest

from tests.browser.conftest import browser, page
from tests.support.server import RunningServer

__all__ = ["browser", "page"]


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    with RunningServer() as running:
        yield running
