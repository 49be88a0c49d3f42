"""Bringing lists of clients up to date: what was marked is put into its place."""

import secrets
from collections.abc import Iterable
from functools import partial
from typing import Any, Final
from unicodedata import unidata_version

from grantory.errors import StorageUnavailable
from grantory.ports.client_lists import ClientSort, Folded, ListEntry, Place, Rest
from grantory.ports.clients import LISTING_START, ClientPosition
from grantory.storage.sql import list_statements as sql_of
from grantory.storage.sql.client_lists import (
    ALL_MARKS,
    GIVEN_UP,
    NO_LIST,
    Head,
    SqlClientLists,
    entry_of,
    is_rest,
    named_rest,
    padded,
    rest_of,
    spans_held,
)
from grantory.storage.sql.list_faults import faults_of
from grantory.storage.sql.list_spans import Change, Kind, apply
from grantory.storage.sql.list_statements import AT_ONCE
from grantory.storage.sql.many_rows import add_rows, in_pieces
from grantory.storage.sql.name_grams import CHUNK
from grantory.storage.sql.name_index import note_left
from grantory.storage.sql.statement import SqlExecutor
from grantory.storage.sql.tables import list_entries, list_spans

MARKED_AT_ONCE: Final = 10_000
"""Clients of a list that is made anew; all others' changes wait for it on SQLite."""
_ENTRY, _SPAN = (
    tuple(str(column.name) for column in source.c) for source in (list_entries, list_spans)
)


class SqlClientListUpkeep(SqlClientLists):
    """Implements ``ClientListWriter``."""

    def __init__(self, sql: SqlExecutor) -> None:
        super().__init__(sql)
        self._sql = sql

    def catch_up(  # noqa: D102 - see the port
        self, organization_id: str, limit: int, after: int = 0, upto: int | None = None
    ) -> Folded:
        head = self._locked(organization_id)
        marks = self._sql.all(
            sql_of.MARKS,
            organization_id=organization_id,
            limit=limit,
            after=after,
            upto=ALL_MARKS if upto is None else upto,
        )
        if not marks:  # another process was faster
            return Folded(0, after, has_work=False)
        for mark, named in marks:
            if is_rest(named):
                self.mark_more(rest_of(mark, organization_id, named))
        client_ids = dict.fromkeys(named for _, named in marks if not is_rest(named))
        rows = self.of_keys(sql_of.entries_of, client_ids, list_id=head.list_id)
        old = {row[0]: (entry_of(row), int(row[-1])) for row in rows}
        new = {entry.client_id: entry for entry in self.current(organization_id, client_ids)}
        generation = secrets.randbits(62) + 1
        numbered, left = self._put(head, client_ids, old, new)
        self._count_anew(head, generation, [entry for entry, _ in old.values()], list(new.values()))
        self._sql.run(sql_of.CHANGE_LIST, **numbered._replace(generation=generation)._asdict())
        has_work = note_left(self._sql, head, left)
        for some in in_pieces([mark for mark, named in marks if not is_rest(named)], AT_ONCE):
            self._sql.run(sql_of.DROP_MARKS, **padded(some))
        is_full = numbered.next_slot >= (numbered.sealed + 1) * CHUNK
        return Folded(len(marks), int(marks[-1][0]), has_work or is_full)

    def begin_anew(self, organization_id: str) -> bool:  # noqa: D102
        row = self._sql.one(sql_of.LIST_FOR_CHANGE, organization_id=organization_id)
        if row is not None:
            self._sql.run(sql_of.GIVE_LIST_UP, list_id=row[0], given_up=f"{GIVEN_UP}{row[0]}")
        self._mark_after(organization_id, LISTING_START)
        return row is not None

    def mark_more(self, rest: Rest) -> bool:  # noqa: D102
        named = named_rest(rest.after)
        if not self._sql.run(sql_of.DROP_REST, id_=rest.mark, client_id=named):
            return False
        self._mark_after(rest.organization_id, rest.after)
        return True

    def sweep(self, limit: int) -> int:  # noqa: D102
        row = self._sql.one(sql_of.GIVEN_UP, pattern=f"{GIVEN_UP}%")
        if row is None:
            return 0
        removed = sum(self._sql.run(each, list_id=row[0], limit=limit) for each in sql_of.SWEEP)
        return removed or self._sql.run(sql_of.DROP_LIST, list_id=row[0])

    def faults(self, organization_id: str) -> list[str]:  # noqa: D102
        return faults_of(self, self._sql, organization_id)

    def _mark_after(self, organization_id: str, after: ClientPosition) -> None:
        """Marks the clients that follow, and leaves a mark for the rest where these are many."""
        asked = {"organization_id": organization_id, "at": after.created_at, "id_": after.client_id}
        last = self._sql.one(sql_of.MADE_LATER, **asked, offset=MARKED_AT_ONCE - 1)
        to_at, to_id = (ALL_MARKS, "") if last is None else last
        self._sql.run(sql_of.MARK_SOME, **asked, to_at=to_at, to_id=to_id)
        if last is not None:
            named = named_rest(ClientPosition(*last))
            self._sql.run(sql_of.MARK_REST, organization_id=organization_id, client_id=named)

    def _locked(self, organization_id: str) -> Head:
        """Reads the head of a list, makes it where missing, and locks it until the end."""
        asked = {"organization_id": organization_id}
        row = self._sql.one(sql_of.LIST_FOR_CHANGE, **asked)
        if row is None:
            empty = NO_LIST._asdict() | {"generation": 1, "unidata_version": unidata_version}
            del empty["list_id"]
            # Drawn, so that whoever still goes through a list of before does not take it for this.
            empty["id"] = secrets.randbits(31) + 1
            self._sql.run(sql_of.ADD_LIST, **asked, **empty)
            row = self._sql.one(sql_of.LIST_FOR_CHANGE, **asked)
        if row is None:  # it was made by another, and given up at once
            raise StorageUnavailable("a list was begun anew while it was made")
        return Head(*row)

    def _put(
        self,
        head: Head,
        client_ids: Iterable[str],
        old: dict[str, tuple[ListEntry, int]],
        new: dict[str, ListEntry],
    ) -> tuple[Head, list[int]]:
        """Writes the entries anew; one keeps its number, and its slot while its name stays.

        Returns:
            The list's head then, and the slots that were left.
        """
        next_number, next_slot = head.next_number, head.next_slot
        rows: list[tuple[Any, ...]] = []
        left: list[int] = []
        for client_id in client_ids:
            before, entry = old.get(client_id), new.get(client_id)
            if before is not None and (entry is None or before[0].name_key != entry.name_key):
                left.append(before[1])
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
        return head._replace(next_number=next_number, next_slot=next_slot), left

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
            spans_held.put(head.list_id, sort, generation, spans)

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
