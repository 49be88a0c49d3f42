"""A program of a guide that listens, and a person with a browser in front of it."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from playwright.async_api import Page

from tests.compat.guides.guide import at_ports, sdk_environment
from tests.compat.sdk import PYTHON_SDK
from tests.support.server import RunningServer


@contextmanager
def running(
    code: str, server: RunningServer, port: int, folder: Path, variables: Mapping[str, str]
) -> Iterator[str]:
    """A Python program that says in its first line where to go; ends it with the block.

    Args:
        code: of the guide.
        server: that it uses.
        port: for it to listen on.
        folder: its home, and where its errors go.
        variables: of its environment, besides what every program has.

    Yields:
        The address.
    """
    errors = folder / "errors.txt"
    with (
        errors.open("w") as stream,
        subprocess.Popen(
            [str(PYTHON_SDK), "-c", at_ports(code, server, port)],
            env={"HOME": str(folder), **sdk_environment(variables)},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
        ) as program,
    ):
        try:
            assert program.stdout is not None
            line = program.stdout.readline()
            assert line.startswith("Open "), errors.read_text()
            yield line.removeprefix("Open ").strip()
        finally:
            program.kill()
            sys.stderr.write(errors.read_text())


async def log_in(page: Page, server: RunningServer) -> None:
    """Fill in the login page as the administrator."""
    user = server.first_start["admin"]
    await page.get_by_label("E-mail address").fill(user["email"])
    await page.get_by_label("Password").fill(user["password"])
    await page.get_by_role("button", name="Sign in").click()


async def allow(page: Page) -> None:
    """Consent."""
    await page.get_by_role("button", name="Allow").click()
