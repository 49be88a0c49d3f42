"""Takes what a file says: of bounded size and depth, and from nothing but a file or a pipe."""

import json
import os
import re
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from grantory.cli.plans.faults import Faults
from grantory.cli.plans.yaml_text import MOST_LEVELS, read_yaml
from grantory.errors import SetupError

STANDARD_INPUT: Final = "-"
MOST_BYTES: Final = 4 * 1024 * 1024
_KEY: Final = r"""(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')"""
_LONG_KEY: Final = re.compile(rf"(?<![A-Za-z0-9_-])(?:{_KEY}[ \t]*+\.[ \t]*+){{100}}")
"""A key of many parts, for which ``tomllib`` takes as much time as the square of their number."""
FORMATS: Final = {".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".json": "json"}
"""By the end of a file's name."""


def format_of(name: str, said: str | None) -> str:
    """Tells how a file is written.

    Args:
        name: the file's name.
        said: what ``--format`` says.

    Raises:
        SetupError: if neither tells.
    """
    known = tuple(dict.fromkeys(FORMATS.values()))
    wanted = said.lower() if said else FORMATS.get(Path(name).suffix.lower())
    if wanted not in known:
        raise SetupError(f"say by --format how {name} is written: {', '.join(known)}")
    return wanted


def read_document(name: str, form: str, faults: Faults) -> Any:
    """Reads a file.

    Args:
        name: its name; ``-`` is standard input.
        form: ``yaml``, ``toml`` or ``json``.
        faults: are told with the file's name.

    Raises:
        SetupError: if it cannot be read, is too large or too deep, or not written so.
    """
    content = _standard_input() if name == STANDARD_INPUT else _content(name, faults)
    if len(content) > MOST_BYTES:
        faults.stop(f"it has more than {MOST_BYTES} bytes, which is the limit")
    try:
        text = content.decode("utf-8-sig")
        read = _READERS[form](text)
    except UnicodeDecodeError as error:
        faults.stop(f"it is not written in UTF-8 (byte {error.start})")
    except RecursionError:
        faults.stop(f"there are more than {MOST_LEVELS} levels")
    except ValueError as error:
        faults.stop(str(error))
    if _is_deep(read):
        faults.stop(f"there are more than {MOST_LEVELS} levels")
    return read


def _standard_input() -> bytes:
    stream = getattr(sys.stdin, "buffer", sys.stdin)
    read = stream.read(MOST_BYTES + 1)
    return read if isinstance(read, bytes) else read.encode("utf-8", "surrogateescape")


def _content(name: str, faults: Faults) -> bytes:
    """The bytes of a file, at most one more than it may have. A pipe or a device is no file."""
    try:
        # A pipe that nobody writes to would keep whoever opens it waiting.
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                faults.stop("it is no regular file; - reads standard input")
            if found.st_size > MOST_BYTES:
                return bytes(MOST_BYTES + 1)
            return file.read(MOST_BYTES + 1)
    except OSError as error:
        faults.stop(f"it cannot be read: {error.strerror}")
    except ValueError:
        faults.stop("this cannot be the name of a file")


def _toml(text: str) -> Any:
    import tomllib

    if _LONG_KEY.search(text):
        raise ValueError(f"there are more than {MOST_LEVELS} levels")
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"no TOML: {error}") from None


def _json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refused)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}: no JSON: {error.msg}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) < len(pairs):
        raise ValueError("a key is repeated")
    return read


def _refused(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _is_deep(read: Any) -> bool:
    level = _nested([read])
    for _ in range(MOST_LEVELS):
        level = _nested(
            inner for each in level for inner in (each.values() if isinstance(each, dict) else each)
        )
        if not level:
            return False
    return True


def _nested(values: Iterable[Any]) -> list[Any]:
    return [each for each in values if isinstance(each, dict | list)]


_READERS: Final = {"yaml": read_yaml, "toml": _toml, "json": _json}
