"""A guide of docs/guides: the code in it, which tests run as it stands but for addresses."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.compat.sdk import NODE, NODE_MODULES, PYTHON_SDK
from tests.support.page import Page
from tests.support.server import RunningServer

SERVER: Final = "8080"
"""The server's port in every guide."""
APPLICATION: Final = "9000"
"""The port of the application in every guide."""
SECONDS: Final = 60


class Guide(Page):
    """One guide.

    Args:
        name: of the file, without its ending.
    """

    def __init__(self, name: str) -> None:
        super().__init__(f"guides/{name}")

    def names(self, *texts: str) -> bool:
        """Whether one row of a table names all of these, as code."""
        wanted = [f"`{text}`" for text in texts]
        rows = [line for line in self.text.splitlines() if line.startswith("|")]
        return any(all(text in row for text in wanted) for row in rows)


def at_ports(code: str, server: RunningServer, application: int | None = None) -> str:
    """Code with the ports of this run in place of the guide's."""
    moved = code.replace(SERVER, str(server.port))
    return moved if application is None else moved.replace(APPLICATION, str(application))


def environment(server: RunningServer, folder: Path, **more: str) -> dict[str, str]:
    """What a program of a guide finds in its environment, and nothing of the test's own.

    Args:
        server: that it calls, as the first client unless ``more`` says otherwise.
        folder: its home.
        more: further variables.
    """
    commands = folder / "commands"
    commands.mkdir(exist_ok=True)
    grantory = commands / "grantory"
    grantory.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m grantory "$@"\n')
    grantory.chmod(0o755)
    return {
        "PATH": f"{commands}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "HOME": str(folder),
        "GRANTORY_URL": server.url,
        "GRANTORY_CLIENT_ID": server.client_id,
        "GRANTORY_CLIENT_SECRET": server.client_secret,
        **more,
    }


def shell(code: str, server: RunningServer, folder: Path, **more: str) -> str:
    """What a shell prints that is given a block; every command must end well."""
    text = f"set -euo pipefail\n{at_ports(code, server)}"
    return _run(["bash", "-c", text], folder, environment(server, folder, **more))


def register(code: str, server: RunningServer, folder: Path, port: int) -> dict[str, str]:
    """The fields of the client that a block registers, for an application on a port."""
    said = shell(code.replace(APPLICATION, str(port)), server, folder)
    return dict(line.split(maxsplit=1) for line in said.splitlines())


def python_program(code: str, server: RunningServer, folder: Path, **more: str) -> str:
    """What a Python program prints that uses the official SDK; it must end well."""
    return _run([str(PYTHON_SDK), "-c", at_ports(code, server)], folder, sdk_environment(more))


def own_program(code: str, server: RunningServer, folder: Path, **more: str) -> str:
    """What a Python program prints that uses packages of this run's environment."""
    variables = {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    return _run([sys.executable, "-c", at_ports(code, server)], folder, {**variables, **more})


def node_program(code: str, server: RunningServer, folder: Path, **more: str) -> str:
    """What a program for Node prints that uses the official SDK; it must end well."""
    return _run([str(NODE), "-e", at_ports(code, server)], folder, sdk_environment(more))


def sdk_environment(more: Mapping[str, str]) -> dict[str, str]:
    """The environment of a program that uses an official SDK."""
    clean = {"PATH": os.environ["PATH"], "NODE_PATH": str(NODE_MODULES)}
    return {**clean, **more}


def _run(command: list[str], folder: Path, variables: Mapping[str, str]) -> str:
    done = subprocess.run(
        command,
        env={"HOME": str(folder), **variables},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
