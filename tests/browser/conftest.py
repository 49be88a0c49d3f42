"""One browser for each file of tests, and a fresh page for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page

from tests.browser.chromium import Album, open_browser, open_page


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all tests of a file, which run in one loop."""
    async with open_browser() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page of the test's own; at its end nothing must have failed in it unseen."""
    async with open_page(browser) as opened:
        faults: list[str] = []

        def listen(message: ConsoleMessage) -> None:
            if message.type == "error" and "Content Security Policy" in message.text:
                faults.append(message.text)

        opened.on("console", listen)
        opened.on("pageerror", lambda error: faults.append(str(error)))
        yield opened
        assert not faults


@pytest.fixture(scope="session")
def album(pytestconfig: pytest.Config) -> Album:
    """Keeps pictures where ``--screenshots`` says, else none."""
    folder: Path | None = pytestconfig.getoption("screenshots")
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    return Album(folder)
