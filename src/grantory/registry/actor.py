"""Who calls an administrative operation."""

import msgspec

from grantory.domain.audit import AuditEvent, Origin, PropertyChange
from grantory.domain.client import Reference, SubjectKind
from grantory.registry.rights_budget import RightsBudget


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """The caller of an operation: a subject of one organisation, acting through a client."""

    organization_id: str
    origin: Origin
    permissions: tuple[str, ...] = ()
    """Of which it must hold one, by the operation's declaration; asked again within a change."""
    budget: RightsBudget | None = None
    """Bounds what is compared, where several changes are made together."""

    @property
    def reference(self) -> Reference:
        """Whose rights count, and who is named as author."""
        return self.origin.actor

    @property
    def is_system(self) -> bool:
        """Whether this is a person at the server's own command line, who may do anything."""
        return self.reference.kind is SubjectKind.SYSTEM

    def event(
        self,
        at: int,
        action: str,
        entity_type: str,
        entity_id: str,
        entity_name: str,
        changes: tuple[PropertyChange, ...] = (),
    ) -> AuditEvent:
        """Makes the audit event of a change by this actor.

        Args:
            at: the time in milliseconds since 1970.
            action: Create, Update, Delete, Restore, Regenerate or Revoke.
            entity_type: the platform's name of the kind of entity.
            entity_id: its id.
            entity_name: its name at the time.
            changes: what was changed.
        """
        return AuditEvent(
            organization_id=self.organization_id,
            at=at,
            origin=self.origin,
            action=action,
            entity_type=entity_type,
            entity_id=entity_id,
            entity_name=entity_name,
            changes=changes,
        )


def system_actor(organization_id: str) -> Actor:
    """Makes the actor of the server's own commands."""
    origin = Origin(actor=Reference(SubjectKind.SYSTEM, "command-line"))
    return Actor(organization_id=organization_id, origin=origin)
