"""A change that is made up before the database is asked, from what was held by an earlier one.

Whoever may not be alone at the store must ask it in every transaction: for locks, and because
others may have changed what it has read. Where a change only adds rows, one statement can do both:
look, under the same locks, whether all that the change was made up from is still so, and add its
rows if it is. ``ForeseeingAccess`` lets a change be made up and lists what it rests on
(``Assumed``). Whatever is not known, and whatever is refused, is for an ordinary transaction, which
asks; ``NotingAccess`` lists what one of these has held.
"""

from collections.abc import Iterable
from typing import Final

from grantory.domain.access import Assignment, Division, Rights, Role
from grantory.domain.client import SubjectKind
from grantory.storage.sql.access import HeldRights, SqlAccess
from grantory.storage.sql.access_memory import AccessMemories
from grantory.storage.sql.statement import ChangeLog, SqlExecutor

MOST_ASSUMED: Final = 8
"""Grants of an author who holds more are asked for."""


class NotForeseen(Exception):
    """Something is asked that is not known."""


def _parts_of(held: HeldRights) -> int:
    return len(held.rights)


class KnownAccess(AccessMemories[HeldRights]):
    """What was held by earlier changes; it may be so no longer.

    The version is another one where the store may be another than it was, so that the version of a
    role that is known may be that of something else.
    """

    def __init__(self) -> None:
        super().__init__(_parts_of)

    @property
    def is_empty(self) -> bool:
        """Whether nobody is known who could be an author."""
        return not self.rights

    def is_of(self, version: object) -> bool:
        """Tells whether what was held at this version may be noted."""
        return version == self.version


class Assumed:
    """What a change rests on that was made up: rows as they were, and grants that were there."""

    def __init__(self) -> None:
        self.roles: dict[str, Role] = {}
        self.divisions: dict[str, Division] = {}
        self.grants: dict[str, tuple[Assignment, ...]] = {}
        """By subject, all that it holds."""

    def role(self, role: Role) -> None:
        """Assumes that a role is as it was.

        Raises:
            NotForeseen: where it was another before.
        """
        if self.roles.setdefault(role.id, role) != role:
            raise NotForeseen

    def division(self, division: Division) -> None:
        """Assumes that a division is as it was.

        Raises:
            NotForeseen: where it was another before.
        """
        if self.divisions.setdefault(division.id, division) != division:
            raise NotForeseen

    def rights(self, subject_id: str, held: HeldRights) -> None:
        """Assumes that a subject still has what it had, by the same roles.

        Raises:
            NotForeseen: where it had very much.
        """
        if len(held.assignments) > MOST_ASSUMED:
            raise NotForeseen
        for role in held.roles:
            self.role(role)
        self.grants[subject_id] = held.assignments


class ForeseeingAccess(SqlAccess):
    """Answers from what is known, and lists it.

    Args:
        sql: raises ``NotForeseen`` for every question.
        log: takes what caches must forget.
        known: what is known.
    """

    def __init__(self, sql: SqlExecutor, log: ChangeLog, known: KnownAccess) -> None:
        super().__init__(sql, log)
        self._known = known
        self._given: set[str] = set()
        self.assumed = Assumed()

    def home_division(self, organization_id: str) -> Division:  # noqa: D102 - see the port
        found = self._known.homes.get(organization_id)
        if found is None:
            raise NotForeseen
        self.assumed.division(found)
        return found

    def hold_division(self, organization_id: str, division_id: str) -> Division | None:  # noqa: D102
        found = self._known.divisions.get((organization_id, division_id))
        if found is None:
            raise NotForeseen
        self.assumed.division(found)
        return found

    def hold_role(self, organization_id: str, role_id: str) -> Role | None:  # noqa: D102
        found = self._known.roles.get((organization_id, role_id))
        if found is None:
            raise NotForeseen
        self.assumed.role(found)
        return found

    def hold_rights(self, organization_id: str, subject_id: str) -> Rights:  # noqa: D102
        found = self._known.rights.get((organization_id, subject_id))
        if found is None or subject_id in self._given:
            raise NotForeseen
        self.assumed.rights(subject_id, found)
        return found.rights

    def add_grants(  # noqa: D102
        self,
        organization_id: str,
        subject_id: str,
        subject_kind: SubjectKind,
        assignments: Iterable[Assignment],
        granted_at: int,
    ) -> None:
        self._given.add(subject_id)
        super().add_grants(organization_id, subject_id, subject_kind, assignments, granted_at)


class NotingAccess(SqlAccess):
    """Asks, and lists what it holds, unless it changes any of it.

    Args:
        sql: a transaction.
        log: takes what caches must forget.
    """

    def __init__(self, sql: SqlExecutor, log: ChangeLog) -> None:
        super().__init__(sql, log)
        self._changes = False
        self._roles: list[Role] = []
        self._divisions: list[Division] = []
        self._homes: list[Division] = []
        self._rights: list[tuple[str, str, HeldRights]] = []

    def tell(self, known: KnownAccess) -> None:
        """Tells what was held, after the commit."""
        if self._changes:
            return
        for role in self._roles:
            known.roles.remember((role.organization_id, role.id), role)
        for division in self._divisions:
            known.divisions.remember((division.organization_id, division.id), division)
        for home in self._homes:
            known.homes.remember(home.organization_id, home)
        for organization_id, subject_id, held in self._rights:
            known.rights.remember((organization_id, subject_id), held)

    def home_division(self, organization_id: str) -> Division:  # noqa: D102
        found = super().home_division(organization_id)
        self._homes.append(found)
        return found

    def hold_division(self, organization_id: str, division_id: str) -> Division | None:  # noqa: D102
        found = super().hold_division(organization_id, division_id)
        if found is not None:
            self._divisions.append(found)
        return found

    def hold_role(self, organization_id: str, role_id: str) -> Role | None:  # noqa: D102
        found = super().hold_role(organization_id, role_id)
        if found is not None:
            self._roles.append(found)
        return found

    def hold_rights(self, organization_id: str, subject_id: str) -> Rights:  # noqa: D102
        held = self._rights_of(organization_id, subject_id)
        self._rights.append((organization_id, subject_id, held))
        return held.rights

    def replace_division(self, division: Division) -> None:  # noqa: D102
        self._changes = True
        super().replace_division(division)

    def delete_division(self, division: Division, deleted_at: int) -> None:  # noqa: D102
        self._changes = True
        super().delete_division(division, deleted_at)

    def replace_role(self, role: Role) -> None:  # noqa: D102
        self._changes = True
        super().replace_role(role)

    def delete_role(self, role: Role) -> None:  # noqa: D102
        self._changes = True
        super().delete_role(role)

    def set_grants(  # noqa: D102
        self,
        organization_id: str,
        subject_id: str,
        subject_kind: SubjectKind,
        assignments: Iterable[Assignment],
        granted_at: int,
    ) -> None:
        self._changes = True
        super().set_grants(organization_id, subject_id, subject_kind, assignments, granted_at)
