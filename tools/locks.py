"""``make lock``: resolves requirements/*.in into hashed locks that name no registry.

Without arguments the versions in a lock stay as long as they fit; ``ARGS=--upgrade`` moves
all of them, ``ARGS="--upgrade-package NAME"`` one.
"""

import json
import subprocess
import tempfile
from pathlib import Path
from shutil import copy

from tools import bench_packages, compat_packages
from tools.virtual_environment import ROOT, SetupError, VirtualEnvironment, say

REQUIREMENTS = ROOT / "requirements"
PROJECT = "pyproject.toml"

# Each lock with what it is made from. The first holds all that the next four hold, and binds
# their versions, so that .venv can go from one to the other.
LOCKS: tuple[tuple[str, list[str]], ...] = (
    ("dev", [PROJECT, "--all-extras", "requirements/build.in", "requirements/dev.in"]),
    ("runtime", [PROJECT, "-c", "requirements/dev.lock"]),
    ("otel", [PROJECT, "--extra", "otel", "-c", "requirements/dev.lock"]),
    ("testing", [PROJECT, "--extra", "testing", "-c", "requirements/dev.lock"]),
    ("build", ["requirements/build.in", "-c", "requirements/dev.lock"]),
    ("compat", ["requirements/compat.in"]),
    ("compat-seed-build", ["requirements/compat-seed-build.in"]),
    ("compat-seed", ["requirements/compat-seed.in"]),
    ("compat-node", ["requirements/compat-node.in"]),
    ("peers", ["requirements/peers.in"]),
    ("locker", ["requirements/locker.in"]),
)
NODE_LOCKS = (compat_packages.NODE_SOURCE, bench_packages.NODE_SOURCE)


def write(arguments: list[str]) -> None:
    """Write all lock files anew."""
    environment = VirtualEnvironment(ROOT / ".locker")
    environment.ensure()
    environment.install("locker", [REQUIREMENTS / "locker.lock"])
    for name, sources in LOCKS:
        say(f"requirements/{name}.lock")
        _compile(environment, [*sources, "-o", f"requirements/{name}.lock", *arguments])
    for source in NODE_LOCKS:
        say(f"{source.relative_to(ROOT)}/package-lock.json")
        _lock_node(source)


def _compile(environment: VirtualEnvironment, arguments: list[str]) -> None:
    command: list[str | Path] = [
        environment.bin / "uv", "pip", "compile", "--quiet",
        "--universal", "--python-version", "3.11", "--generate-hashes",
        "--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "make lock",
    ]  # fmt: skip
    if subprocess.run([*command, *arguments], cwd=ROOT, check=False).returncode:
        raise SetupError("No set of versions was found; the resolver's message is above.")


def _lock_node(source: Path) -> None:
    node = compat_packages.find_or_install_node()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        for file in ("package.json", ".npmrc", "package-lock.json"):
            if (source / file).exists():
                copy(source / file, work / file)
        compat_packages.run_npm(node, ["install", "--package-lock-only", "--silent"], work)
        lock = json.loads((work / "package-lock.json").read_text("utf-8"))
    for package in lock["packages"].values():
        package.pop("funding", None)  # addresses that nothing reads
        package.pop("resolved", None)
    text = json.dumps(lock, indent=2, ensure_ascii=False) + "\n"
    (source / "package-lock.json").write_text(text, encoding="utf-8")
