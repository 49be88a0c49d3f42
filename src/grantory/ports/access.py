"""Roles, divisions and grants in the store."""

from collections.abc import Iterable
from typing import Protocol

from grantory.domain.access import Assignment, Division, Grant, Role
from grantory.domain.client import SubjectKind


class AccessReader(Protocol):
    """Looks roles, divisions and grants up."""

    def role(self, organization_id: str, role_id: str) -> Role | None:
        """Returns a role of one organisation."""
        ...

    def roles(self, organization_id: str, role_ids: Iterable[str]) -> dict[str, Role]:
        """Returns those of the roles that exist in the organisation, by id."""
        ...

    def all_roles(self, organization_id: str) -> list[Role]:
        """Returns every role of an organisation, by name."""
        ...

    def role_by_name(self, organization_id: str, name: str) -> Role | None:
        """Returns the role with a name, whatever its case."""
        ...

    def division(self, organization_id: str, division_id: str) -> Division | None:
        """Returns a division of one organisation."""
        ...

    def divisions(self, organization_id: str) -> list[Division]:
        """Returns every division of an organisation, by name."""
        ...

    def home_division(self, organization_id: str) -> Division:
        """Returns the home division, which every organisation has."""
        ...

    def grants_of(self, subject_id: str) -> list[Grant]:
        """Returns the grants of a client or user."""
        ...

    def grants_of_subjects(self, subject_ids: Iterable[str]) -> dict[str, list[Grant]]:
        """Returns the grants of several subjects, by subject id."""
        ...

    def grants_of_role(self, role_id: str) -> list[Grant]:
        """Returns every grant of a role."""
        ...

    def holders_by_role(self, organization_id: str) -> dict[str, int]:
        """Counts, for each role, the users that hold it."""
        ...


class AccessWriter(AccessReader, Protocol):
    """Changes roles and grants. What ``lock_*`` and ``hold_*`` return stays till the end."""

    def lock_role(self, organization_id: str, role_id: str) -> Role | None:
        """Returns a role and locks it, to change it."""
        ...

    def hold_role(self, organization_id: str, role_id: str) -> Role | None:
        """Returns a role and keeps it from being changed; others may hold it, too."""
        ...

    def add_division(self, division: Division) -> None:
        """Adds a division."""
        ...

    def add_role(self, role: Role) -> None:
        """Adds a role.

        Raises:
            Conflict: when its name is taken.
        """
        ...

    def replace_role(self, role: Role) -> None:
        """Writes every field of a role that exists.

        Raises:
            Conflict: when its new name is taken.
        """
        ...

    def delete_role(self, role: Role) -> None:
        """Deletes a role and every grant of it."""
        ...

    def set_grants(
        self,
        organization_id: str,
        subject_id: str,
        subject_kind: SubjectKind,
        assignments: Iterable[Assignment],
        granted_at: int,
    ) -> None:
        """Makes the subject hold exactly these; grants that stay keep their time."""
        ...
