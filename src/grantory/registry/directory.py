"""Looking at one's organisation: subjects and their grants."""

import msgspec

from grantory.domain.access import Division, Grant, Role
from grantory.domain.organization import Organization
from grantory.errors import not_found
from grantory.ports.storage import Snapshot, Store
from grantory.registry.actor import Actor


class GrantDetail(msgspec.Struct, frozen=True):
    """A grant with its role; ``division`` None stands for every division."""

    grant: Grant
    role: Role
    division: Division | None


class Subject(msgspec.Struct, frozen=True):
    """A client or user with its grants."""

    id: str
    name: str
    version: int
    grants: tuple[GrantDetail, ...]


class Directory:
    """Reads what the actor's organisation consists of."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def organization(self, actor: Actor) -> Organization:
        """Returns the actor's organisation."""
        found = await self._store.read(
            lambda snapshot: snapshot.organizations.get(actor.organization_id)
        )
        if found is None:
            raise not_found("organization", actor.organization_id)
        return found

    async def subject(self, actor: Actor, subject_id: str) -> Subject:
        """Returns a client or user with its grants.

        Raises:
            ApiError: 404 where there is none in the actor's organisation.
        """
        found = await self._store.scan(
            lambda snapshot: _subject(snapshot, actor.organization_id, subject_id)
        )
        if found is None:
            raise not_found("subject", subject_id)
        return found


def _subject(snapshot: Snapshot, organization_id: str, subject_id: str) -> Subject | None:
    entity = snapshot.clients.get(subject_id) or snapshot.users.get(subject_id)
    if entity is None or entity.organization_id != organization_id:
        return None
    grants = snapshot.access.grants_of(subject_id)
    roles = snapshot.access.roles(organization_id, (grant.role_id for grant in grants))
    divisions = {division.id: division for division in snapshot.access.divisions(organization_id)}
    details = tuple(
        GrantDetail(grant, roles[grant.role_id], divisions.get(grant.division_id))
        for grant in grants
        if grant.role_id in roles
    )
    return Subject(entity.id, entity.name, entity.version, details)
