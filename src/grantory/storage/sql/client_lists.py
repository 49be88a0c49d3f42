"""Reading lists of clients: pages by adding up spans, parts of names by their grams."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Sequence
from functools import partial
from operator import attrgetter
from typing import Any, Final, NamedTuple

from grantory.errors import ListBeingMade, StorageUnavailable
from grantory.ports.client_lists import (
    UNNUMBERED,
    ClientOrder,
    ClientSort,
    ListEntry,
    ListLags,
    Marked,
    Place,
    Rest,
    Unlisted,
)
from grantory.ports.clients import ClientFilter, ClientPosition
from grantory.storage.sql import list_statements as sql_of
from grantory.storage.sql.list_spans import Spans
from grantory.storage.sql.list_statements import AT_ONCE, MANY_AT_ONCE, keys
from grantory.storage.sql.many_rows import in_pieces
from grantory.storage.sql.name_grams import CHUNK, NOT_INDEXED, common_slots, grams_of
from grantory.storage.sql.remembered import Remembered
from grantory.storage.sql.span_memory import SpanMemory
from grantory.storage.sql.statement import Row, SqlExecutor, Statement, T

MOST_UNLISTED: Final = 50_000
"""So many are looked at besides the list; where there are more, it is still being made."""
MARKS_AT_ONCE: Final = 10_000
ALL_MARKS: Final = 2**62
REST: Final = "after "
"""Begins what stands, instead of a client's id, for those that are still to be marked."""
GIVEN_UP: Final = "given up "
"""Begins what stands for the organisation of a list that is not read any more."""
BEING_MADE_SECONDS: Final = 30
""".. and whoever asks is told to wait so long."""
MANY: Final = 500
"""What takes longer with each row is done aside from so many on."""
MOST_UNINDEXED: Final = 6
"""So many chunks without an index are gone through by a search; where there are more, all are."""
MOST_FOUND: Final = 6_000
"""So many that a part of a name may fit are looked at one by one; more are counted."""
_PLACED: Final = {
    ClientSort.NAME: attrgetter("name_key", "client_id"),
    ClientSort.CREATED: attrgetter("created_at", "client_id"),
    ClientSort.MODIFIED: attrgetter("modified_at", "client_id"),
    ClientSort.ID: attrgetter("client_id"),
}
"""What entries are sorted by, faster than by making their places."""
_NAME_KEY: Final = [column.name for column in sql_of.ENTRY].index("name_key")
_KEYS: Final = {count: keys("key", count) for count in (AT_ONCE, MANY_AT_ONCE)}

# What is kept is named by the generation of a list, a random number of 63 bits.
spans_held: Final = SpanMemory(50_000)
_totals: Final = Remembered[int](256)


class Head(NamedTuple):
    """What is known of a list."""

    list_id: int
    generation: int
    next_number: int
    next_slot: int
    sealed: int


NO_LIST: Final = Head(0, 0, 0, 0, 0)


class Besides(NamedTuple):
    """What a list does not say rightly: whom to leave out, and whom to add."""

    old: list[ListEntry]
    new: list[ListEntry]
    client_ids: frozenset[str]


