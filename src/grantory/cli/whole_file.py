"""A file that is there whole or not at all, whatever ends the program that writes it."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from grantory.errors import SetupError
from grantory.master_key_file import sync_folder


@contextmanager
def written_whole(path: Path, *, replace: bool, option: str = "") -> Iterator[IO[bytes]]:
    """Gives a file to write to, which gets its name when it is on disk, whole.

    Until then it is called ``.partial``. Its owner alone can read it.

    Args:
        path: the name.
        replace: whether a file of this name may make way.
        option: of the command, by which one lets it; empty where none does.

    Raises:
        SetupError: when it exists, is being written by another process, or cannot be written; or
            when it is written, and perhaps not for good.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        _require_free(path, replace, option)
        descriptor = os.open(partial, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            _claim(descriptor, partial)
            try:
                os.fchmod(descriptor, 0o600)
                os.ftruncate(descriptor, 0)
                yield file
                file.flush()
                os.fsync(descriptor)
                _require_free(path, replace, option)
                partial.rename(path)
            except BaseException:
                with contextlib.suppress(OSError):
                    partial.unlink()
                raise
        try:
            sync_folder(path.parent)
        except OSError as error:
            raise SetupError(
                f"{path} is there, but may be gone after a loss of power: its folder cannot be "
                f"brought to disk: {error.strerror}"
            ) from None
    except OSError as error:
        raise SetupError(f"cannot write {path}: {error.strerror}") from None


def holds(path: Path, content: bytes) -> bool:
    """Tells whether a file has this content: ``written_whole`` may fail or end after it has."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(content) + 1) == content
    except OSError:
        return False


def _require_free(path: Path, replace: bool, option: str) -> None:
    if path.is_dir():
        raise SetupError(f"{path} is a folder: name a file in it")
    if not replace and path.exists():
        instead = f", or say {option}" if option else ""
        raise SetupError(f"{path} exists: name another file{instead}")


def _claim(descriptor: int, partial: Path) -> None:
    """Sees that nobody else writes this file; what a dead process left may be written over."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        ours = os.path.samestat(os.fstat(descriptor), partial.lstat())
    except (BlockingIOError, FileNotFoundError):
        ours = False
    if not ours:
        raise SetupError(f"another process is writing {partial}")
