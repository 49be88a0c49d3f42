"""Lists of texts in one text column, as JSON."""

from collections.abc import Iterable

import msgspec

_decoder = msgspec.json.Decoder(tuple[str, ...])


def listed(text: str) -> tuple[str, ...]:
    """Reads a JSON list of texts."""
    return () if text == "[]" else _decoder.decode(text)


def as_list(values: Iterable[str]) -> str:
    """Writes a JSON list of texts."""
    return msgspec.json.encode(tuple(values)).decode()
