"""The command line inside the test's own process: as a shell sees it, and much faster."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

from grantory.cli.main import main


def quick_command(
    *arguments: str,
    environment: Mapping[str, str] | None = None,
    folder: Path,
    entered: str = "",
    shown_on: TextIO | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run ``grantory`` with these arguments to its end, in a folder, output captured as text.

    What is ``entered`` stands in its standard input. What it prints goes to ``shown_on``, if there
    is such a stream, and is not captured then.

    For every command but ``serve``, which sets a whole process up.
    """
    assert arguments[0] != "serve", "serve needs a process of its own"
    output, errors = io.StringIO(), io.StringIO()
    kept = {n: v for n, v in os.environ.items() if not n.upper().startswith("GRANTORY_")}
    saved = dict(os.environ), sys.argv, Path.cwd(), sys.stdin
    status = 0
    try:
        os.environ.clear()
        os.environ.update({**kept, **(environment or {})})
        os.chdir(folder)
        sys.stdin = io.StringIO(entered)
        sys.argv = ["grantory", *arguments]
        with contextlib.redirect_stdout(shown_on or output), contextlib.redirect_stderr(errors):
            try:
                main()
            except SystemExit as end:
                status = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        os.environ.clear()
        os.environ.update(saved[0])
        sys.argv = saved[1]
        os.chdir(saved[2])
        sys.stdin = saved[3]
    return subprocess.CompletedProcess(arguments, status, output.getvalue(), errors.getvalue())
