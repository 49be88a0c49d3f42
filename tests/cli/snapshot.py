"""Outputs that are kept, to be looked at when they change."""

import os
import re
from itertools import groupby
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "snapshots"


_TIME_LEFT = re.compile(r" +\d\d:\d\d:\d\d$")


def progress(screen: str) -> str:
    """What a terminal showed, each state of a bar on a line of its own, without the time left."""
    states = [_TIME_LEFT.sub("", part) for part in re.split("[\r\n]", screen.lstrip("\r"))]
    return "\n".join(state for state, _ in groupby(states))


def assert_as_kept(name: str, text: str) -> None:
    """Compares with what is kept; with the variable ``KEEP_SNAPSHOTS`` keeps it anew."""
    file = FOLDER / f"{name}.txt"
    if os.environ.get("KEEP_SNAPSHOTS"):
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text("utf-8")
