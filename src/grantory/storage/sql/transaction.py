"""The ports over one executor, and the record of what caches must forget."""

from typing import Final

from sqlalchemy import bindparam as p
from sqlalchemy import delete, func, insert, select, update

from grantory.storage.sql.access import SqlAccess
from grantory.storage.sql.audit import SqlAudit
from grantory.storage.sql.clients import SqlClients
from grantory.storage.sql.denied_tokens import SqlDeniedTokens
from grantory.storage.sql.installation import SqlInstallation
from grantory.storage.sql.keys import SqlKeys
from grantory.storage.sql.organizations import SqlOrganizations
from grantory.storage.sql.statement import SqlExecutor, Statement
from grantory.storage.sql.tables import change_counter, changes
from grantory.storage.sql.users import SqlUsers

RAISE_NUMBER = Statement(
    update(change_counter)
    .where(change_counter.c.id == 1)
    .values(number=change_counter.c.number + 1)
    .returning(change_counter.c.number)
)
ADD_CHANGE = Statement(insert(changes).values({c.name: p(c.name) for c in changes.c}))


NEWEST_BEFORE = Statement(
    select(func.coalesce(func.max(changes.c.number), 0)).where(changes.c.at < p("before"))
)
FORGET = Statement(delete(changes).where(changes.c.number <= p("number")))
RAISE_FORGOTTEN = Statement(
    update(change_counter).where(change_counter.c.id == 1).values(forgotten=p("number_"))
)
KEPT_MS: Final = 3_600_000
FORGET_EVERY: Final = 256
"""A cache that was not told for an hour forgets everything instead."""


class SqlTransaction:
    """Implements ``Snapshot`` and ``Transaction`` over an executor."""

    def __init__(self, sql: SqlExecutor) -> None:
        self._sql = sql
        self._touched: dict[tuple[str, str], None] = {}
        self.installation = SqlInstallation(sql)
        self.organizations = SqlOrganizations(sql)
        self.clients = SqlClients(sql, self)
        self.access = SqlAccess(sql, self)
        self.users = SqlUsers(sql, self)
        self.keys = SqlKeys(sql, self)
        self.denied_tokens = SqlDeniedTokens(sql, self)
        self.audit = SqlAudit(sql)

    def touched(self, kind: str, entity_id: str) -> None:
        """Notes that a row which a cache may hold was changed."""
        self._touched[kind, entity_id] = None

    def finish(self, at: int) -> None:
        """Writes the change record, as the last thing before the commit.

        The counter row is locked and raised here and nowhere else: so numbers appear in
        commit order, which a sequence would not promise.

        Args:
            at: the time in milliseconds since 1970.
        """
        if not self._touched:
            return
        row = self._sql.one(RAISE_NUMBER)
        if row is None:
            raise LookupError("the store has no change counter")
        for kind, entity_id in self._touched:
            self._sql.run(ADD_CHANGE, number=row[0], kind=kind, entity_id=entity_id, at=at)
        if row[0] % FORGET_EVERY == 0:
            self._forget_changes(at - KEPT_MS)
        self._touched.clear()

    def _forget_changes(self, before: int) -> None:
        row = self._sql.one(NEWEST_BEFORE, before=before)
        number = row[0] if row else 0
        if number and self._sql.run(FORGET, number=number):
            self._sql.run(RAISE_FORGOTTEN, number_=number)
