"""A browser without a window, and what tests ask of a page in it."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tools.system_packages import INSTALL_CHROMIUM, chromium_program

Scheme = Literal["light", "dark"]
SECONDS = 30
"""A browser on a busy machine gets that long for what it has to do."""
# Tests reach this machine alone; the rest asks nobody for updates, passwords or translations.
SWITCHES = (
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--no-proxy-server",
    "--disable-gpu",
)


class BrowserMissingError(AssertionError):
    """There is no browser to drive; the text says what to install."""


@asynccontextmanager
async def open_browser() -> AsyncIterator[Browser]:
    """A browser, until the end of the block.

    Raises:
        BrowserMissingError: when there is none.
    """
    program = chromium_program()
    if program is None:
        raise BrowserMissingError(INSTALL_CHROMIUM)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program,
            chromium_sandbox=os.geteuid() != 0,  # root cannot have one
            args=list(SWITCHES),
            timeout=SECONDS * 1000,
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def open_page(
    browser: Browser, *, width: int = 1024, height: int = 768, scheme: Scheme = "light"
) -> AsyncIterator[Page]:
    """A page with cookies of its own, until the end of the block.

    Args:
        browser: that shows it.
        width: of the window, in CSS pixels.
        height: the same.
        scheme: of colours, as a person prefers it.
    """
    context: BrowserContext = await browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme
    )
    context.set_default_timeout(SECONDS * 1000)
    try:
        yield await context.new_page()
    finally:
        await context.close()


class Album:
    """Pictures of pages, in a folder that was asked for with ``--screenshots``."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    async def take(self, page: Page, name: str) -> None:
        """Take a picture of a whole page, if anybody wants one."""
        if self._folder is not None:
            await page.screenshot(path=self._folder / f"{name}.png", full_page=True)
