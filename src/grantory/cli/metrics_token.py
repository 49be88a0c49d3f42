"""The token that whoever reads the metrics has to present."""

import re
from pathlib import Path
from typing import Final

from grantory.errors import SetupError

LEAST: Final = 32
MOST: Final = 512
_TOKEN: Final = re.compile(r"[A-Za-z0-9._~+/=-]+")


def read_metrics_token(file: Path | None) -> str:
    """Reads the token from its file.

    Args:
        file: holds it in one line; None where there is none.

    Returns:
        The token; empty where there is none.

    Raises:
        SetupError: when the file cannot be read, or holds no token that is hard to guess.
    """
    if file is None:
        return ""
    try:
        with file.open("rb") as opened:
            text = opened.read(MOST + 2).decode("ascii", "replace").strip()
    except OSError as error:
        raise SetupError(f"metrics.token_file: cannot read {file}: {error.strerror}") from None
    if not LEAST <= len(text) <= MOST or not _TOKEN.fullmatch(text):
        raise SetupError(
            f"metrics.token_file: {file} must hold one token of {LEAST} to {MOST} characters, as "
            "openssl rand -hex 32 makes them"
        )
    return text
