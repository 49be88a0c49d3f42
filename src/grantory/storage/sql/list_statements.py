"""The queries of lists, one for each order and choice of conditions, made at their first use."""

from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Delete,
    Table,
    Text,
    any_,
    column,
    delete,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    values,
)
from sqlalchemy import bindparam as p
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

from grantory.ports.client_lists import ClientSort, Place
from grantory.storage.sql.statement import Statement
from grantory.storage.sql.tables import (
    client_lists,
    client_marks,
    clients,
    list_entries,
    list_spans,
    name_grams,
)

AT_ONCE: Final = 250
"""Keys of a query, and rows of a statement."""
MANY_AT_ONCE: Final = 4_000
"""Keys of a query where there are very many."""
_e, _l, _m, _g = list_entries.c, client_lists.c, client_marks.c, name_grams.c
ENTRY = (
    *(_e.client_id, _e.number, _e.name_key, _e.created_at, _e.modified_at),
    *(_e.grant_type, _e.state),
)
_PLACES: Final[dict[ClientSort, tuple[Column[Any], ...]]] = {
    ClientSort.NAME: (_e.name_key, _e.client_id),
    ClientSort.CREATED: (_e.created_at, _e.client_id),
    ClientSort.MODIFIED: (_e.modified_at, _e.client_id),
    ClientSort.ID: (_e.client_id,),
}
_in_list = _e.list_id == p("list_id")


class Holds(FunctionElement[bool]):
    """Whether a text has another within it, letter by letter."""

    name = "holds"
    type = Boolean()
    inherit_cache = True


@compiles(Holds)
def _holds(element: Holds, compiler: Any, **options: Any) -> str:
    return f"instr({compiler.process(element.clauses, **options)}) > 0"


@compiles(Holds, "postgresql")
def _holds_on_postgresql(element: Holds, compiler: Any, **options: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **options)}) > 0"


def keys(name: str, count: int = AT_ONCE) -> list[str]:
    """Names the parameters for several keys."""
    return [f"{name}_{number}" for number in range(count)]


def _each_by_index(columns: Iterable[ColumnElement[Any]], key: Column[Any], count: int) -> Any:
    """Looks a list's entries up one by one, by an index that has the key as well.

    PostgreSQL takes a list of many for a small one where small ones are many, or nothing has been
    analysed yet, and would go through all of it to find those whose keys are listed.
    """
    given = values(column("key", key.type), name="given").data(
        [(p(name, type_=key.type),) for name in keys("key", count)]
    )
    once = select(given.c.key).distinct().subquery("once")
    each = select(*columns).where(_in_list, key == once.c.key).limit(1).lateral("each_")
    return select(*each.c).select_from(once.join(each, true()))


def _delete_rows(target: Table, rows: Any) -> Delete:
    """Deletes the rows that a query gives the places of; nobody else changes them meanwhile."""
    place: ColumnElement[Any] = literal_column(f"{target.name}.ctid")
    return delete(target).where(place == any_(func.array(rows.scalar_subquery())))


def _place(target: Table) -> ColumnElement[Any]:
    return literal_column(f"{target.name}.ctid").label("place")


