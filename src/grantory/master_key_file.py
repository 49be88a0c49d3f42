"""Where the master key is kept: a variable, a file that a setting names, or the data directory."""

import os
from pathlib import Path
from typing import Final

from grantory.crypto.sealing import MasterKey, new_master_key, read_master_key
from grantory.errors import SetupError
from grantory.settings import Settings

DEFAULT_NAME: Final = "master.key"


def _path(settings: Settings) -> Path:
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
    path = _path(settings)
    try:
        return read_master_key(path.read_text("ascii"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        raise SetupError(f"the master key in {path} cannot be read") from None


def make_master_key(settings: Settings) -> MasterKey:
    """Makes a master key for a new store, in a file that its owner alone can read.

    Raises:
        SetupError: when the file exists by now or cannot be written.
    """
    path = _path(settings)
    text = new_master_key()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise SetupError(f"cannot write the master key to {path}: {error.strerror}") from None
    return read_master_key(text)
