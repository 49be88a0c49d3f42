"""Making what finds parts of names, chunk by chunk, each in as many steps as it takes.

Only a full chunk is indexed, and nobody comes to it any more: so what was written in earlier steps
finds too much at most, however many have left meanwhile.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from grantory.ports.name_index import IndexTask, IndexWork
from grantory.storage.sql import list_statements as sql_of
from grantory.storage.sql.client_lists import Head, padded
from grantory.storage.sql.list_statements import AT_ONCE
from grantory.storage.sql.many_rows import add_rows, in_pieces
from grantory.storage.sql.name_grams import (
    ALL_GRAMS,
    CHUNK,
    LOOK_AT,
    NOT_INDEXED,
    index_chunk,
)
from grantory.storage.sql.statement import SqlExecutor
from grantory.storage.sql.tables import name_grams

SPARSE: Final = CHUNK // 8
"""A chunk with fewer entries is given up; they get slots in a new one."""
LOOKED_AT: Final = CHUNK // 32
"""A chunk is looked at when one of every so many slots is left."""
MOVED_AT_ONCE: Final = 100
_BETWEEN: Final = "\0"
_GRAM: Final = tuple(str(column.name) for column in name_grams.c)


class SqlNameIndex:
    """Implements ``NameIndexWriter`` (and so ``NameIndexReader``)."""

    def __init__(self, sql: SqlExecutor) -> None:
        self._sql = sql

    def next_unfinished(self, after: str) -> str | None:  # noqa: D102 - see the port
        row = self._sql.one(sql_of.NEXT_UNFINISHED, after=after, chunk=CHUNK, gram=LOOK_AT)
        return None if row is None else str(row[0])

    def next_work(self, organization_id: str) -> IndexWork | None:  # noqa: D102
        row = self._sql.one(sql_of.LIST, organization_id=organization_id)
        if row is None:
            return None
        head = Head(*row)
        if head.next_slot >= (head.sealed + 1) * CHUNK:
            return self._to_seal(organization_id, head)
        looked_at = self._sql.one(sql_of.FIRST_CHUNK, list_id=head.list_id, gram=LOOK_AT)
        if looked_at is None:
            return None
        chunk = int(looked_at[0])
        count = self._sql.one(sql_of.SLOT_COUNT, **_bounds(head.list_id, chunk))
        if count is not None and count[0] > SPARSE:
            return IndexWork(IndexTask.KEEP, organization_id, head.list_id, chunk)
        grams = self._all_grams(head.list_id, chunk)
        return IndexWork(IndexTask.GIVE_UP, organization_id, head.list_id, chunk, grams)

    def _to_seal(self, organization_id: str, head: Head) -> IndexWork:
        found = self._sql.all(sql_of.NAMES, **_bounds(head.list_id, head.sealed))
        begin = head.sealed * CHUNK
        names = [(slot - begin, name) for slot, name in found]
        rows = self._sql.aside(partial(index_chunk, names))
        return IndexWork(
            IndexTask.SEAL,
            organization_id,
            head.list_id,
            head.sealed,
            [gram for gram, _ in rows or ()],
            [slots for _, slots in rows or ()],
            rows is not None,
        )

    def advance(self, work: IndexWork, begin: int, limit: int) -> int | None:  # noqa: D102
        row = self._sql.one(sql_of.LIST_FOR_CHANGE, organization_id=work.organization_id)
        if row is None or row[0] != work.list_id:  # it was begun anew
            return None
        head = Head(*row)
        match work.task:
            case IndexTask.SEAL:
                return self._seal(head, work, begin, limit)
            case IndexTask.KEEP:
                self._drop(work, [LOOK_AT])
                return None
            case IndexTask.GIVE_UP:
                return self._give_up(head, work, begin, limit)

    def _seal(self, head: Head, work: IndexWork, begin: int, limit: int) -> int | None:
        if head.sealed != work.chunk:  # another was faster
            return None
        if begin == 0 and work.is_indexed:
            # What an attempt has left that was broken off is to be removed one day as well.
            every = dict.fromkeys([*self._all_grams(work.list_id, work.chunk), *work.grams])
            self._drop(work, [ALL_GRAMS])
            self._add(work, [(ALL_GRAMS, _BETWEEN.join(every).encode())])
        end = begin + limit
        some = zip(work.grams[begin:end], work.slots[begin:end], strict=True)
        self._add(work, list(some))
        if end < len(work.grams):
            return end
        if not work.is_indexed:
            self._add(work, [(NOT_INDEXED, b"")])
        self._add(work, [(LOOK_AT, b"")])  # all may have left it while it was made
        self._change(head._replace(sealed=head.sealed + 1))
        return None

    def _give_up(self, head: Head, work: IndexWork, begin: int, limit: int) -> int | None:
        if begin == 0:
            here = self._sql.all(
                sql_of.IDS_OF_CHUNK, limit=MOVED_AT_ONCE, **_bounds(head.list_id, work.chunk)
            )
            for place, (client_id,) in enumerate(here):
                self._sql.run(
                    sql_of.MOVE,
                    list_id=head.list_id,
                    id_=client_id,
                    new_slot=head.next_slot + place,
                )
            if here:
                self._change(head._replace(next_slot=head.next_slot + len(here)))
                return 0
        end = begin + limit
        self._drop(work, work.grams[begin:end])
        if end < len(work.grams):
            return end
        self._drop(work, [ALL_GRAMS, NOT_INDEXED, LOOK_AT])
        return None

    def _all_grams(self, list_id: int, chunk: int) -> list[str]:
        row = self._sql.one(sql_of.CHUNK_GRAMS, list_id=list_id, gram=ALL_GRAMS, chunk=chunk)
        return bytes(row[0]).decode().split(_BETWEEN) if row and row[0] else []

    def _add(self, work: IndexWork, rows: Sequence[tuple[str, bytes]]) -> None:
        added = [(work.list_id, gram, work.chunk, slots) for gram, slots in rows]
        add_rows(self._sql, name_grams, _GRAM, added, missing=True)

    def _drop(self, work: IndexWork, grams: Sequence[str]) -> None:
        for some in in_pieces(grams, AT_ONCE):
            self._sql.run(sql_of.DROP_GRAMS, list_id=work.list_id, chunk=work.chunk, **padded(some))

    def _change(self, head: Head) -> None:
        self._sql.run(sql_of.CHANGE_LIST, **head._asdict())


def note_left(sql: SqlExecutor, head: Head, slots: Sequence[int]) -> bool:
    """Notes chunks to be looked at, because of slots that were left; tells whether there are any.

    Each chunk is looked at when certain slots of it were left, and these are few.
    """
    chunks = {
        slot // CHUNK for slot in slots if slot % LOOKED_AT == 0 and slot // CHUNK < head.sealed
    }
    rows = [(head.list_id, LOOK_AT, chunk, b"") for chunk in sorted(chunks)]
    add_rows(sql, name_grams, _GRAM, rows, missing=True)
    return bool(chunks)


def _bounds(list_id: int, chunk: int) -> dict[str, Any]:
    return {"list_id": list_id, "begin": chunk * CHUNK, "end": (chunk + 1) * CHUNK}
