"""Installs the official SDKs that tests/compat runs unmodified, apart from the project.

``.compat/python-sdk``                    a virtual environment with the Python SDK
``.compat/python-sdk-seed``               the same with the SDK of the seed page's time
``.compat/node/node_modules``             the JavaScript SDK, and pyright for tests/sdk
``.compat/node/bin/node``                 a link to the Node.js that runs it
"""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from tools import compat_seed
from tools.virtual_environment import ROOT, SetupError, VirtualEnvironment, digest, say

REQUIREMENTS = ROOT / "requirements"
PYTHON_SDK = VirtualEnvironment(ROOT / ".compat" / "python-sdk")
NODE_SOURCE = ROOT / "tests" / "compat" / "node"
NODE_TARGET = ROOT / ".compat" / "node"
OLDEST_NODE = 18


class Node(NamedTuple):
    """A Node.js and the npm that belongs to it."""

    node: Path
    npm: Path


def set_up(_arguments: list[str]) -> None:
    """The three SDKs, and pyright."""
    PYTHON_SDK.folder.parent.mkdir(exist_ok=True)
    PYTHON_SDK.ensure()
    PYTHON_SDK.install("python-sdk", [REQUIREMENTS / "compat.lock"])
    compat_seed.set_up()
    _set_up_node_sdk()


def find_or_install_node() -> Node:
    """The machine's Node.js if it is new enough, else one from a Python package."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major(node) >= OLDEST_NODE and _major(npm) > 0:
        return Node(Path(node), Path(npm))
    say(f"No Node.js {OLDEST_NODE} or newer with npm on PATH; taking it from a Python package.")
    PYTHON_SDK.folder.parent.mkdir(exist_ok=True)
    PYTHON_SDK.ensure()
    PYTHON_SDK.install("node", [REQUIREMENTS / "compat-node.lock"])
    found = Node(PYTHON_SDK.bin / "node", PYTHON_SDK.bin / "npm")
    if _major(found.node) < OLDEST_NODE:
        raise SetupError(
            f"Neither this machine's Node.js nor the one in {PYTHON_SDK.folder.relative_to(ROOT)} "
            f"runs. Install Node.js {OLDEST_NODE} or newer with npm: apt install nodejs npm"
        )
    return found


def run_npm(node: Node, arguments: list[str], folder: Path) -> None:
    """Run npm in a folder, with its own Node.js first on PATH."""
    path = os.pathsep.join([str(node.node.parent), os.environ.get("PATH", os.defpath)])
    command: list[str | Path] = [node.npm, "--loglevel=error", *arguments]
    done = subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, check=False)
    if done.returncode:
        raise SetupError(
            "npm failed; its message is above. If it is about the network, check the connection "
            "and run the same command again."
        )


def _set_up_node_sdk() -> None:
    wanted = digest(NODE_SOURCE / name for name in ("package.json", "package-lock.json", ".npmrc"))
    stamp, link = NODE_TARGET / "stamp", NODE_TARGET / "bin" / "node"
    if stamp.exists() and stamp.read_text("utf-8") == wanted and _major(link) >= OLDEST_NODE:
        return
    node = find_or_install_node()
    say(f"Installing the JavaScript SDK and pyright into {NODE_TARGET.relative_to(ROOT)} ...")
    link.parent.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copyfile(NODE_SOURCE / name, NODE_TARGET / name)
    run_npm(node, ["ci", "--no-progress", "--silent"], NODE_TARGET)
    link.unlink(missing_ok=True)
    link.symlink_to(node.node)
    stamp.write_text(wanted, encoding="utf-8")


def _major(program: str | Path) -> int:
    """The major version that a program answers, 0 if it does not run."""
    try:
        answer = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return 0
    match = re.match(r"v?(\d+)\.", answer.stdout)
    return int(match[1]) if match and answer.returncode == 0 else 0
