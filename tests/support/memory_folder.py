"""A place in memory for what tests write: a commit on a disk waits for it, thousands of times."""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
DISK = Path("/var/tmp")
"""For what file systems in memory cannot do, such as files that nobody may write."""
ROOM_BYTES = 8_000_000_000
"""Whole runs write two or three gigabytes."""
_PREFIX = "grantory-tests-"


def make_memory_folder() -> Path | None:
    """Makes a folder in memory; None where there is no such place, or too little of it.

    Folders of runs that were killed are removed.
    """
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM_BYTES:
        return None
    for left in MEMORY.glob(f"{_PREFIX}*"):
        process = left.name.removeprefix(_PREFIX).partition("-")[0]
        if left.stat().st_uid == os.getuid() and not Path("/proc", process).exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=MEMORY))
    folder.chmod(0o711)  # PostgreSQL's user has folders in it
    return folder
