"""How a memory hears of changes: change numbers and leases, and nothing decided by a clock's date.

Every transaction that changes a row which a memory may hold takes the next *change number* and
writes what it changed under it. The number comes from one counter row that is locked and raised
last in the transaction, so that numbers appear in commit order (a sequence would not promise
that). Creating needs no record, because absence is never remembered.

A memory may be believed while its feed says ``is_current``; otherwise the feed must ``catch_up``
first. On one machine (SQLite) that means: looked at in this turn of the event loop. On several
(PostgreSQL) it means a *lease*: a process asks for the number every 250 ms and believes its
memory until 800 ms after the *sending* of the last question that was answered, on the monotonic
clock. Past that it asks before it decides, and refuses when no answer comes within 500 ms. A
process that was cut off, overloaded or stopped thus finds its lease ended, whatever it missed.

What else exactness rests on stands elsewhere:

- a row that is loaded while something is heard is not kept: ``RememberedReads._remembered`` in
  ``storage/hot_reads.py``, by a generation that is read before the row and raised by all news;
- once in a turn of the event loop, on SQLite: ``storage/sqlite/feed.py``;
- the questions and the lease, on PostgreSQL: ``storage/postgres/feed.py``;
- epochs, which end many tokens at once: raised in ``storage/sql/users.py``, ``clients.py`` and
  ``families.py`` and by the registry, compared with a token's in ``protocol/access_tokens.py``
  (``_check_epochs``), by rows that a memory may hold, and so as exactly as everything else.
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, Protocol

from sqlalchemy import bindparam as p
from sqlalchemy import delete, insert, select, update

from grantory.storage.sql.statement import SqlExecutor, Statement
from grantory.storage.sql.tables import change_counter, changes

ASK_EVERY: Final = 0.25
LEASE: Final = 0.8
ANSWER_WITHIN: Final = 0.5
"""Seconds on the monotonic clock."""

MOST_HEARD_AT_ONCE: Final = 50_000
MOST_LISTED: Final = 200
"""What changes more at once, a rotation of every organisation's key, lists nothing: each memory
forgets all it holds. The counter is locked meanwhile, and whoever else changes something waits."""

KEPT_MS: Final = 3_600_000
"""A memory that heard nothing for an hour forgets everything instead."""

COUNTER_STEP: Final = 1_000_000
"""How far the number of a store that may have lost changes is moved: past every number that a
process could have heard of the changes that were lost."""

_BEYOND_ALL: Final = 2**62

Entity = tuple[str, str]
"""The kind and id of a row that was changed."""

Heard = Callable[[list[Entity] | None], None]
"""Takes what was changed; None where it may be anything."""


class ChangeFeed(Protocol):
    """Tells one listener of every change, by whatever process it was made."""

    def listen(self, heard: Heard) -> None:
        """Names who is told."""
        ...

    def is_current(self) -> bool:
        """Tells, cheaply, whether all that was answered before now has been heard."""
        ...

    async def catch_up(self) -> None:
        """Hears what has changed; afterwards the feed is current.

        Raises:
            StorageUnavailable: when the store does not tell.
        """
        ...

    def has_heard_all(self) -> bool:
        """Tells, cheaply, whether ``hear_all`` would find nothing to do."""
        ...

    async def hear_all(self) -> None:
        """Hears whatever was answered before this call, by whatever process, now.

        Raises:
            StorageUnavailable: when the store does not tell.
        """
        ...


class Lease:
    """Until when a memory may be believed, on the monotonic clock."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._ends = float("-inf")
        self.lapses = 0
        """How often it had run out before it was extended."""

    def holds(self) -> bool:
        """Tells whether the memory may be believed at this moment."""
        return self._monotonic() < self._ends

    def asked(self) -> float:
        """Returns the moment of sending a question, to be given to ``answered``."""
        return self._monotonic()

    def answered(self, sent: float) -> None:
        """Extends the lease: counted from the sending, because the answer may have lain about."""
        if float("-inf") < self._ends <= self._monotonic():
            self.lapses += 1
        self._ends = sent + LEASE

    @property
    def begun(self) -> float | None:
        """The sending of the last question that was answered; None for none yet."""
        return None if self._ends == float("-inf") else self._ends - LEASE