NEXT_UNFINISHED = Statement(
    select(_l.organization_id)
    .where(
        _l.organization_id > p("after"),
        _l.next_slot > 0,  # else it was given up
        or_(
            _l.next_slot >= (_l.sealed + 1) * p("chunk"),
            exists().where(_g.list_id == _l.id, _g.gram == p("gram", type_=Text)),
        ),
    )
    .order_by(_l.organization_id)
    .limit(1)
)
_listed = select(_l.id, _l.generation, _l.next_number, _l.next_slot, _l.sealed).where(
    _l.organization_id == p("organization_id")
)
LIST = Statement(_listed)
LIST_FOR_CHANGE = Statement(_listed.with_for_update())
ADD_LIST = Statement(
    insert(client_lists).values({c.name: p(c.name) for c in client_lists.c}).inline(),
    " ON CONFLICT DO NOTHING",
)
CHANGE_LIST = Statement(
    client_lists.update()
    .where(_l.id == p("list_id"))
    .values({n: p(n) for n in ("generation", "next_number", "next_slot", "sealed")})
)
MARKS = Statement(
    select(_m.id, _m.client_id)
    .where(_m.organization_id == p("organization_id"), _m.id > p("after"), _m.id <= p("upto"))
    .order_by(_m.id)
    .limit(p("limit"))
)
NEWEST_MARK = Statement(select(_m.id).order_by(_m.id.desc()).limit(1))
OLDEST_MARK = Statement(select(_m.id, _m.client_id).order_by(_m.id).limit(1))
NEXT_MARKED = Statement(
    select(_m.organization_id, _m.id)
    .where(_m.organization_id > p("after"))
    .order_by(_m.organization_id, _m.id)
    .limit(1)
)
MARK_COUNT = Statement(select(func.count()).select_from(select(_m.id).limit(p("limit")).subquery()))
DROP_MARKS = Statement(delete(client_marks).where(_m.id.in_([p(name) for name in keys("key")])))


@cache
def clients_of(count: int) -> Statement:
    """What lists show of so many clients."""
    # By id alone: told the organisation, or that it is alive, databases may walk through all.
    return Statement(
        select(
            *(clients.c.organization_id, clients.c.id, clients.c.name, clients.c.created_at),
            *(clients.c.modified_at, clients.c.grant_type, clients.c.state, clients.c.deleted_at),
        ).where(clients.c.id.in_([p(name) for name in keys("key", count)]))
    )


@cache
def entries_of(count: int) -> Statement:
    """The entries of so many clients, with their slots."""
    wanted = [p(name, type_=Text) for name in keys("key", count)]
    return Statement(
        select(*ENTRY, _e.slot).where(_in_list, _e.client_id.in_(wanted)),
        on_postgres=_each_by_index((*ENTRY, _e.slot), _e.client_id, count),
    )


ENTRIES_OF_SLOTS = Statement(
    select(*ENTRY).where(_in_list, _e.slot.in_([p(name) for name in keys("key")])),
    on_postgres=_each_by_index(ENTRY, _e.slot, AT_ONCE),
)
_of_slots = (_in_list, _e.slot >= p("begin"), _e.slot < p("end"))
ENTRIES_BETWEEN_SLOTS = Statement(
    select(*ENTRY).where(*_of_slots, Holds(_e.name_key, p("part", type_=Text))).limit(p("limit"))
)
NUMBERED = Statement(
    select(*ENTRY).where(_in_list, _e.number > p("number")).order_by(_e.number).limit(p("limit"))
)
DROP_ENTRIES = Statement(
    delete(list_entries).where(
        _in_list, _e.client_id.in_([p(name, type_=Text) for name in keys("key")])
    ),
    on_postgres=_delete_rows(
        list_entries, _each_by_index([_place(list_entries)], _e.client_id, AT_ONCE)
    ),
)
_s = list_spans.c
_few_entries = select(_e.client_id).where(_in_list).limit(p("limit"))
_few_spans = select(_s.sort, _s.span).where(_s.list_id == p("list_id")).limit(p("limit")).subquery()
_few_grams = (
    select(_g.gram, _g.chunk).where(_g.list_id == p("list_id")).limit(p("limit")).subquery()
)


def _some_of(target: Table) -> Delete:
    mine = target.c.list_id == p("list_id")
    return _delete_rows(target, select(_place(target)).where(mine).limit(p("limit")))


