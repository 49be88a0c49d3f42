"""A program of a guide that listens, and a person with a browser in front of it."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.async_api import Page

from grantory.http.response import Response
from tests.browser.site import Answer
from tests.browser.spa import SDK
from tests.compat.guides.guide import SECONDS, at_ports, sdk_environment
from tests.compat.sdk import PYTHON_SDK
from tests.support.server import RunningServer


class Program(NamedTuple):
    """A program that runs, and the address that its first line named."""

    process: subprocess.Popen[str]
    address: str

    def end(self) -> str:
        """Wait until it ends, as it must, well; returns what else it has printed."""
        output, _ = self.process.communicate(timeout=SECONDS)
        assert self.process.returncode == 0
        return output


@contextmanager
def running(
    code: str, server: RunningServer, port: int, folder: Path, variables: Mapping[str, str]
) -> Iterator[Program]:
    """A Python program that says in its first line where to go; ends it with the block.

    Args:
        code: of the guide.
        server: that it uses.
        port: for it to listen on.
        folder: its home, and where its errors go.
        variables: of its environment, besides what every program has.

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
            yield Program(program, line.removeprefix("Open ").strip())
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


def page_answers(html: str, server: RunningServer, client_id: str) -> dict[str, Answer]:
    """What the web site answers that a guide's page is the whole of, with the SDK beside it."""
    filled = at_ports(html, server).replace("the client's id", client_id)
    return {
        "GET /": Response(200, filled.encode(), _type("text/html")),
        f"GET /{SDK.name}": Response(200, SDK.read_bytes(), _type("text/javascript")),
    }


def _type(name: str) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"content-type", f"{name}; charset=utf-8".encode()),)
