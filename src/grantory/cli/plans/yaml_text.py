"""Reads YAML without what makes it dangerous: of a file's text nothing but data is made.

PyYAML tells what stands in the text, one event after the other; what is made of it is decided here.
Words are read as YAML 1.2 has them, so that ``no`` is a text.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

MOST_LEVELS: Final = 32
_WHOLE: Final = re.compile(r"[-+]?[0-9]{1,4000}", re.ASCII)
_FLOAT: Final = re.compile(
    r"[-+]?(\.[0-9]{1,400}|[0-9]{1,400}(\.[0-9]{0,400})?)([eE][-+]?[0-9]{1,9})?", re.ASCII
)
_WORDS: Final = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def read_yaml(text: str) -> Any:
    """Reads one document.

    Raises:
        ValueError: for anything else, for a tag, an anchor, a reference, a key that is repeated or
            is no text, and for more than ``MOST_LEVELS`` levels; the text says where.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _Reader(yaml, yaml.parse(text, Loader=loader)).document()
    except yaml.MarkedYAMLError as error:
        what = error.problem or error.context or "no YAML"
        raise ValueError(f"{_line(error.problem_mark)}no YAML: {what}") from None
    except yaml.YAMLError as error:
        raise ValueError(f"no YAML: {' '.join(str(error).split())}") from None


class _Reader:
    def __init__(self, yaml: Any, events: Iterator[Any]) -> None:
        self._yaml = yaml
        self._events = events

    def document(self) -> Any:
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), self._yaml.StreamEndEvent):
            return None
        read = self._value(next(self._events), 1)
        next(self._events)  # the end of the document
        following = next(self._events)
        if not isinstance(following, self._yaml.StreamEndEvent):
            raise ValueError(f"{_line(following.start_mark)}there is more than one document")
        return read

    def _value(self, event: Any, level: int) -> Any:
        yaml, at = self._yaml, _line(event.start_mark)
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise ValueError(f"{at}anchors (&) and references (*) are not read")
        if event.tag is not None:
            raise ValueError(f"{at}tags (!) are not read")
        if isinstance(event, yaml.ScalarEvent):
            return _plain(event.value) if event.implicit[0] and not event.style else event.value
        if level > MOST_LEVELS:
            raise ValueError(f"{at}there are more than {MOST_LEVELS} levels")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(level)
        return self._table(level)

    def _list(self, level: int) -> list[Any]:
        read = []
        while not isinstance(event := next(self._events), self._yaml.SequenceEndEvent):
            read.append(self._value(event, level + 1))
        return read

    def _table(self, level: int) -> dict[str, Any]:
        read: dict[str, Any] = {}
        while not isinstance(event := next(self._events), self._yaml.MappingEndEvent):
            key = self._value(event, level + 1)
            if not isinstance(key, str):
                raise ValueError(f"{_line(event.start_mark)}a key must be a text")
            if key in read:
                raise ValueError(f"{_line(event.start_mark)}a key is repeated")
            read[key] = self._value(next(self._events), level + 1)
        return read


def _plain(text: str) -> Any:
    """What a text without quotes stands for."""
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _line(mark: Any) -> str:
    return f"line {mark.line + 1}: " if mark is not None else ""
