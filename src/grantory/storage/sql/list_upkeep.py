"""Bringing lists of clients up to date: what was marked is put into its place."""

import secrets
from collections.abc import Iterable
from functools import partial
from typing import Any, Final
from unicodedata import unidata_version

from grantory.ports.client_lists import ClientSort, ListEntry, Place
from grantory.storage.sql import list_statements as sql_of
from grantory.storage.sql.client_lists import (
    NO_LIST,
    Head,
    SqlClientLists,
    entry_of,
    keep_spans,
    padded,
)
from grantory.storage.sql.list_spans import Change, Kind, apply
from grantory.storage.sql.list_statements import AT_ONCE
from grantory.storage.sql.many_rows import add_rows, in_pieces
from grantory.storage.sql.name_grams import CHUNK, index_chunk
from grantory.storage.sql.statement import SqlExecutor
from grantory.storage.sql.tables import list_entries, list_spans, name_grams

SPARSE: Final = CHUNK // 8
"""A chunk with fewer entries is given up; they get slots in a new one."""
_LOOKED_AT: Final = CHUNK // 32
_NO_GRAM: Final = ""
"""Under this, a chunk's row holds all its grams, so that they can be removed."""
_BETWEEN: Final = b"\0"
_ENTRY, _SPAN, _GRAM = (
    tuple(str(column.name) for column in source.c)
    for source in (list_entries, list_spans, name_grams)
)


