"""What one writer has read of roles, divisions and rights, for its transactions to come.

It is for a connection that has the store alone from the start of a transaction to its end: what
was read there is exact as long as nobody has changed it since. Whoever owns the connection says
when others have written (``AccessMemory.begin``), and when what its own transaction wrote was
undone (``AccessMemory.clear``). What a transaction changes itself is forgotten by
``RememberingAccess``, which then remembers nothing more of it until it has ended.
"""

from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar

from grantory.domain.access import Assignment, Division, Rights, Role
from grantory.domain.client import SubjectKind
from grantory.storage.memory import Memory
from grantory.storage.sql.access import SqlAccess
from grantory.storage.sql.statement import ChangeLog, SqlExecutor

R = TypeVar("R")
MOST: Final = 1_000
"""Entries of each kind: authors and what they give away are few at a time."""


def _most() -> int:
    return MOST


def parts_of(role: Role) -> int:
    """Tells how many parts of varying number a role has."""
    return len(role.permissions) + sum(len(policy.actions) for policy in role.policies)


class AccessMemories(Generic[R]):
    """Roles, divisions and what subjects may do, as long as one version of the store lasts.

    Args:
        parts_of_rights: tells how many parts of varying number the rights of a subject have.
    """

    def __init__(self, parts_of_rights: Callable[[R], int]) -> None:
        self.roles: Memory[tuple[str, str], Role] = Memory("role", _most, parts_of)
        self.divisions: Memory[tuple[str, str], Division] = Memory("division", _most)
        self.homes: Memory[str, Division] = Memory("home", _most)
        self.rights: Memory[tuple[str, str], R] = Memory("rights", _most, parts_of_rights)
        self.version: object = None

    def begin(self, version: object) -> None:
        """Begins a transaction; where the version is another than before, forgets everything."""
        if version != self.version:
            self.clear()
            self.version = version

    def clear(self) -> None:
        """Forgets everything."""
        for memory in (self.roles, self.divisions, self.homes, self.rights):
            memory.clear()


class AccessMemory(AccessMemories[Rights]):
    """What is remembered. Absence never is, so nothing is forgotten for what is made; and what is
    made is remembered only by later transactions, since it may be undone.

    The version is another one where others have written since.
    """

    def __init__(self) -> None:
        super().__init__(len)


class RememberingAccess(SqlAccess):
    """Looks into a memory before it asks the store for what is held.

    Args:
        sql: the transaction, or the part of it that may be undone by itself.
        log: takes what caches must forget.
        memory: the memory.
    """

    def __init__(self, sql: SqlExecutor, log: ChangeLog, memory: AccessMemory) -> None:
        super().__init__(sql, log)
        self._memory: AccessMemory | None = memory
        self._unsettled: set[str] = set()
        """Subjects whose rights were changed here, and what was made here: it may be undone."""

    def home_division(self, organization_id: str) -> Division:  # noqa: D102 - see the port
        memory = self._memory
        found = None if memory is None else memory.homes.get(organization_id)
        if found is None:
            found = super().home_division(organization_id)
            if memory is not None and found.id not in self._unsettled:
                memory.homes.remember(organization_id, found)
        return found

    def hold_division(self, organization_id: str, division_id: str) -> Division | None:  # noqa: D102
        memory, key = self._memory, (organization_id, division_id)
        found = None if memory is None else memory.divisions.get(key)
        if found is None:
            found = super().hold_division(organization_id, division_id)
            if memory is not None and found is not None and division_id not in self._unsettled:
                memory.divisions.remember(key, found)
        return found

    def hold_role(self, organization_id: str, role_id: str) -> Role | None:  # noqa: D102
        memory, key = self._memory, (organization_id, role_id)
        found = None if memory is None else memory.roles.get(key)
        if found is None:
            found = super().hold_role(organization_id, role_id)
            if memory is not None and found is not None and role_id not in self._unsettled:
                memory.roles.remember(key, found)
        return found

    def hold_rights(self, organization_id: str, subject_id: str) -> Rights:  # noqa: D102
        memory, key = self._memory, (organization_id, subject_id)
        if memory is None or subject_id in self._unsettled:
            return super().hold_rights(organization_id, subject_id)
        found = memory.rights.get(key)
        if found is None:
            found = super().hold_rights(organization_id, subject_id)
            memory.rights.remember(key, found)
        return found

    def add_division(self, division: Division) -> None:  # noqa: D102
        self._unsettled.add(division.id)
        super().add_division(division)

    def add_role(self, role: Role) -> None:  # noqa: D102
        self._unsettled.add(role.id)
        super().add_role(role)

    def replace_division(self, division: Division) -> None:  # noqa: D102
        self._forget()
        super().replace_division(division)

    def delete_division(self, division: Division, deleted_at: int) -> None:  # noqa: D102
        self._forget()
        super().delete_division(division, deleted_at)

    def replace_role(self, role: Role) -> None:  # noqa: D102
        self._forget()
        super().replace_role(role)

    def delete_role(self, role: Role) -> None:  # noqa: D102
        self._forget()
        super().delete_role(role)

    def set_grants(  # noqa: D102
        self,
        organization_id: str,
        subject_id: str,
        subject_kind: SubjectKind,
        assignments: Iterable[Assignment],
        granted_at: int,
    ) -> None:
        self._forget_rights(organization_id, subject_id)
        super().set_grants(organization_id, subject_id, subject_kind, assignments, granted_at)

    def add_grants(  # noqa: D102
        self,
        organization_id: str,
        subject_id: str,
        subject_kind: SubjectKind,
        assignments: Iterable[Assignment],
        granted_at: int,
    ) -> None:
        self._forget_rights(organization_id, subject_id)
        super().add_grants(organization_id, subject_id, subject_kind, assignments, granted_at)

    def _forget(self) -> None:
        """Forgets everything, since what is changed here may be in any of it."""
        if self._memory is not None:
            self._memory.clear()
            self._memory = None

    def _forget_rights(self, organization_id: str, subject_id: str) -> None:
        self._unsettled.add(subject_id)
        if self._memory is not None:
            self._memory.rights.forget((organization_id, subject_id))
