"""What finds parts of names: for three characters, which slots of a chunk have them in a name.

A chunk of slots is indexed once, when it is full; a name that changes later has another slot. So
what is found may be gone, or may hold the characters elsewhere: the entries themselves decide.
"""

from collections.abc import Iterable, Mapping, Sequence
from struct import pack, unpack
from typing import Final

GRAM: Final = 3
CHUNK: Final = 2_048
_MAP_BYTES: Final = CHUNK // 8
_MOST_LISTED: Final = _MAP_BYTES // 2 - 1
MOST_GRAMS: Final = 8
"""So many of a long part are looked up."""
MOST_ROWS: Final = 16 * CHUNK
"""A chunk whose names have more of them in all is not indexed, but gone through by every search:
names without end of chance letters would take more room, and more time, than all else."""
ALL_GRAMS: Final = ""
"""Under this, a chunk's row holds all its grams, so that they can be removed."""
NOT_INDEXED: Final = "-"
"""Under this, chunks have a row that are not indexed."""
LOOK_AT: Final = "?"
"""Under this, chunks have a row of which many have left."""


def grams_of(part: str) -> list[str]:
    """Lists what to look up for a part of a name; nothing where that is too short."""
    every = list(dict.fromkeys(part[i : i + GRAM] for i in range(len(part) - GRAM + 1)))
    step = -(-len(every) // MOST_GRAMS) if every else 1
    return every[::step]


def every_gram(name: str) -> set[str]:
    """Lists every three characters that come in a row in a name."""
    return {name[i : i + GRAM] for i in range(len(name) - GRAM + 1)}


def index_chunk(names: Iterable[tuple[int, str]]) -> list[tuple[str, bytes]] | None:
    """Makes the rows of a chunk.

    Args:
        names: folded names, each with its slot's place in the chunk.

    Returns:
        For every three characters that come in a row in one of them where they do; None where
        there are more than ``MOST_ROWS``.
    """
    found: dict[str, list[int]] = {}
    for place, name in names:
        if len(found) > MOST_ROWS:
            return None
        for gram in every_gram(name):
            found.setdefault(gram, []).append(place)
    if len(found) > MOST_ROWS:
        return None
    return [(gram, _pack(places)) for gram, places in found.items()]


def _pack(places: list[int]) -> bytes:
    """Writes places: a list of a few, a map of bits for more."""
    if len(places) <= _MOST_LISTED:
        return pack(f"<{len(places)}H", *places)
    bits = bytearray(_MAP_BYTES)
    for place in places:
        bits[place >> 3] |= 1 << (place & 7)
    return bytes(bits)


def common_slots(rows: Sequence[Mapping[int, bytes]], most: int) -> list[int] | None:
    """Finds the slots that all of several grams have.

    Args:
        rows: of each gram, what it has in which chunk.
        most: how many slots are wanted at most.

    Returns:
        Them; None where there are more.
    """
    found: list[int] = []
    chunks = set(rows[0]).intersection(*rows[1:])
    for chunk in sorted(chunks):
        places = _common([row[chunk] for row in rows])
        if len(found) + len(places) > most:
            return None
        found += [chunk * CHUNK + place for place in places]
    return found


def _common(packed: list[bytes]) -> list[int]:
    maps = [data for data in packed if len(data) == _MAP_BYTES]
    lists = sorted((data for data in packed if len(data) != _MAP_BYTES), key=len)
    bits = (1 << CHUNK) - 1
    for data in maps:
        bits &= int.from_bytes(data, "little")
    if not bits:
        return []
    both = bits.to_bytes(_MAP_BYTES, "little")
    places: Iterable[int] = range(CHUNK)
    if lists:
        places = _listed(lists[0])
        for data in lists[1:]:
            places = sorted(set(places).intersection(_listed(data)))
    return [p for p in places if both[p >> 3] >> (p & 7) & 1]


def holds(data: bytes, place: int) -> bool:
    """Tells whether a place is among those of a row."""
    if len(data) == _MAP_BYTES:
        return bool(data[place >> 3] >> (place & 7) & 1)
    return place in _listed(data)


def _listed(data: bytes) -> list[int]:
    return list(unpack(f"<{len(data) // 2}H", data))
