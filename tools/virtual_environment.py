"""One virtual environment: made when it is missing, filled when its lock files changed."""

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "-q")


class SetupError(Exception):
    """Something that the person at the keyboard can mend; its text says how."""


def digest(paths: Iterable[Path]) -> str:
    """A digest of the names and contents of files."""
    state = hashlib.sha256()
    for path in paths:
        content = path.read_bytes()
        state.update(f"{path.name}\0{len(content)}\0".encode())
        state.update(content)
    return state.hexdigest()


def say(text: str) -> None:
    """Tell what is going on; standard output belongs to the program that runs afterwards."""
    print(text, file=sys.stderr, flush=True)


class VirtualEnvironment:
    """A folder with a Python of its own, and stamps that say what was put into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / ("Scripts" if os.name == "nt" else "bin")
        self.python = self.bin / ("python.exe" if os.name == "nt" else "python")
        self._stamp_file = folder / "grantory-stamps.json"

    def ensure(self) -> None:
        """Make the environment, unless one that works lies there."""
        stamps = self._stamps()
        here = {"folder": str(self.folder), "python": VERSION}
        if not os.environ.get("GRANTORY_PYTHON_CHOSEN"):
            # Only a Python that was asked for replaces the one inside.
            here["python"] = stamps.get("python", here["python"])
        # Scripts hold the absolute path of their folder: a moved one is made anew.
        if all(stamps.get(key, value) == value for key, value in here.items()) and self._works():
            if "folder" not in stamps:
                self._write({**here, **stamps})
            return
        self._create()
        self._write(here)

    def install(self, name: str, locks: list[Path]) -> bool:
        """Install exactly what lock files say; answers whether there was anything to do."""
        wanted = digest(locks)
        if self._stamps().get(name) == wanted:
            return False
        say(f"Installing the locked packages into {self.folder.relative_to(ROOT)} ...")
        arguments = ["install", "--require-hashes", "--retries", "2"]
        for lock in locks:
            arguments += ["-r", str(lock)]
        self.pip(arguments)
        self.remember(name, wanted)
        return True

    def pip(self, arguments: list[str]) -> None:
        """Run pip, and turn its failure into a message."""
        if subprocess.run([self.python, *PIP, *arguments], cwd=ROOT, check=False).returncode:
            raise SetupError(
                "The packages could not be installed; pip's message is above. If it is about the "
                "network,\ncheck the connection (HTTPS_PROXY, PIP_INDEX_URL and PIP_CERT are "
                "honoured) and run the same command again."
            )

    def knows(self, name: str, value: str) -> bool:
        """Whether this value was remembered under this name."""
        return self._stamps().get(name) == value

    def remember(self, name: str, value: str) -> None:
        """Keep a value until the environment is made anew."""
        self._write({**self._stamps(), name: value})

    def _works(self) -> bool:
        question = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
        try:
            asked = subprocess.run([self.python, "-c", question], capture_output=True, check=False)
        except OSError:
            return False
        return asked.returncode == 0

    def _create(self) -> None:
        if not all(map(importlib.util.find_spec, ("venv", "ensurepip"))):
            raise SetupError(
                f"The Python at {sys.executable} came without its modules venv and ensurepip.\n"
                f"Debian, Ubuntu:   apt install python3-venv   (or python{VERSION}-venv)\n"
                "elsewhere:        make PYTHON=/path/to/another/python3 ...\n"
                f"with uv at hand:  uv venv --seed {self.folder.relative_to(ROOT)}, "
                "then the same make command again"
            )
        say(f"Making {self.folder.relative_to(ROOT)} with Python {sys.version.split()[0]} ...")
        shutil.rmtree(self.folder, ignore_errors=True)
        made = subprocess.run([sys.executable, "-m", "venv", self.folder], check=False)
        if made.returncode:
            raise SetupError(
                f"{sys.executable} -m venv failed (its message is above); "
                "try another one: make PYTHON=/path/to/python3 ..."
            )

    def _stamps(self) -> dict[str, str]:
        try:
            stamps: dict[str, str] = json.loads(self._stamp_file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return stamps

    def _write(self, stamps: dict[str, str]) -> None:
        text = json.dumps(stamps, indent=2, sort_keys=True) + "\n"
        self._stamp_file.write_text(text, encoding="utf-8")