SWEEP = (
    Statement(
        delete(list_entries).where(_in_list, _e.client_id.in_(_few_entries)),
        on_postgres=_some_of(list_entries),
    ),
    Statement(
        delete(list_spans).where(
            _s.list_id == p("list_id"), tuple_(_s.sort, _s.span).in_(select(*_few_spans.c))
        ),
        on_postgres=_some_of(list_spans),
    ),
    Statement(
        delete(name_grams).where(
            _g.list_id == p("list_id"), tuple_(_g.gram, _g.chunk).in_(select(*_few_grams.c))
        ),
        on_postgres=_some_of(name_grams),
    ),
)
"""Remove some rows of a list, each of one table."""
SPANS = Statement(
    select(_s.span, _s.start, _s.counts).where(_s.list_id == p("list_id"), _s.sort == p("sort"))
)
DROP_SPANS = Statement(
    delete(list_spans).where(
        _s.list_id == p("list_id"),
        _s.sort == p("sort"),
        _s.span.in_([p(name) for name in keys("key")]),
    )
)
GRAMS = Statement(
    select(_g.chunk, _g.slots).where(_g.list_id == p("list_id"), _g.gram == p("gram", type_=Text))
)
FIRST_CHUNK = Statement(
    select(_g.chunk)
    .where(_g.list_id == p("list_id"), _g.gram == p("gram", type_=Text))
    .order_by(_g.chunk)
    .limit(1)
)
CHUNK_GRAMS = Statement(
    select(_g.slots).where(
        _g.list_id == p("list_id"), _g.gram == p("gram", type_=Text), _g.chunk == p("chunk")
    )
)
GRAMS_OF_CHUNK = Statement(
    select(_g.gram, _g.slots).where(
        _g.list_id == p("list_id"),
        _g.gram.in_([p(name, type_=Text) for name in keys("key")]),
        _g.chunk == p("chunk"),
    )
)
DROP_GRAMS = Statement(
    delete(name_grams).where(
        _g.list_id == p("list_id"),
        _g.gram.in_([p(name, type_=Text) for name in keys("key")]),
        _g.chunk == p("chunk"),
    )
)
ALIVE = Statement(
    select(func.count())
    .select_from(clients)
    .where(clients.c.organization_id == p("organization_id"), clients.c.deleted_at.is_(None))
)
ENTRY_COUNT = Statement(select(func.count()).select_from(list_entries).where(_in_list))
UNIDATA = Statement(select(_l.unidata_version).where(_l.id == p("list_id")))
GIVE_LIST_UP = Statement(
    client_lists.update()
    .where(_l.id == p("list_id"))
    .values(organization_id=p("given_up"), next_slot=0, sealed=0)
)
GIVEN_UP = Statement(
    select(_l.id).where(_l.organization_id.like(p("pattern", type_=Text))).limit(1)
)
DROP_LIST = Statement(delete(client_lists).where(_l.id == p("list_id")))
_made = tuple_(clients.c.created_at, clients.c.id)
_made_after = (
    clients.c.organization_id == p("organization_id"),
    clients.c.deleted_at.is_(None),
    _made > tuple_(p("at", type_=BigInteger), p("id_", type_=Text)),
)
MADE_LATER = Statement(
    select(clients.c.created_at, clients.c.id)
    .where(*_made_after)
    .order_by(clients.c.created_at, clients.c.id)
    .limit(1)
    .offset(p("offset"))
)
MARK_SOME = Statement(
    insert(client_marks).from_select(
        ["organization_id", "client_id"],
        select(clients.c.organization_id, clients.c.id)
        .where(*_made_after, _made <= tuple_(p("to_at", type_=BigInteger), p("to_id", type_=Text)))
        .order_by(clients.c.created_at, clients.c.id),
    )
)
MARK_REST = Statement(
    insert(client_marks)
    .values(organization_id=p("organization_id"), client_id=p("client_id"))
    .inline()
)
REST = Statement(
    select(_m.id, _m.organization_id, _m.client_id)
    .where(_m.client_id.like(p("pattern", type_=Text)))
    .order_by(_m.id.desc())
    .limit(1)
)
# SQLite gives the number of a mark that is gone to another one.
DROP_REST = Statement(
    delete(client_marks).where(_m.id == p("id_"), _m.client_id == p("client_id", type_=Text))
)
NAMES = Statement(select(_e.slot, _e.name_key).where(*_of_slots))
SLOT_COUNT = Statement(select(func.count()).select_from(list_entries).where(*_of_slots))
IDS_OF_CHUNK = Statement(select(_e.client_id).where(*_of_slots).limit(p("limit")))
MOVE = Statement(
    list_entries.update()
    .where(_in_list, _e.client_id == p("id_", type_=Text))
    .values(slot=p("new_slot"))
)


