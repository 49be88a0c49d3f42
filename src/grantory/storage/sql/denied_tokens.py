"""The deny-list in SQL; its rows leave when the tokens would have expired anyway."""

from sqlalchemy import bindparam as p
from sqlalchemy import insert, select

from grantory.domain.token import DeniedToken
from grantory.storage.sql.statement import ChangeLog, SqlExecutor, Statement
from grantory.storage.sql.tables import denied_tokens

_t = denied_tokens.c
CONTAINS = Statement(select(_t.token_id).where(_t.token_id == p("token_id")))
# Nothing but the key, so that the index alone answers it.
BETWEEN = Statement(
    select(_t.token_id)
    .where(_t.token_id >= p("since"), _t.token_id < p("before"))
    .order_by(_t.token_id)
    .limit(p("limit"))
)
ADD = Statement(
    insert(denied_tokens).values({c.name: p(c.name) for c in _t}),
    ending=" ON CONFLICT DO NOTHING",
)


class SqlDeniedTokens:
    """Implements ``DeniedTokenWriter`` (and so ``DeniedTokenReader``)."""

    def __init__(self, sql: SqlExecutor, log: ChangeLog) -> None:
        self._sql = sql
        self._log = log

    def contains(self, token_id: bytes) -> bool:  # noqa: D102 - see the port
        return self._sql.one(CONTAINS, token_id=token_id) is not None

    def between(self, since: bytes, before: bytes, limit: int) -> list[bytes]:  # noqa: D102
        rows = self._sql.all(BETWEEN, since=since, before=before, limit=limit)
        return [bytes(row[0]) for row in rows]

    def add(self, token: DeniedToken) -> bool:  # noqa: D102
        added = self._sql.run(
            ADD,
            token_id=token.token_id,
            organization_id=token.organization_id,
            expires_at_s=token.expires_at,
        )
        if added:
            self._log.touched("denied_token", token.token_id.hex())
        return bool(added)
