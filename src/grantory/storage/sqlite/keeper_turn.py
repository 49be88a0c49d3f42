"""One process of several at a SQLite file: whoever holds the lock of a file beside it."""

import fcntl
import os
from pathlib import Path

from grantory.storage.sqlite.turnstile import opened


class FileTurn:
    """Implements ``Turn``. The lock ends with the process, however that ends.

    Args:
        database: the database file.
    """

    def __init__(self, database: Path) -> None:
        self._database = database
        self._file = -1
        self._is_mine = False

    async def is_mine(self) -> bool:
        """Tries to take the lock where another has it."""
        if not self._is_mine:
            try:
                if self._file < 0:
                    self._file = opened(self._database, "lists")
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            except OSError:  # no such file can be made: then each process does the work
                return True
            self._is_mine = True
        return True

    async def close(self) -> None:
        """Lets go of the file, and so of the lock."""
        if self._file >= 0:
            os.close(self._file)
        self._file, self._is_mine = -1, False
