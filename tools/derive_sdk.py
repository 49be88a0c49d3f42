"""Derives the SDK's blocking half from the awaited one: ``python -m tools.derive_sdk``.

``sdk/src/grantory_sdk/_async`` is written by hand, ``_sync`` is made of it, word by word, and
committed; tests/sdk holds both together. ``runtime.py`` cannot be derived: each half has its own.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "sdk" / "src" / "grantory_sdk"
AWAITED = PACKAGE / "_async"
BLOCKING = PACKAGE / "_sync"
BY_HAND = frozenset({"__init__.py", "runtime.py"})
WORDS = (
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAsync(?=[A-Z])", ""),
    (r"\b_async\b", "_sync"),
    (r"\b__a(iter|next|enter|exit)__\b", r"__\1__"),
    (r"\baclose\b", "close"),
    (r"\bAn async context manager\b", "A context manager"),
)
# What is written with an explicit loop because it awaits, and need not be any more.
TIDY = ["check", "--fix-only", "--unsafe-fixes", "--select", "I,UP028,C416"]
HEAD = "# Derived from _async/{name} by tools/derive_sdk.py: change it there.\n"


def derive(name: str, text: str) -> str:
    """The blocking form of a file, before it is formatted."""
    for pattern, replacement in WORDS:
        text = re.sub(pattern, replacement, text)
    return HEAD.format(name=name) + text


def derived() -> dict[str, str]:
    """Every derived file as it should be, by its name."""
    sources = sorted(path for path in AWAITED.glob("*.py") if path.name not in BY_HAND)
    return {
        path.name: _tidied(path.name, derive(path.name, path.read_text("utf-8")))
        for path in sources
    }


def _tidied(name: str, text: str) -> str:
    as_if = ["--quiet", "--no-cache", "--stdin-filename", str(BLOCKING / name), "-"]
    for command in (TIDY, ["format"]):
        ruff = [sys.executable, "-m", "ruff", *command, *as_if]
        done = subprocess.run(
            ruff, input=text.encode(), stdout=subprocess.PIPE, check=True, cwd=ROOT
        )
        text = done.stdout.decode()
    return text


def main() -> None:
    """Write the derived files, and remove those that have no source any more."""
    wanted = derived()
    for path in BLOCKING.glob("*.py"):
        if path.name not in BY_HAND and path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        (BLOCKING / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
