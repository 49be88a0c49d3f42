"""A lock that programs on one machine hold one after the other."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from grantory_sdk.errors import ConfigurationError

_FIRST_PAUSE: Final = 0.01
_LONGEST_PAUSE: Final = 0.2


class FileLock:
    """A lock on a file beside what it guards. Whoever ends, however it ends, holds it no longer.

    Args:
        path: the file, which is made where it is missing, and stays.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(
        self,
        seconds: float,
        *,
        given_up: threading.Event | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> bool:
        """Waits for the lock.

        Args:
            seconds: for how long.
            given_up: ends the wait.
            clock: seconds.

        Returns:
            Whether it is held now.

        Raises:
            ConfigurationError: if there can be no such file.
        """
        flags = os.O_CREAT | os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0)
        try:
            descriptor = os.open(self._path, flags, 0o600)
        except OSError as error:
            raise ConfigurationError(f"{self._path} cannot be made: {error.strerror}.") from None
        waiting = given_up or threading.Event()
        end, pause = clock() + seconds, _FIRST_PAUSE
        try:
            while not _try(descriptor):
                if clock() >= end or waiting.wait(pause):
                    os.close(descriptor)
                    return False
                pause = min(_LONGEST_PAUSE, pause * 2)
        except BaseException:
            with contextlib.suppress(OSError):
                os.close(descriptor)
            raise
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Lets the next one have it."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def held(path: Path, seconds: float) -> Iterator[None]:
    """Holds a lock for a while.

    Args:
        path: its file.
        seconds: how long to wait for it.

    Raises:
        ConfigurationError: if others held it all that time.
    """
    lock = FileLock(path)
    if not lock.take(seconds):
        raise ConfigurationError(f"Another program has held {path} for {seconds:g} seconds.")
    try:
        yield
    finally:
        lock.release()


if sys.platform == "win32":
    import msvcrt

    def _try(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
