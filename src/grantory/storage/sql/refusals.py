"""Refused token requests in SQL. No memory holds anything of them: they leave no change record."""

from sqlalchemy import bindparam as p
from sqlalchemy import func, insert, literal_column, select, update

from grantory.domain.refusal import Counter, Refusal
from grantory.storage.sql.fair_lock import FairLock
from grantory.storage.sql.statement import SqlExecutor, Statement
from grantory.storage.sql.tables import refusal_counters, refusals

_r = refusals.c
_COLUMNS = (
    _r.at,
    _r.organization_id,
    _r.client_id,
    _r.error,
    _r.reason,
    _r.address,
    _r.correlation_id,
)
_span = (_r.at >= p("begin")) & (_r.at < p("end"))
LOCK = Statement(
    select(literal_column("1")).where(FairLock(literal_column("'refusals'"), shared=False))
)
NEWEST = Statement(
    select(*_COLUMNS)
    .where(_r.organization_id == p("organization_id"))
    .order_by(_r.at.desc(), _r.correlation_id.desc())
    .limit(p("limit"))
)
ADD = Statement(
    insert(refusals).values({c.name: p(c.name) for c in _COLUMNS}),
    ending=" ON CONFLICT DO NOTHING",
)
KEPT_BY_CLIENT = Statement(
    select(_r.client_id, func.count())
    .where(_r.organization_id == p("organization_id"), _span)
    .group_by(_r.client_id)
)
KEPT = Statement(select(func.count()).select_from(refusals).where(_span))
_c = refusal_counters.c
_KEY = (_c.hour, _c.organization_id, _c.client_id, _c.reason)
_hours = (_c.hour >= p("begin")) & (_c.hour < p("end"))
_here = _c.organization_id == p("organization_id")
COUNTED = Statement(select(*_KEY, _c.value).where(_here, _c.hour >= p("since")).order_by(*_KEY))
RAISE = Statement(
    update(refusal_counters)
    .where(
        _c.organization_id == p("organization_id_"),
        _c.hour == p("hour_"),
        _c.client_id == p("client_id_"),
        _c.reason == p("reason_"),
    )
    .values(value=_c.value + p("by"))
)
ADD_COUNTER = Statement(
    insert(refusal_counters).values({c.name: p(c.name) for c in (*_KEY, _c.value)})
)
COUNTERS_OF = Statement(select(func.count()).where(_here, _hours))
COUNTERS = Statement(select(func.count()).select_from(refusal_counters).where(_hours))


class SqlRefusals:
    """Implements ``RefusalWriter`` (and so ``RefusalReader``)."""

    def __init__(self, sql: SqlExecutor) -> None:
        self._sql = sql

    def newest(self, organization_id: str, limit: int) -> list[Refusal]:  # noqa: D102 - see the port
        rows = self._sql.all(NEWEST, organization_id=organization_id, limit=limit)
        return [
            Refusal(
                at=row[0],
                organization_id=row[1],
                client_id=row[2],
                error=row[3],
                reason=row[4],
                address=row[5],
                correlation_id=row[6],
            )
            for row in rows
        ]

    def counted(self, organization_id: str, since: int) -> dict[Counter, int]:  # noqa: D102
        rows = self._sql.all(COUNTED, organization_id=organization_id, since=since)
        return {Counter(*row[:4]): row[4] for row in rows}

    def lock(self) -> None:  # noqa: D102
        self._sql.all(LOCK)

    def add(self, refusal: Refusal) -> None:  # noqa: D102
        self._sql.run(
            ADD,
            at=refusal.at,
            organization_id=refusal.organization_id,
            client_id=refusal.client_id,
            error=refusal.error,
            reason=str(refusal.reason),
            address=refusal.address,
            correlation_id=refusal.correlation_id,
        )

    def raise_counter(self, counter: Counter, by: int) -> bool:  # noqa: D102
        raised = self._sql.run(
            RAISE,
            hour_=counter.hour,
            organization_id_=counter.organization_id,
            client_id_=counter.client_id,
            reason_=str(counter.reason),
            by=by,
        )
        return bool(raised)

    def add_counter(self, counter: Counter, value: int) -> None:  # noqa: D102
        self._sql.run(
            ADD_COUNTER,
            hour=counter.hour,
            organization_id=counter.organization_id,
            client_id=counter.client_id,
            reason=str(counter.reason),
            value=value,
        )

    def kept_by_client(self, organization_id: str, begin: int, end: int) -> dict[str, int]:  # noqa: D102
        rows = self._sql.all(KEPT_BY_CLIENT, organization_id=organization_id, begin=begin, end=end)
        return {row[0]: row[1] for row in rows}

    def kept(self, begin: int, end: int) -> int:  # noqa: D102
        return int(self._sql.all(KEPT, begin=begin, end=end)[0][0])

    def counters_of(self, organization_id: str, begin: int, end: int) -> int:  # noqa: D102
        rows = self._sql.all(COUNTERS_OF, organization_id=organization_id, begin=begin, end=end)
        return int(rows[0][0])

    def counters(self, begin: int, end: int) -> int:  # noqa: D102
        return int(self._sql.all(COUNTERS, begin=begin, end=end)[0][0])
