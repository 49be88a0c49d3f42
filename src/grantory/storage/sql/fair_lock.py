"""Locks that are had in the order in which they are asked for, where the database needs them.

On PostgreSQL whoever asks for a row ``FOR SHARE`` overtakes those who wait to change it: under a
stream of creates that never pauses, nobody could narrow the role of their author. Advisory locks
have a queue. SQLite has one writer at a time, and needs none.
"""

from typing import Any

from sqlalchemy import Boolean, ColumnElement
from sqlalchemy.ext.compiler import compiles


class FairLock(ColumnElement[bool]):
    """A condition that is always true, once the lock is had; it is held until the commit.

    A row that is found while waiting may be outdated: lock it besides, so that the database
    looks at it anew.

    Args:
        key: the column whose text is locked.
        shared: whether others may have it at the same time.
    """

    inherit_cache = False
    type = Boolean()

    def __init__(self, key: ColumnElement[str], *, shared: bool) -> None:
        self.locked = key
        self.shared = shared


@compiles(FairLock)
def _none(_lock: FairLock, _compiler: Any, **_: Any) -> str:
    return "1"


@compiles(FairLock, "postgresql")
def _advisory(lock: FairLock, compiler: Any, **options: Any) -> str:
    kind = "_shared" if lock.shared else ""
    key = compiler.process(lock.locked, **options)
    return f"pg_advisory_xact_lock{kind}(hashtextextended({key}, 0))::text IS NOT NULL"