class SqlClientListUpkeep(SqlClientLists):
    """Implements ``ClientListWriter``."""

    def __init__(self, sql: SqlExecutor) -> None:
        super().__init__(sql)
        self._sql = sql

    def catch_up(self, limit: int) -> int:  # noqa: D102 - see the port
        row = self._sql.one(sql_of.OLDEST_MARK)
        if row is None:
            return 0
        organization_id = row[0]
        head = self._locked(organization_id)
        marks = self._sql.all(sql_of.MARKS, organization_id=organization_id, limit=limit)
        if not marks:  # another process was faster
            return 0
        client_ids = dict.fromkeys(client_id for _, client_id in marks)
        rows = self.of_keys(sql_of.ENTRIES, client_ids, list_id=head.list_id)
        old = {row[0]: (entry_of(row), int(row[-1])) for row in rows}
        new = {entry.client_id: entry for entry in self.current(organization_id, client_ids)}
        generation = secrets.randbits(62) + 1
        numbered = self._put(head, client_ids, old, new)
        self._count_anew(head, generation, [entry for entry, _ in old.values()], list(new.values()))
        head = self._index(numbered)
        head = self._give_up(head, [slot for _, slot in old.values()])
        self._sql.run(sql_of.CHANGE_LIST, **head._replace(generation=generation)._asdict())
        for some in in_pieces([number for number, _ in marks], AT_ONCE):
            self._sql.run(sql_of.DROP_MARKS, **padded(some))
        return len(marks)

    def _locked(self, organization_id: str) -> Head:
        """Reads the head of a list, makes it where missing, and locks it until the end."""
        asked = {"organization_id": organization_id}
        row = self._sql.one(sql_of.LIST_FOR_CHANGE, **asked)
        if row is None:
            empty = NO_LIST._asdict() | {"generation": 1, "unidata_version": unidata_version}
            del empty["list_id"]
            self._sql.run(sql_of.ADD_LIST, **asked, **empty)
            row = self._sql.one(sql_of.LIST_FOR_CHANGE, **asked)
        return Head(*row) if row else NO_LIST

    def _put(
        self,
        head: Head,
        client_ids: Iterable[str],
        old: dict[str, tuple[ListEntry, int]],
        new: dict[str, ListEntry],
    ) -> Head:
        """Writes the entries anew; one keeps its number, and its slot while its name stays."""
        next_number, next_slot = head.next_number, head.next_slot
        rows: list[tuple[Any, ...]] = []
        for client_id in client_ids:
            before, entry = old.get(client_id), new.get(client_id)
            if entry is None:
                continue
            if before is None:
                number, slot = next_number, next_slot
                next_number, next_slot = next_number + 1, next_slot + 1
            elif before[0].name_key != entry.name_key:
                number, slot = before[0].number, next_slot
                next_slot += 1
            else:
                number, slot = before[0].number, before[1]
            rows.append(
                (
                    *(head.list_id, client_id, number, slot, entry.name_key, entry.created_at),
                    *(entry.modified_at, entry.grant_type, entry.state),
                )
            )
        for some in in_pieces(list(old), AT_ONCE):
            self._sql.run(sql_of.DROP_ENTRIES, list_id=head.list_id, **padded(some))
        add_rows(self._sql, list_entries, _ENTRY, rows)
        return head._replace(next_number=next_number, next_slot=next_slot)

    def _count_anew(
        self, head: Head, generation: int, old: list[ListEntry], new: list[ListEntry]
    ) -> None:
        for sort in ClientSort:
            changes = [
                Change(entry.place(sort), (entry.grant_type, entry.state), amount)
                for entries, amount in ((old, -1), (new, 1))
                for entry in entries
            ]
            before = self.spans(head, sort)
            spans, written, gone = apply(before, changes, partial(self._kinds, head, sort))
            named: dict[str, Any] = {"list_id": head.list_id, "sort": sort.value}
            dropped = [span.number for span in written] + gone
            for some in in_pieces(dropped, AT_ONCE):
                self._sql.run(sql_of.DROP_SPANS, **named, **padded(some))
            added = [(*named.values(), s.number, s.start_text, s.counts_text) for s in written]
            add_rows(self._sql, list_spans, _SPAN, added)
            # Should the transaction fail, nobody will ever hear of this generation.
            keep_spans(generation, sort, spans)

    def _kinds(
        self, head: Head, sort: ClientSort, start: Place | None, limit: int
    ) -> list[tuple[Place, Kind]]:
        rows = self._sql.all(
            sql_of.kinds_from(sort, placed=start is not None),
            list_id=head.list_id,
            limit=limit,
            **({} if start is None else sql_of.place_values(sort, start)),
        )
        return [(sql_of.place_of(sort, row[2:]), (row[0], row[1])) for row in rows]

    def _index(self, head: Head) -> Head:
        """Makes the names of every chunk findable that is full."""
        while head.next_slot >= (head.sealed + 1) * CHUNK:
            begin = head.sealed * CHUNK
            found = self._sql.all(
                sql_of.NAMES, list_id=head.list_id, begin=begin, end=begin + CHUNK
            )
            names = [(slot - begin, name) for slot, name in found]
            grams = self._sql.aside(partial(index_chunk, names))
            every = _BETWEEN.join(gram.encode() for gram, _ in grams)
            rows = [(head.list_id, gram, head.sealed, slots) for gram, slots in grams]
            rows.append((head.list_id, _NO_GRAM, head.sealed, every))
            add_rows(self._sql, name_grams, _GRAM, rows)
            head = head._replace(sealed=head.sealed + 1)
        return head

    def _give_up(self, head: Head, slots: list[int]) -> Head:
        """Lets go of indexed chunks of which little is left.

        Each chunk is looked at when certain slots of it were left, and these are few.
        """
        looked_at = {
            slot // CHUNK
            for slot in slots
            if slot % _LOOKED_AT == 0 and slot // CHUNK < head.sealed
        }
        for chunk in sorted(looked_at):
            bounds = {"list_id": head.list_id, "begin": chunk * CHUNK, "end": (chunk + 1) * CHUNK}
            count = self._sql.one(sql_of.SLOT_COUNT, **bounds)
            if count is None or count[0] > SPARSE:
                continue
            for (client_id,) in self._sql.all(sql_of.IDS_OF_CHUNK, **bounds):
                self._sql.run(
                    sql_of.MOVE, list_id=head.list_id, id_=client_id, new_slot=head.next_slot
                )
                head = head._replace(next_slot=head.next_slot + 1)
            named: dict[str, Any] = {"list_id": head.list_id, "chunk": chunk}
            found = self._sql.one(sql_of.CHUNK_GRAMS, gram=_NO_GRAM, **named)
            grams = bytes(found[0]).decode().split("\0") if found else []
            for some in in_pieces([*grams, _NO_GRAM], AT_ONCE):
                self._sql.run(sql_of.DROP_GRAMS, **named, **padded(some))
        return head
