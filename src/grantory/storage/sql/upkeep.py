"""Removing rows that are of no use any more."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Delete,
    Table,
    cast,
    delete,
    extract,
    func,
    select,
    tuple_,
)
from sqlalchemy import bindparam as p

from grantory.storage.change_feed import forget_old_changes
from grantory.storage.sql.keys import REMOVE_OUTLIVED
from grantory.storage.sql.statement import ChangeLog, SqlExecutor, Statement
from grantory.storage.sql.tables import (
    authorization_codes,
    client_secrets,
    denied_tokens,
    keys,
    login_sessions,
    refusal_counters,
    refusals,
    token_families,
    used_assertions,
)


def _some(key: Column[Any], condition: ColumnElement[bool]) -> Delete:
    few = select(key).where(condition).limit(p("limit"))
    return delete(key.table).where(key.in_(few))


def _some_of(source: Table, condition: ColumnElement[bool]) -> Delete:
    """The same where several columns make the key."""
    key = list(source.primary_key.columns)
    few = select(*key).where(condition).limit(p("limit"))
    return delete(source).where(tuple_(*key).in_(few))


TIME_S = Statement(select(cast(extract("epoch", func.current_timestamp()), BigInteger)))
DENIED_TOKENS = Statement(
    _some(denied_tokens.c.token_id, denied_tokens.c.expires_at_s < p("before"))
)
SECRETS = Statement(_some(client_secrets.c.key_id, client_secrets.c.ended_at < p("before")))
SESSIONS = Statement(_some(login_sessions.c.id, login_sessions.c.expires_at < p("before")))
CODES = Statement(
    _some(authorization_codes.c.digest, authorization_codes.c.expires_at < p("before"))
)
FAMILIES = Statement(_some(token_families.c.id, token_families.c.expires_at < p("before")))
ASSERTIONS = Statement(_some_of(used_assertions, used_assertions.c.expires_at < p("before")))
KEYS = Statement(_some(keys.c.key_id, keys.c.expires_at < p("before")))
REFUSALS = Statement(_some_of(refusals, refusals.c.at < p("before")))
REFUSAL_COUNTERS = Statement(_some_of(refusal_counters, refusal_counters.c.hour < p("before")))


class SqlUpkeep:
    """Implements ``UpkeepWriter``. None of these rows could still change a decision."""

    def __init__(self, sql: SqlExecutor, log: ChangeLog) -> None:
        self._sql = sql
        self._log = log

    def time(self) -> int:  # noqa: D102 - see the port
        return int(self._sql.all(TIME_S)[0][0]) * 1000

    def forget_changes(self, now: int, limit: int) -> int:  # noqa: D102
        return forget_old_changes(self._sql, now, limit)

    def forget_denied_tokens(self, before_s: int, limit: int) -> int:  # noqa: D102
        return self._sql.run(DENIED_TOKENS, before=before_s, limit=limit)

    def forget_secrets(self, before: int, limit: int) -> int:  # noqa: D102
        return self._sql.run(SECRETS, before=before, limit=limit)

    def forget_sessions(self, before: int, limit: int) -> int:  # noqa: D102
        return self._sql.run(SESSIONS, before=before, limit=limit)

    def forget_codes(self, before: int, limit: int) -> int:  # noqa: D102
        return self._sql.run(CODES, before=before, limit=limit)

    def forget_families(self, before: int, limit: int) -> int:  # noqa: D102
        return self._sql.run(FAMILIES, before=before, limit=limit)

    def forget_assertions(self, before: int, limit: int) -> int:  # noqa: D102
        return self._sql.run(ASSERTIONS, before=before, limit=limit)

    def forget_keys(self, before: int, limit: int) -> int:  # noqa: D102
        removed = self._sql.run(KEYS, before=before, limit=limit)
        removed += self._sql.run(REMOVE_OUTLIVED)
        if removed:  # what is published comes from memory
            self._log.touched("key", "expired")
        return removed

    def forget_refusals(self, before: int, limit: int) -> int:  # noqa: D102
        return self._sql.run(REFUSALS, before=before, limit=limit)

    def forget_refusal_counters(self, before: int, limit: int) -> int:  # noqa: D102
        return self._sql.run(REFUSAL_COUNTERS, before=before, limit=limit)