class SqlClientLists:
    """Implements ``ClientListReader``."""

    def __init__(self, sql: SqlExecutor) -> None:
        self._sql = sql

    def page(  # noqa: D102 - see the port
        self,
        organization_id: str,
        wanted: ClientFilter,
        order: ClientOrder,
        offset: int,
        limit: int,
        most_unlisted: int | None = None,
    ) -> tuple[list[str], int]:
        head = self.head(organization_id)
        besides = self.besides(organization_id, head, most_unlisted)
        part = wanted.name.casefold()
        counted = (head.generation, part, wanted.grant_type, wanted.state)
        # Of whatever was counted, too many are found to be looked at one by one.
        is_counted = bool(part) and _totals.known(counted) is not None
        found = self._found(head, part) if part and not is_counted else None
        if found is not None:
            return self._aside(
                len(found) + len(besides.new),
                partial(_page_of_found, found, besides, wanted, order, offset, limit),
            )
        if part:
            listed = _totals.get(counted, lambda: self._count(head, wanted, part))
        else:
            spans = self.spans(head, order.sort)
            listed = self._aside(len(spans.spans), lambda: spans.before(wanted))[-1]
        merge = self._aside(
            len(besides.client_ids), lambda: _merged(besides, wanted, order.sort, listed)
        )

        def read(begin: int, count: int) -> list[Place]:
            if part:
                return self._with_part(head, wanted, part, order.sort, listed, begin, count)
            return self._from_spans(head, wanted, order.sort, begin, count)

        begin, end = offset, min(offset + limit, merge.total)
        if order.descending:
            begin, end = merge.total - end, merge.total - begin
        if begin >= end:
            return [], merge.total
        ids = [place.client_id for place in merge.places(max(begin, 0), end, read)]
        return ids[::-1] if order.descending else ids, merge.total

    def after(  # noqa: D102
        self,
        organization_id: str,
        list_id: int,
        order: ClientOrder,
        place: Place | None,
        limit: int,
    ) -> list[ListEntry]:
        self._require_same(organization_id, list_id)
        statement = sql_of.entries_after(
            order.sort, descending=order.descending, placed=place is not None
        )
        given = {} if place is None else sql_of.place_values(order.sort, place)
        rows = self._sql.all(statement, list_id=list_id, limit=limit, **given)
        return [entry_of(row) for row in rows]

    def numbered(  # noqa: D102
        self, organization_id: str, list_id: int, number: int, limit: int
    ) -> list[ListEntry]:
        self._require_same(organization_id, list_id)
        rows = self._sql.all(sql_of.NUMBERED, list_id=list_id, number=number, limit=limit)
        return [entry_of(row) for row in rows]

    def unlisted(self, organization_id: str) -> Unlisted:  # noqa: D102
        client_ids = self._marked(organization_id)
        list_id = self.head(organization_id).list_id
        return Unlisted(list_id, client_ids, self.current(organization_id, client_ids))

    def behind(self, most: int) -> int:  # noqa: D102
        row = self._sql.one(sql_of.MARK_COUNT, limit=most)
        return int(row[0]) if row else 0

    def newest_mark(self) -> int:  # noqa: D102
        row = self._sql.one(sql_of.NEWEST_MARK)
        return int(row[0]) if row else 0

    def oldest_mark(self) -> tuple[int, str] | None:  # noqa: D102
        row = self._sql.one(sql_of.OLDEST_MARK)
        return (int(row[0]), str(row[1])) if row else None

    def next_marked(self, after: str) -> Marked | None:  # noqa: D102
        row = self._sql.one(sql_of.NEXT_MARKED, after=after)
        return None if row is None else Marked(*row)

    def rest(self) -> Rest | None:  # noqa: D102
        row = self._sql.one(sql_of.REST, pattern=f"{REST}%")
        return None if row is None else rest_of(*row)

    def has_given_up(self) -> bool:  # noqa: D102
        return self._sql.one(sql_of.GIVEN_UP, pattern=f"{GIVEN_UP}%") is not None

    def prepare(self, organization_id: str) -> None:  # noqa: D102
        head = self.head(organization_id)
        for sort in ClientSort:
            self.spans(head, sort)

    def head(self, organization_id: str) -> Head:
        """Tells what is known of an organisation's list; ``NO_LIST`` where there is none yet."""
        row = self._sql.one(sql_of.LIST, organization_id=organization_id)
        return NO_LIST if row is None else Head(*row)

    def current(self, organization_id: str, client_ids: Collection[str]) -> list[ListEntry]:
        """Makes the entries of clients as they are now; of those that are there."""
        rows = self.of_keys(sql_of.clients_of, client_ids)
        return self._aside(
            len(rows),
            lambda: [
                ListEntry(row[1], UNNUMBERED, row[2].casefold(), *row[3:-1])
                for row in rows
                if row[0] == organization_id and row[-1] is None
            ],
        )

    def spans(self, head: Head, sort: ClientSort) -> Spans:
        """Reads the spans of an order."""
        if not head.list_id:
            return Spans([])
        spans = spans_held.get(head.list_id, sort, head.generation)
        if spans is None:
            rows = self._sql.all(sql_of.SPANS, list_id=head.list_id, sort=sort.value)
            spans = self._aside(len(rows), partial(Spans.read, rows))
            spans_held.put(head.list_id, sort, head.generation, spans)
        return spans

    def of_keys(
        self, statement: Callable[[int], Statement], wanted: Collection[Any], **params: Any
    ) -> list[Row]:
        """Runs a query for any number of keys.

        Args:
            statement: gives it for so many at once.
            wanted: the keys.
            params: its other parameters.
        """
        size = AT_ONCE if len(wanted) <= 4 * AT_ONCE else MANY_AT_ONCE
        rows: list[Row] = []
        for some in in_pieces(list(wanted), size):
            rows += self._sql.all(statement(size), **params, **padded(some, size))
        return rows

    def _require_same(self, organization_id: str, list_id: int) -> None:
        """Refuses to go on in another list; none at all (nought) has no entries, ever."""
        if list_id and self.head(organization_id).list_id != list_id:
            raise StorageUnavailable("the list was begun anew while it was read")

    def _aside(self, size: int, work: Callable[[], T]) -> T:
        """Runs what takes longer the more there is."""
        return self._sql.aside(work) if size > MANY else work()

    def _marked(self, organization_id: str, most: int | None = None) -> frozenset[str]:
        """Lists the clients with marks; each may have many."""
        found: set[str] = set()
        limit = MARKS_AT_ONCE if most is None else most + 1
        asked = {"organization_id": organization_id, "upto": ALL_MARKS, "limit": limit}
        rows = self._sql.all(sql_of.MARKS, after=0, **asked)
        if most is not None and len(rows) > most:
            raise ListLags
        while rows:
            found.update(client_id for _, client_id in rows)
            if len(found) > MOST_UNLISTED or any(is_rest(client_id) for _, client_id in rows):
                raise ListBeingMade(organization_id, BEING_MADE_SECONDS)
            if len(rows) < limit:
                break
            rows = self._sql.all(sql_of.MARKS, after=rows[-1][0], **asked)
        return frozenset(found)

    def besides(self, organization_id: str, head: Head, most: int | None = None) -> Besides:
        """Tells what a list does not say rightly; ``ListLags`` where that is more than ``most``."""
        client_ids = self._marked(organization_id, most)
        old = self.of_keys(sql_of.entries_of, client_ids, list_id=head.list_id)
        new = self.current(organization_id, client_ids)
        entries = self._aside(len(old), lambda: [entry_of(row) for row in old])
        return Besides(entries, new, client_ids)

    def _from_spans(
        self, head: Head, wanted: ClientFilter, sort: ClientSort, begin: int, count: int
    ) -> list[Place]:
        spans = self.spans(head, sort)
        before, asked = spans.before(wanted), _asked(wanted)
        places: list[Place] = []
        while count > 0 and begin < before[-1]:
            index = bisect_right(before, begin) - 1
            start, some = spans.spans[index].start, min(count, before[index + 1] - begin)
            rows = self._sql.all(
                sql_of.rows_from(sort, placed=start is not None, **asked),
                list_id=head.list_id,
                limit=some,
                offset=begin - before[index],
                **({"within": spans.spans[index].total} if any(asked.values()) else {}),
                **({} if start is None else sql_of.place_values(sort, start)),
                **_values(wanted),
            )
            places += [sql_of.place_of(sort, row) for row in rows]
            begin += some
            count -= some
        return places

    def _found(self, head: Head, part: str) -> list[ListEntry] | None:
        """Finds the entries with a part in their names; None where many might have it."""
        grams = grams_of(part)
        if not grams:
            return None
        rows = [self._slots_of(head, gram) for gram in grams]
        unindexed = sorted(self._slots_of(head, NOT_INDEXED))
        if len(unindexed) > MOST_UNINDEXED:
            return None
        slots = self._sql.aside(lambda: common_slots(rows, MOST_FOUND))
        if slots is None:
            return None
        found: list[Row] = []
        for begin, end in (
            *((chunk * CHUNK, (chunk + 1) * CHUNK) for chunk in unindexed),
            (head.sealed * CHUNK, head.next_slot),
        ):
            found += self._sql.all(
                sql_of.ENTRIES_BETWEEN_SLOTS,
                **{"list_id": head.list_id, "begin": begin, "end": end},
                part=part,
                limit=MOST_FOUND + 1,
            )
            if len(slots) + len(found) > MOST_FOUND:
                return None
        for some in in_pieces(slots, AT_ONCE):
            found += self._sql.all(
                sql_of.ENTRIES_OF_SLOTS, list_id=head.list_id, **padded(some, AT_ONCE)
            )

        def entries() -> list[ListEntry]:
            return [entry_of(row) for row in found if part in row[_NAME_KEY]]

        return self._aside(len(found), entries)

    def _slots_of(self, head: Head, gram: str) -> dict[int, bytes]:
        """Tells where a gram is; of a chunk that is not sealed yet not all may be written."""
        rows = self._sql.all(sql_of.GRAMS, list_id=head.list_id, gram=gram)
        return {chunk: bytes(slots) for chunk, slots in rows if chunk < head.sealed}

    def _count(self, head: Head, wanted: ClientFilter, part: str) -> int:
        statement = sql_of.count_with_part(**_asked(wanted))
        row = self._sql.one(statement, list_id=head.list_id, part=part, **_values(wanted))
        return int(row[0]) if row else 0

    def _with_part(
        self,
        head: Head,
        wanted: ClientFilter,
        part: str,
        sort: ClientSort,
        total: int,
        begin: int,
        count: int,
    ) -> list[Place]:
        """Reads places of those with a part in their names, from the nearer end of the list."""
        count = min(count, total - begin)
        backwards = begin + count > total - begin
        rows = self._sql.all(
            sql_of.rows_with_part(sort, descending=backwards, **_asked(wanted)),
            list_id=head.list_id,
            part=part,
            limit=max(count, 0),
            offset=total - begin - count if backwards else begin,
            **_values(wanted),
        )
        places = [sql_of.place_of(sort, row) for row in rows]
        return places[::-1] if backwards else places