_c, _n = change_counter.c, changes.c
RAISE_NUMBER = Statement(
    update(change_counter).where(_c.id == 1).values(number=_c.number + 1).returning(_c.number)
)
RAISE_AND_FORGET = Statement(
    update(change_counter)
    .where(_c.id == 1)
    .values(number=_c.number + 1, forgotten=_c.number + 1)
    .returning(_c.number)
)
ADD_CHANGE = Statement(insert(changes).values({c.name: p(c.name) for c in _n}))
NEWS = Statement(
    select(_c.number, _c.forgotten, _n.kind, _n.entity_id)
    .select_from(
        change_counter.outerjoin(changes, (_n.number > p("after")) & (_n.number <= _c.number))
    )
    .where(_c.id == 1)
    .order_by(_n.number)
    .limit(MOST_HEARD_AT_ONCE + 1)
)
OLDEST = Statement(select(_n.number, _n.at).order_by(_n.number).limit(p("limit")))
FORGET_UP_TO = Statement(
    update(change_counter)
    .where(_c.id == 1, _c.forgotten < p("up_to"))
    .values(forgotten=p("up_to_"))
)
DROP_UP_TO = Statement(delete(changes).where(_n.number <= p("up_to")))
NUMBER = Statement(select(_c.number).where(_c.id == 1))
FORGET_ALL = Statement(
    update(change_counter).where(_c.id == 1).values(number=p("reached"), forgotten=p("reached"))
)
DROP_ALL = Statement(delete(changes))


def record_changes(sql: SqlExecutor, entities: Iterable[Entity], at: int) -> None:
    """Writes the change record; to be called last in a transaction.

    Args:
        sql: the transaction.
        entities: what was changed; at least one.
        at: the time in milliseconds since 1970.
    """
    listed = list(entities)
    if len(listed) > MOST_LISTED:
        _raise_number(sql, RAISE_AND_FORGET)
        return
    number = _raise_number(sql, RAISE_NUMBER)
    for kind, entity_id in listed:
        sql.add(ADD_CHANGE, number=number, kind=kind, entity_id=entity_id, at=at)


def _raise_number(sql: SqlExecutor, statement: Statement) -> int:
    row = sql.one(statement)
    if row is None:
        raise LookupError("the store has no change counter")
    return int(row[0])


class News(NamedTuple):
    """What was changed up to a change number; None where it may be anything."""

    number: int
    entities: list[Entity] | None


def news_since(sql: SqlExecutor, number: int) -> News:
    """Lists what was changed after a change number, in one statement and so of one moment.

    Args:
        sql: where to ask.
        number: what was heard last; negative for nothing yet.
    """
    rows = sql.all(NEWS, after=number if number >= 0 else _BEYOND_ALL)
    newest, forgotten = (rows[0][0], rows[0][1]) if rows else (0, 0)
    if newest == number:
        return News(number, [])
    # A number that went back is that of another store: a restored one, or one that took over
    # from a primary before it had been told everything.
    if number < 0 or number < forgotten or newest < number or len(rows) > MOST_HEARD_AT_ONCE:
        return News(newest, None)
    return News(newest, [(row[2], row[3]) for row in rows])


def forget_old_changes(sql: SqlExecutor, now: int, limit: int) -> int:
    """Drops the oldest records, if they are older than an hour.

    Args:
        sql: a transaction of its own, since it locks the counter.
        now: the time in milliseconds since 1970.
        limit: how many records, at most.

    Returns:
        How many were dropped.
    """
    old = [number for number, at in sql.all(OLDEST, limit=limit) if at < now - KEPT_MS]
    if not old:
        return 0
    sql.run(FORGET_UP_TO, up_to=max(old), up_to_=max(old))
    return sql.run(DROP_UP_TO, up_to=max(old))


def reached_number(sql: SqlExecutor) -> int:
    """Tells the number of the newest change; nought where there is no counter."""
    row = sql.one(NUMBER)
    return int(row[0]) if row else 0


def forget_everything(sql: SqlExecutor, beyond: int = 0) -> None:
    """Makes every memory forget all it holds, by a number that none of them can have heard.

    Args:
        sql: the transaction.
        beyond: a further number that may have been heard.

    Raises:
        LookupError: when the store has no change counter.
    """
    reached = max(beyond, reached_number(sql)) + COUNTER_STEP
    if not sql.run(FORGET_ALL, reached=reached):
        raise LookupError("the store has no change counter")
    sql.run(DROP_ALL)
