"""A set of token ids in a quarter of the memory that Python's own takes.

A million ended tokens are 90 MB in a ``set`` of ``bytes`` and 20 MB here.
"""

from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Final

ID_BYTES: Final = 16
_BUCKETS: Final = 65_536


class DeniedIds:
    """A set that only grows.

    Ids whose first two bytes are the same stand one behind the other in one text of bytes. All
    bytes of an id are drawn by the server, so that no bucket is much longer than another.
    """

    def __init__(self) -> None:
        self._buckets: list[bytes] = [b""] * _BUCKETS
        self._odd: set[bytes] = set()
        """Ids of another length, which no token has."""
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, token_id: bytes) -> bool:
        if len(token_id) != ID_BYTES:
            return token_id in self._odd
        bucket = self._buckets[token_id[0] << 8 | token_id[1]]
        found = bucket.find(token_id)
        while found % ID_BYTES and found > 0:  # across the border of two ids
            found = bucket.find(token_id, found + 1)
        return found >= 0

    def add_all(self, token_ids: Iterable[bytes]) -> None:
        """Adds ids that are in order and none twice, a bucket at a time."""
        for prefix, ids in groupby(token_ids, itemgetter(slice(2))):
            found = list(ids)
            place = int.from_bytes(prefix, "big")
            if len(prefix) == 2 and not self._buckets[place] and set(map(len, found)) == {ID_BYTES}:
                self._buckets[place] = b"".join(found)
                self._count += len(found)
            else:
                for token_id in found:
                    self.add(token_id)

    def add(self, token_id: bytes) -> None:
        """Adds an id; once more changes nothing."""
        if token_id in self:
            return
        self._count += 1
        if len(token_id) != ID_BYTES:
            self._odd.add(token_id)
        else:
            self._buckets[token_id[0] << 8 | token_id[1]] += token_id
