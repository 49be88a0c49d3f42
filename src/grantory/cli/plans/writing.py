"""Writes entries as YAML or TOML, one after the other, so that they read back as they were."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, Literal

Form = Literal["yaml", "toml"]
_CLEAR: Final = re.compile(r"[A-Za-z](?:[A-Za-z0-9_./@+*-]|:(?=\S)| (?=[A-Za-z0-9]))*", re.ASCII)
"""What every reader of YAML takes for a text without quotes, but for these words."""
_WORDS: Final = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


def section_start(form: Form, name: str) -> str:
    """What stands before the entries of a section."""
    return f"{name}:\n" if form == "yaml" else ""


def entry_text(form: Form, section: str, fields: dict[str, Any]) -> str:
    """Writes an entry.

    Args:
        form: how.
        section: such as ``clients``.
        fields: by the file's names: texts, numbers, switches, lists of texts or tables.
    """
    if form == "yaml":
        return "".join(f"  {line}\n" for line in _item(fields))
    lines = [f"[[{section}]]", *(f"{name} = {_toml(value, 1)}" for name, value in fields.items())]
    return "\n".join(lines) + "\n\n"


def _item(table: dict[str, Any]) -> Iterator[str]:
    """The lines of a table that is a part of a list."""
    start = "- "
    for name, value in table.items():
        if isinstance(value, list):
            yield f"{start}{name}:"
            for each in value:
                lines = _item(each) if isinstance(each, dict) else [f"- {_yaml(each)}"]
                yield from (f"    {line}" for line in lines)
        else:
            yield f"{start}{name}: {_yaml(value)}"
        start = "  "


def _yaml(value: Any) -> str:
    if isinstance(value, str):
        clear = _CLEAR.fullmatch(value) and value.lower() not in _WORDS
        return value if clear else quoted(value)
    if isinstance(value, dict):
        parts = (f"{quoted(name)}: {_yaml(each)}" for name, each in value.items())
        return "{" + ", ".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    return json.dumps(value)


def _toml(value: Any, level: int = 0) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dict):
        parts = (f"{_key(name)} = {_toml(each)}" for name, each in value.items())
        return "{ " + ", ".join(parts) + " }" if value else "{}"
    if isinstance(value, list):
        parts = (_toml(each) for each in value)
        if level and any(isinstance(each, dict) for each in value):
            return "[\n" + "".join(f"  {part},\n" for part in parts) + "]"
        return "[" + ", ".join(parts) + "]"
    return json.dumps(value)


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else quoted(name)


def quoted(text: str) -> str:
    """A text in quotes, as YAML and TOML both read it."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(sign: str) -> str:
    if sign in '"\\':
        return "\\" + sign
    if sign.isprintable():
        return sign
    number = ord(sign)
    if sign in _SHORT:
        return _SHORT[sign]
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


_SHORT: Final = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
