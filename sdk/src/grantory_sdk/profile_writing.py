"""Changes the file with profiles: whole or not at all, one program after the other."""

import contextlib
import copy
import json
import os
import re
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from grantory_sdk.errors import ConfigurationError
from grantory_sdk.file_lock import held
from grantory_sdk.profiles import NAMES, read_document

_WAIT_SECONDS: Final = 10.0
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HEADER: Final = re.compile(r"^\s*\[")


def change_profile(
    path: Path,
    name: str,
    changes: Mapping[str, str | None],
    *,
    only_if: Mapping[str, str | None] | None = None,
) -> bool:
    """Changes a profile, or makes it; the first one becomes the file's default.

    What a person wrote besides, comments among it, stays as it is.

    Args:
        path: the file; others cannot read it.
        name: the profile's: letters, digits, ``_`` and ``-``.
        changes: the values by their keys; None removes one.
        only_if: what must still stand there, or nothing is changed.

    Returns:
        Whether it was changed.

    Raises:
        ConfigurationError: if the file or the name is wrong, or cannot be written.
    """
    for key, value in changes.items():
        if key not in NAMES:
            raise ConfigurationError(f"{key} is none of {', '.join(sorted(NAMES))}.")
        if value is not None and not (value and value.isprintable()):
            raise ConfigurationError(f"{key} is empty, or has control characters in it.")

    def change(document: dict[str, Any]) -> bool:
        profiles = document.setdefault("profiles", {})
        if name not in profiles and not _NAME.fullmatch(name):
            raise ConfigurationError(f"{name!r} is no name: letters, digits, _ and - are.")
        values = profiles.setdefault(name, {})
        if only_if and any(values.get(key) != value for key, value in only_if.items()):
            return False
        values.update({key: value for key, value in changes.items() if value is not None})
        for key in [key for key, value in changes.items() if value is None]:
            values.pop(key, None)
        document.setdefault("default", name)
        return True

    return _changed(path, change)


def remove_profile(path: Path, name: str) -> None:
    """Removes a profile.

    Raises:
        ConfigurationError: if there is none of this name, or the file cannot be written.
    """

    def change(document: dict[str, Any]) -> bool:
        _known(path, document, name)
        del document["profiles"][name]
        if document.get("default") == name:
            del document["default"]
        return True

    _changed(path, change)


def choose_profile(path: Path, name: str) -> None:
    """Makes a profile the file's default.

    Raises:
        ConfigurationError: if there is none of this name, or the file cannot be written.
    """

    def change(document: dict[str, Any]) -> bool:
        _known(path, document, name)
        document["default"] = name
        return True

    _changed(path, change)


def check_writable(path: Path) -> None:
    """Sees that the file can be changed, before that is needed.

    Raises:
        ConfigurationError: if it cannot.
    """
    folder = _real(path).parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigurationError(f"{folder} cannot be written to, and {path.name} must be changed.")


def _known(path: Path, document: Mapping[str, Any], name: str) -> None:
    profiles = document.get("profiles", {})
    if name not in profiles:
        raise ConfigurationError(
            f"{path} has no profile {name!r}; there are: {', '.join(profiles) or 'none'}."
        )


def _changed(path: Path, change: Callable[[dict[str, Any]], bool]) -> bool:
    place = _real(path)
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{place.parent} cannot be made: {error.strerror}.") from None
    with held(place.with_name(f"{place.name}.lock"), _WAIT_SECONDS):
        text, before = read_document(place)
        after = copy.deepcopy(before)
        if not change(after):
            return False
        written = _edited(text, before, after)
        if written is None:
            raise ConfigurationError(f"{path} is written in a way that only you can change it.")
        _write(place, written)
    return True


def _real(path: Path) -> Path:
    """The file itself, where a link leads to it."""
    return Path(os.path.realpath(path))


def _edited(text: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
    """The text as it says what is wanted: its lines changed, or else written anew."""
    lines = text.splitlines()
    if before.get("default") != after.get("default"):
        _set_default(lines, after.get("default"))
    for name in {**before.get("profiles", {}), **after.get("profiles", {})}:
        old = before.get("profiles", {}).get(name)
        new = after.get("profiles", {}).get(name)
        if old != new:
            _set_section(lines, name, old, new)
    for written in ("\n".join([*lines, ""]), _anew(after)):
        if written is not None and _says(written, after):
            return written
    return None


def _says(text: str, document: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == document
    except tomllib.TOMLDecodeError:
        return False


def _set_default(lines: list[str], default: str | None) -> None:
    head = next((n for n, line in enumerate(lines) if _HEADER.match(line)), len(lines))
    places = [n for n in range(head) if re.match(r"^\s*default\s*=", lines[n])]
    written = [] if default is None else [f"default = {json.dumps(default)}"]
    if places:
        lines[places[0] : places[0] + 1] = written
    elif written:
        lines[:0] = [*written, ""]


def _set_section(
    lines: list[str], name: str, old: Mapping[str, str] | None, new: Mapping[str, str] | None
) -> None:
    spelled = f"(?:{re.escape(name)}|{re.escape(json.dumps(name))})"
    header = re.compile(rf"^\s*\[\s*profiles\s*\.\s*{spelled}\s*\]\s*(#.*)?$")
    start = next((n for n, line in enumerate(lines) if header.match(line)), None)
    if start is None:
        gap = [""] if lines and lines[-1].strip() else []
        lines += [*gap, f"[profiles.{_key(name)}]"]
        start = len(lines) - 1
    end = next((n for n in range(start + 1, len(lines)) if _HEADER.match(lines[n])), len(lines))
    if new is None:
        del lines[start:end]
        return
    body = lines[start + 1 : end]
    gone = [key for key in old or {} if new.get(key) != (old or {})[key]]
    pattern = re.compile(rf"^\s*(?:{'|'.join(map(re.escape, gone)) or '(?!)'})\s*=")
    places = [n for n, line in enumerate(body) if pattern.match(line)]
    at = places[0] if places else len(body)
    body = [line for line in body if not pattern.match(line)]
    if not places:
        while at and (not body[at - 1].strip() or body[at - 1].lstrip().startswith("#")):
            at -= 1  # what stands before the next header tells of that one
    body[at:at] = [f"{key} = {_text(new[key])}" for key in new if (old or {}).get(key) != new[key]]
    lines[start + 1 : end] = body


def _anew(document: Mapping[str, Any]) -> str | None:
    """The whole file, where it holds nothing but what is known here."""
    lines: list[str] = []
    if set(document) - {"default", "profiles"}:
        return None
    if "default" in document:
        lines.append(f"default = {_text(document['default'])}")
    for name, values in document.get("profiles", {}).items():
        if not all(isinstance(value, str) for value in values.values()):
            return None
        lines += ["", f"[profiles.{_key(name)}]"]
        lines += [f"{_key(key)} = {_text(value)}" for key, value in values.items()]
    return "\n".join([*lines, ""])


def _key(name: str) -> str:
    return name if _NAME.fullmatch(name) else _text(name)


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _write(path: Path, text: str) -> None:
    partial = ""
    try:
        descriptor, partial = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.replace(partial, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            if partial:
                os.unlink(partial)
        if isinstance(error, OSError):
            raise ConfigurationError(f"{path} cannot be written: {error.strerror}.") from None
        raise
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