class _Merge(NamedTuple):
    """A list of which some places are left out, and to which others are added."""

    hidden: Sequence[Place]
    added: Sequence[Place]
    listed: int

    @property
    def total(self) -> int:
        return self.listed - len(self.hidden) + len(self.added)

    def places(self, begin: int, end: int, read: Callable[[int, int], list[Place]]) -> list[Place]:
        """Gives the places from one to another, counted in the merged list."""
        if not self.hidden and not self.added:
            return read(begin, end - begin)
        # The n-th of the merged list is at most so far from the n-th of the list.
        start = max(0, min(begin - len(self.added), self.listed - 1))
        window = read(start, end + len(self.hidden) - start)
        if start and window:
            first = window[0]
            add_from = bisect_left(self.added, first)
            number = start - bisect_left(self.hidden, first) + add_from
        else:
            add_from = number = 0
        hidden = set(self.hidden)
        kept = [place for place in window if place not in hidden]
        merged = sorted([*kept, *self.added[add_from:]])
        return merged[begin - number : end - number]


def _page_of_found(
    found: list[ListEntry],
    besides: Besides,
    wanted: ClientFilter,
    order: ClientOrder,
    offset: int,
    limit: int,
) -> tuple[list[str], int]:
    fitting = [entry for entry in found if entry.client_id not in besides.client_ids]
    every = [e for e in (*fitting, *besides.new) if e.fits(wanted)]
    every.sort(key=_PLACED[order.sort], reverse=order.descending)
    return [entry.client_id for entry in every[offset : offset + limit]], len(every)


