"""Taking turns at a SQLite file's one write lock.

SQLite's own waiting is a poll that grows slower the longer it waits, so that of several busy
writers one can be passed over for seconds. Whoever wants to write goes through a turnstile
first: just one process at a time waits for the lock itself, and whoever has written has to
queue again behind it. It is a courtesy only: the lock alone keeps writers apart.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import Final

POLL_SECONDS: Final = 0.001
PATIENCE_SECONDS: Final = 0.5
"""So long another process may stand in the turnstile; it may have been stopped there."""


class Turnstile:
    """A file beside the database, whose lock is the place in front of the write lock.

    Args:
        database: the database file.
    """

    def __init__(self, database: Path) -> None:
        try:
            self._file = opened(database, "turn")
        except OSError:  # a folder that cannot be written: the lock itself will say so
            self._file = -1

    def enter(self) -> None:
        """Waits for its turn, though not for ever."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._file >= 0:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except OSError:
                if time.monotonic() >= deadline:
                    return
                time.sleep(POLL_SECONDS)

    def leave(self) -> None:
        """Lets the next one stand before the lock."""
        if self._file >= 0:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Lets go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def opened(database: Path, ending: str) -> int:
    """Opens a file beside the database, which belongs to its owner, also if root makes it.

    Only a file that was made here is given away, and no link is followed: the owner of the
    folder could otherwise have root give him any file.
    """
    name, flags = f"{database}-{ending}", os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        file = os.open(name, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(name, flags)
    if os.geteuid() == 0:
        owner = database.stat()
        os.fchown(file, owner.st_uid, owner.st_gid)
    return file


class Wait:
    """SQLite's busy handler: asks again every millisecond, for a number of seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._deadline = 0.0

    def __call__(self, asked_before: int) -> bool:
        """Tells whether to ask again."""
        now = time.monotonic()
        if asked_before == 0:
            self._deadline = now + self._seconds
        if now >= self._deadline:
            return False
        time.sleep(POLL_SECONDS)
        return True
