"""Where the master key is kept: a variable, a file that a setting names, or the data directory."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from grantory.crypto.sealing import MasterKey, new_master_key, read_master_key, split_master_keys
from grantory.errors import SetupError
from grantory.settings import Settings

DEFAULT_NAME: Final = "master.key"


def master_key_path(settings: Settings) -> Path:
    """Tells where the master key's file is, or would be."""
    return settings.master_key_file or settings.data_dir / DEFAULT_NAME


def find_master_key(settings: Settings) -> MasterKey | None:
    """Reads the master key.

    Returns:
        The key; None where its file does not exist.

    Raises:
        SetupError: for a file that cannot be read or holds no key.
    """
    if settings.master_key:
        return read_master_key(settings.master_key)
    text = _text(master_key_path(settings))
    return None if text is None else read_master_key(text)


def make_master_key(settings: Settings) -> MasterKey:
    """Makes a master key for a new store, in a file that its owner alone can read.

    Raises:
        SetupError: when the file exists by now or cannot be written.
    """
    path = master_key_path(settings)
    text = new_master_key()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(path, text)
        sync_folder(path.parent)
    except OSError as error:
        raise _not_written(path, error) from None
    return read_master_key(text)


class MasterKeyFile:
    """The file, while its key is being replaced: first it gains a line, later it loses the old."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> MasterKey:
        """Reads the master key.

        Raises:
            SetupError: when there is none, or it cannot be read.
        """
        return read_master_key("\n".join(self._keys()))

    def add_new(self) -> None:
        """Puts a new key before those that are there.

        Raises:
            SetupError: when the file cannot be written; then it is as it was.
        """
        self._replace([new_master_key(), *self._keys()])

    def keep_first(self) -> None:
        """Takes all keys out but the first.

        Raises:
            SetupError: when the file cannot be written; then it is as it was.
        """
        self._replace(self._keys()[:1])

    def _keys(self) -> list[str]:
        return split_master_keys(_text(self.path) or "")

    def _replace(self, keys: list[str]) -> None:
        """Puts another file in the place of this one, of the same owner and mode."""
        new = self.path.with_name(self.path.name + ".new")
        try:
            new.unlink(missing_ok=True)
            _write(new, "\n".join(keys), like=self.path.stat())
            new.rename(self.path)
            sync_folder(self.path.parent)
        except OSError as error:
            raise _not_written(self.path, error) from None


@contextmanager
def replacing_master_key(settings: Settings) -> Iterator[MasterKeyFile | None]:
    """Gives the master key's file, which one process at a time may change.

    Returns:
        The file; None where the key is in a variable, which no command can change.

    Raises:
        SetupError: when another process is changing it.
    """
    if settings.master_key:
        yield None
        return
    path = master_key_path(settings).resolve()
    try:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise SetupError(f"cannot open {path.parent}: {error.strerror}") from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield MasterKeyFile(path)
    except BlockingIOError:
        raise SetupError("another process is replacing the master key") from None
    finally:
        os.close(folder)


def _text(path: Path) -> str | None:
    try:
        return path.read_text("ascii")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        raise SetupError(f"the master key in {path} cannot be read") from None


def _write(path: Path, text: str, like: os.stat_result | None = None) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with open(descriptor, "w") as file:
        if like is not None:
            os.fchown(descriptor, like.st_uid, like.st_gid)
            os.fchmod(descriptor, like.st_mode & 0o777)
        file.write(text + "\n")
        file.flush()
        os.fsync(descriptor)


def sync_folder(folder: Path) -> None:
    """Sees that the names of the files in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_written(path: Path, error: OSError) -> SetupError:
    return SetupError(f"cannot write the master key to {path}: {error.strerror}")
