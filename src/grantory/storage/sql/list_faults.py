"""In what a list differs from the clients that it was made of."""

from collections import Counter
from collections.abc import Iterator
from typing import Final
from unicodedata import unidata_version

import msgspec

from grantory.ports.client_lists import UNNUMBERED, ClientSort, ListEntry
from grantory.storage.sql import list_statements as sql_of
from grantory.storage.sql.client_lists import Head, SqlClientLists, entry_of, padded
from grantory.storage.sql.list_spans import Kind
from grantory.storage.sql.list_statements import AT_ONCE, MANY_AT_ONCE
from grantory.storage.sql.many_rows import in_pieces
from grantory.storage.sql.name_grams import CHUNK, NOT_INDEXED, every_gram, holds
from grantory.storage.sql.statement import SqlExecutor

NAMES_LOOKED_FOR: Final = 4
"""Of each chunk of the index: to look for all would take long."""


def faults_of(lists: SqlClientLists, sql: SqlExecutor, organization_id: str) -> list[str]:
    """Compares a list with the clients; says in what they differ.

    Args:
        lists: reads them.
        sql: one snapshot.
        organization_id: whose list.
    """
    head = lists.head(organization_id)
    besides = lists.besides(organization_id, head)
    row = sql.one(sql_of.ALIVE, organization_id=organization_id)
    expected = (int(row[0]) if row else 0) - len(besides.new) + len(besides.old)
    found = [*_of_entries(lists, sql, organization_id, head, besides.client_ids, expected)]
    if head.list_id:
        found += [*_of_index(sql, head), *_of_letters(sql, head)]
    return [f"the list of organization {organization_id} {fault}" for fault in found]


def _of_entries(
    lists: SqlClientLists,
    sql: SqlExecutor,
    organization_id: str,
    head: Head,
    marked: frozenset[str],
    expected: int,
) -> Iterator[str]:
    spans = {sort: lists.spans(head, sort) for sort in ClientSort}
    kinds: dict[ClientSort, Counter[tuple[int, Kind]]] = {sort: Counter() for sort in ClientSort}
    numbers = bytearray(head.next_number)
    count = other = 0
    for entries in _batches(sql, head):
        current = lists.current(organization_id, [entry.client_id for entry in entries])
        now = {entry.client_id: entry for entry in current}
        for entry in entries:
            count += 1
            if not 0 <= entry.number < head.next_number or numbers[entry.number]:
                other += 1
            elif entry.client_id not in marked:
                same = msgspec.structs.replace(entry, number=UNNUMBERED)
                other += now.get(entry.client_id) != same
            if 0 <= entry.number < head.next_number:
                numbers[entry.number] = 1
            for sort in ClientSort:
                index = spans[sort].index_of(entry.place(sort))
                kinds[sort][index, (entry.grant_type, entry.state)] += 1
    if count != expected:
        yield f"has {count} clients, and not {expected}"
    if other:
        yield f"has {other} clients otherwise than they are"
    wrong = []
    for sort in ClientSort:
        pieces = enumerate(spans[sort].spans)
        told = {(index, kind): n for index, piece in pieces for kind, n in piece.counts.items()}
        if {key: n for key, n in told.items() if n} != dict(kinds[sort]):
            wrong.append(sort.value)
    if wrong:
        yield f"is counted wrongly in the order by {', '.join(wrong)}"


def _batches(sql: SqlExecutor, head: Head) -> Iterator[list[ListEntry]]:
    order = ClientSort.ID
    given: dict[str, object] = {}
    while True:
        statement = sql_of.entries_after(order, descending=False, placed=bool(given))
        rows = sql.all(statement, list_id=head.list_id, limit=MANY_AT_ONCE, **given)
        if not rows:
            return
        entries = [entry_of(row) for row in rows]
        yield entries
        given = sql_of.place_values(order, entries[-1].place(order))


def _of_index(sql: SqlExecutor, head: Head) -> Iterator[str]:
    rows = sql.all(sql_of.GRAMS, list_id=head.list_id, gram=NOT_INDEXED)
    unindexed = {chunk for chunk, _ in rows}
    lost = 0
    for chunk in range(head.sealed):
        if chunk in unindexed:
            continue
        begin = chunk * CHUNK
        names = sql.all(sql_of.NAMES, list_id=head.list_id, begin=begin, end=begin + CHUNK)
        for slot, name in names[:: max(1, len(names) // NAMES_LOOKED_FOR)]:
            held: dict[str, bytes] = {}
            for some in in_pieces(sorted(every_gram(name)), AT_ONCE):
                held |= {
                    gram: bytes(slots)
                    for gram, slots in sql.all(
                        sql_of.GRAMS_OF_CHUNK, list_id=head.list_id, chunk=chunk, **padded(some)
                    )
                }
            lost += not all(g in held and holds(held[g], slot - begin) for g in every_gram(name))
    if lost:
        yield f"has an index that does not find {lost} of the names that were looked for"


def _of_letters(sql: SqlExecutor, head: Head) -> Iterator[str]:
    version = sql.one(sql_of.UNIDATA, list_id=head.list_id)
    if version is not None and version[0] != unidata_version:
        yield (
            f"was made with Unicode {version[0]}, and this program has {unidata_version}:"
            " new letters may not be found"
        )
