"""Audit events in SQL."""

import msgspec
from sqlalchemy import bindparam as p
from sqlalchemy import insert, select

from grantory.domain.audit import AuditEvent, Origin, PropertyChange
from grantory.domain.client import Reference, SubjectKind
from grantory.storage.sql.statement import Row, SqlExecutor, Statement
from grantory.storage.sql.tables import audit_events

_a = audit_events.c
_COLUMNS = (
    _a.organization_id,
    _a.at,
    _a.actor_kind,
    _a.actor_id,
    _a.client_id,
    _a.action,
    _a.entity_type,
    _a.entity_id,
    _a.entity_name,
    _a.changes,
    _a.correlation_id,
    _a.address,
)
ADD = Statement(insert(audit_events).values({c.name: p(c.name) for c in _COLUMNS}).inline())
OF_ENTITY = Statement(
    select(*_COLUMNS)
    .where(_a.organization_id == p("organization_id"), _a.entity_id == p("entity_id"))
    .order_by(_a.at.desc(), _a.id.desc())
    .limit(p("limit"))
)
_changes = msgspec.json.Decoder(tuple[PropertyChange, ...])


class SqlAudit:
    """Implements ``AuditWriter`` (and so ``AuditReader``)."""

    def __init__(self, sql: SqlExecutor) -> None:
        self._sql = sql

    def add(self, event: AuditEvent) -> None:  # noqa: D102 - see the port
        origin = event.origin
        self._sql.add(
            ADD,
            organization_id=event.organization_id,
            at=event.at,
            actor_kind=origin.actor.kind.value,
            actor_id=origin.actor.id,
            client_id=origin.client_id,
            action=event.action,
            entity_type=event.entity_type,
            entity_id=event.entity_id,
            entity_name=event.entity_name,
            changes=msgspec.json.encode(event.changes).decode(),
            correlation_id=origin.correlation_id,
            address=origin.address,
        )

    def of_entity(self, organization_id: str, entity_id: str, limit: int) -> list[AuditEvent]:  # noqa: D102
        rows = self._sql.all(
            OF_ENTITY, organization_id=organization_id, entity_id=entity_id, limit=limit
        )
        return [_event(row) for row in rows]


def _event(row: Row) -> AuditEvent:
    return AuditEvent(
        organization_id=row[0],
        at=row[1],
        origin=Origin(
            actor=Reference(SubjectKind(row[2]), row[3]),
            client_id=row[4],
            correlation_id=row[10],
            address=row[11],
        ),
        action=row[5],
        entity_type=row[6],
        entity_id=row[7],
        entity_name=row[8],
        changes=_changes.decode(row[9]),
    )
