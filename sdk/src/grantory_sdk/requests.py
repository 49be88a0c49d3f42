"""Paths, queries and bodies of requests."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec

Query = Mapping[str, "str | int | bool | Iterable[str] | None"]


class NoId(ValueError):
    """A text that is no id; nothing was sent."""


def path_of(start: str, *parts: str) -> str:
    """Puts a path together.

    Args:
        start: what is the same for all.
        parts: ids, and names below them.

    Raises:
        NoId: if a part is empty or one that leads elsewhere: a deletion, say, would be of
            something else.
    """
    for part in parts:
        if part.strip() in ("", ".", ".."):
            raise NoId(f"{part!r} is no id")
    return "/".join((start, *(quote(part, safe="*") for part in parts)))


def pairs_of(query: Query) -> list[tuple[str, str]]:
    """The parameters of a query as they are sent; those that are None are left out."""
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        if value is None:
            continue
        if isinstance(value, bool):
            pairs.append((name, "true" if value else "false"))
        elif isinstance(value, str | int):
            pairs.append((name, str(value)))
        else:
            pairs += [(name, each) for each in value]
    return pairs


def document_of(fields: Mapping[str, Any], allowed: Iterable[str]) -> dict[str, Any]:
    """Makes a body of fields with Python's names.

    Args:
        fields: by name; those that are None are kept, as None.
        allowed: the names that there are.

    Raises:
        TypeError: for a name that there is not.
        ValueError: for a time without a zone.
    """
    names = frozenset(allowed)
    for name in fields:
        if name not in names:
            raise TypeError(f"there is no {name!r}; there are: {', '.join(sorted(names))}")
    return {camel(name): _plain(value) for name, value in fields.items()}


def camel(name: str) -> str:
    """The platform's spelling of a name."""
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return date_text(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    return msgspec.to_builtins(value)


def date_text(moment: datetime) -> str:
    """A time as the platform writes it: UTC, to the millisecond."""
    if moment.tzinfo is None:
        raise ValueError("a time needs a zone: datetime.now(UTC), not datetime.now()")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
