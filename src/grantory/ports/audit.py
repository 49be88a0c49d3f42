"""Audit events in the store."""

from typing import Protocol

from grantory.domain.audit import AuditEvent


class AuditReader(Protocol):
    """Reads what was changed."""

    def of_entity(self, organization_id: str, entity_id: str, limit: int) -> list[AuditEvent]:
        """Returns the newest events about an entity, newest first."""
        ...


class AuditWriter(AuditReader, Protocol):
    """Records changes."""

    def add(self, event: AuditEvent) -> None:
        """Records an event in the change's own transaction."""
        ...