def place_of(sort: ClientSort, row: Any) -> Place:
    """Reads a place out of the columns that an order has."""
    return Place(row[0], row[0] if sort is ClientSort.ID else row[1])


def place_values(sort: ClientSort, place: Place) -> dict[str, Any]:
    """Makes the parameters of a place."""
    return {"at": place.at} if sort is ClientSort.ID else {"at": place.at, "id": place.client_id}


def _compared(sort: ClientSort) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    columns = _PLACES[sort]
    kind = BigInteger if isinstance(columns[0].type, BigInteger) else Text
    at: ColumnElement[Any] = p("at", type_=kind)
    if len(columns) == 1:
        return columns[0], at
    return tuple_(*columns), tuple_(at, p("id", type_=Text))


@cache
def rows_from(sort: ClientSort, *, placed: bool, of_type: bool, in_state: bool) -> Statement:
    """Places from a place on, with an offset and a limit; of a kind, out of the next ``within``.

    These are cut off first, lest a database think that it had to look for few among all.
    """
    columns = _PLACES[sort]
    place = _compared(sort) if placed else None
    conditions = [_in_list] if place is None else [_in_list, place[0] >= place[1]]
    if not of_type and not in_state:
        query = select(*columns).where(*conditions).order_by(*columns)
        return Statement(query.limit(p("limit")).offset(p("offset")))
    span = (
        select(*columns, _e.grant_type, _e.state)
        .where(*conditions)
        .order_by(*columns)
        .limit(p("within"))
        .subquery()
    )
    found = [span.c[column.name] for column in columns]
    query = select(*found).where(*_of_kind(span.c, of_type=of_type, in_state=in_state))
    return Statement(query.order_by(*found).limit(p("limit")).offset(p("offset")))


@cache
def kinds_from(sort: ClientSort, *, placed: bool) -> Statement:
    """Places with grant types and states, from a place on."""
    columns = _PLACES[sort]
    query = select(_e.grant_type, _e.state, *columns).where(_in_list)
    if placed:
        column, at = _compared(sort)
        query = query.where(column >= at)
    return Statement(query.order_by(*columns).limit(p("limit")))


@cache
def entries_after(sort: ClientSort, *, descending: bool, placed: bool) -> Statement:
    """Entries that follow a place."""
    columns = _PLACES[sort]
    query = select(*ENTRY).where(_in_list)
    if placed:
        column, at = _compared(sort)
        query = query.where(column < at if descending else column > at)
    ordered = [column.desc() for column in columns] if descending else columns
    return Statement(query.order_by(*ordered).limit(p("limit")))


@cache
def rows_with_part(
    sort: ClientSort, *, descending: bool, of_type: bool, in_state: bool
) -> Statement:
    """Places of those whose names have a part."""
    columns = _PLACES[sort]
    ordered = [column.desc() for column in columns] if descending else columns
    kind = _of_kind(_e, of_type=of_type, in_state=in_state)
    query = select(*columns).where(_in_list, *kind, _has_part)
    return Statement(query.order_by(*ordered).limit(p("limit")).offset(p("offset")))


@cache
def count_with_part(*, of_type: bool, in_state: bool) -> Statement:
    """How many have a part in their names."""
    kind = _of_kind(_e, of_type=of_type, in_state=in_state)
    counted = select(func.count()).select_from(list_entries)
    return Statement(counted.where(_in_list, *kind, _has_part))


_has_part = Holds(_e.name_key, p("part", type_=Text))


def _of_kind(columns: Any, *, of_type: bool, in_state: bool) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if of_type:
        found.append(columns.grant_type == p("grant_type"))
    if in_state:
        found.append(columns.state == p("state"))
    return found