def _merged(besides: Besides, wanted: ClientFilter, sort: ClientSort, listed: int) -> _Merge:
    return _Merge(
        sorted(entry.place(sort) for entry in besides.old if entry.fits(wanted)),
        sorted(entry.place(sort) for entry in besides.new if entry.fits(wanted)),
        listed,
    )


def is_rest(client_id: str) -> bool:
    """Tells whether what a mark names stands for clients that are still to be marked."""
    return client_id.startswith(REST)


def named_rest(after: ClientPosition) -> str:
    """Makes what a mark names that stands for the clients that follow one."""
    return f"{REST}{after.created_at} {after.client_id}"


def rest_of(mark: int, organization_id: str, named: str) -> Rest:
    """Reads what a mark names that stands for clients."""
    at, _, client_id = named.removeprefix(REST).partition(" ")
    return Rest(mark, organization_id, ClientPosition(int(at), client_id))


def entry_of(row: Row) -> ListEntry:
    """Reads an entry out of its row."""
    return ListEntry(*row[:7])


def padded(some: Sequence[Any], size: int = AT_ONCE) -> dict[str, Any]:
    """Makes the parameters of up to ``size`` keys: the last one again where there are fewer."""
    names = _KEYS[size]
    return dict.fromkeys(names, some[-1]) | dict(zip(names, some, strict=False))


def _asked(wanted: ClientFilter) -> dict[str, bool]:
    return {"of_type": wanted.grant_type is not None, "in_state": wanted.state is not None}


def _values(wanted: ClientFilter) -> dict[str, str]:
    found: dict[str, str] = {}
    if wanted.grant_type is not None:
        found["grant_type"] = wanted.grant_type.value
    if wanted.state is not None:
        found["state"] = wanted.state.value
    return found
