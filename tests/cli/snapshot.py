"""Outputs that are kept, to be looked at when they change."""

import os
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "snapshots"


def assert_as_kept(name: str, text: str) -> None:
    """Compares with what is kept; with the variable ``KEEP_SNAPSHOTS`` keeps it anew."""
    file = FOLDER / f"{name}.txt"
    if os.environ.get("KEEP_SNAPSHOTS"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text("utf-8")
