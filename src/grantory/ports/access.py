"""Roles, divisions and grants in the store."""

from collections.abc import Iterable
from typing import Protocol

from grantory.domain.access import Assignment, Division, Grant, Rights, Role
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

    def deleted_divisions(self, organization_id: str, offset: int, limit: int) -> list[Division]:
        """Returns some of the divisions that were deleted, by name."""
        ...

    def count_deleted_divisions(self, organization_id: str) -> int:
        """Counts the divisions that were deleted."""
        ...

    def grants_in_division(
        self, organization_id: str, division_id: str, offset: int = 0, limit: int | None = None
    ) -> list[Grant]:
        """Returns grants in just this division, oldest first; all of them without a limit."""
        ...

    def count_grants_in_division(self, organization_id: str, division_id: str) -> int:
        """Counts the grants in just this division."""
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
    """Changes roles and grants. What ``lock_*`` and ``hold_*`` return stays till the end.

    Whoever needs several takes them in one order: the subject, divisions, roles, each kind by id.
    """

    def lock_role(self, organization_id: str, role_id: str) -> Role | None:
        """Returns a role and locks it, to change it."""
        ...

    def hold_role(self, organization_id: str, role_id: str) -> Role | None:
        """Returns a role and keeps it from being changed; others may hold it, too."""
        ...

    def hold_rights(self, organization_id: str, subject_id: str) -> Rights:
        """Sums up what a subject may do, and holds the roles that it has."""
        ...

    def lock_division(self, organization_id: str, division_id: str) -> Division | None:
        """Returns a division and locks it, to change it; while locked, it takes no new grants."""
        ...

    def hold_division(self, organization_id: str, division_id: str) -> Division | None:
        """Returns a division and keeps it from being deleted; others may hold it, too."""
        ...

    def lock_deleted_division(self, organization_id: str, division_id: str) -> Division | None:
        """Returns a division that was deleted and locks it, to restore it."""
        ...

    def add_division(self, division: Division) -> None:
        """Adds a division.

        Raises:
            Conflict: when its name is taken.
        """
        ...

    def replace_division(self, division: Division) -> None:
        """Writes name and description of a division, which is deleted no more if it was.

        Raises:
            Conflict: when its name is taken by then.
        """
        ...

    def delete_division(self, division: Division, deleted_at: int) -> None:
        """Deletes a division, to be restored one day, and every grant in it for good."""
        ...

    def add_role(self, role: Role) -> None:
        """Adds a role.

        Raises:
            Conflict: when its name is taken.
        """
        ...

    def replace_role(self, role: Role) -> None:
        """Writes every field of a role that exists; its version must be a new one.

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

    def add_grants(
        self,
        organization_id: str,
        subject_id: str,
        subject_kind: SubjectKind,
        assignments: Iterable[Assignment],
        granted_at: int,
    ) -> None:
        """Gives a subject that begins with this transaction, and holds nothing, what it holds."""
        ...
