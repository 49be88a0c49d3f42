"""Permissions, roles, divisions and grants: who may do what, and who may give what away.

A permission is ``domain:entity:action``. A role's policies give permissions, a grant gives a
role to a subject in a division, and ``*`` in a policy or as a division stands for all.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from grantory.domain.client import SubjectKind

EVERY_DIVISION: Final = "*"
ANY: Final = "*"
PERMISSION_PARTS: Final = 3
_PART: Final = r"(?:\*|[A-Za-z][A-Za-z0-9_.\-]{0,63})"
_PERMISSION = re.compile(rf"{_PART}:{_PART}:{_PART}", re.ASCII)
_NAME = re.compile(_PART, re.ASCII)
_OLD_PERMISSION = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,99}", re.ASCII)
ENFORCED_DOMAINS: Final = frozenset({"oauth", "authorization", "directory", "sso", "usage", ANY})
"""Domains whose permissions decide something here; on them a condition cannot be kept."""


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What a role allows on one kind of entity.

    ``condition`` is canonical JSON text of the platform's condition fields, kept for domains
    that Grantory does not enforce; empty for an unconditional policy.
    """

    domain: str
    entity: str
    actions: tuple[str, ...]
    name: str | None = None
    description: str | None = None
    condition: str = ""


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """A named list of policies of one organisation. Times in milliseconds since 1970."""

    id: str
    organization_id: str
    name: str
    policies: tuple[Policy, ...]
    created_at: int
    modified_at: int
    permissions: tuple[str, ...] = ()
    """Permission texts kept beside the policies, as the role's author wrote them."""
    description: str | None = None
    default_role_id: str | None = None
    built_in: bool = False
    """Made at set-up: it can be granted, but not changed or deleted."""
    version: int = 1


class Division(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an organisation in which roles are granted."""

    id: str
    organization_id: str
    name: str
    created_at: int
    description: str | None = None
    home: bool = False


class Assignment(msgspec.Struct, frozen=True, order=True):
    """A role in a division, as a subject holds it; ``*`` is every division."""

    role_id: str
    division_id: str


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """An assignment with its subject. ``granted_at`` is in milliseconds since 1970."""

    organization_id: str
    subject_id: str
    subject_kind: SubjectKind
    role_id: str
    division_id: str
    granted_at: int

    @property
    def assignment(self) -> Assignment:
        """The role and division alone."""
        return Assignment(self.role_id, self.division_id)


class Right(msgspec.Struct, frozen=True):
    """One permission pattern, held in one division under one condition."""

    domain: str
    entity: str
    action: str
    division_id: str
    condition: str = ""

    @property
    def is_wide(self) -> bool:
        """Whether it covers more than itself."""
        return ANY in (self.domain, self.entity, self.action, self.division_id)

    def covers(self, other: "Right") -> bool:
        """Tells whether whoever holds this may give ``other`` away.

        A wildcard is covered by an equal or wider wildcard only, never by today's list of
        actions; a condition only by none or by the very same.
        """
        return (
            self.domain in (ANY, other.domain)
            and self.entity in (ANY, other.entity)
            and self.action in (ANY, other.action)
            and self.division_id in (EVERY_DIVISION, other.division_id)
            and self.condition in ("", other.condition)
        )

    def __str__(self) -> str:
        return f"{self.domain}:{self.entity}:{self.action} in division {self.division_id}"


class Rights:
    """Everything that a subject may do, from its grants and their roles."""

    __slots__ = ("_answers", "_rights", "_shapes", "_wide")

    def __init__(self, rights: Iterable[Right]) -> None:
        self._rights = frozenset(rights)
        wide = [right for right in self._rights if right.is_wide]
        self._wide = frozenset(map(msgspec.structs.astuple, wide))
        self._shapes = frozenset(
            tuple(part == ANY for part in (each.domain, each.entity, each.action, each.division_id))
            for each in wide
        )
        self._answers: dict[tuple[str, ...], bool] = {}

    def __iter__(self) -> Iterator[Right]:
        return iter(self._rights)

    def __len__(self) -> int:
        return len(self._rights)

    def allows_any(self, permissions: tuple[str, ...]) -> bool:
        """Tells whether one of the permissions is held, in whatever division.

        Args:
            permissions: ``domain:entity:action`` texts of an operation's declaration. The
                answer is remembered by this tuple, so it must come from the program.
        """
        answer = self._answers.get(permissions)
        if answer is None:
            answer = any(self._allows(permission) for permission in permissions)
            self._answers[permissions] = answer
        return answer

    def _allows(self, permission: str) -> bool:
        domain, entity, action = permission.split(":")
        return any(
            right.domain in (ANY, domain)
            and right.entity in (ANY, entity)
            and right.action in (ANY, action)
            and not right.condition
            for right in self._rights
        )

    def covers(self, right: Right) -> bool:
        """Tells whether whoever holds these may give a right away."""
        if right in self._rights:
            return True
        if right.condition and msgspec.structs.replace(right, condition="") in self._rights:
            return True
        for any_domain, any_entity, any_action, any_division in self._shapes:
            # What covers it in this way can be one right only, however many are held.
            wider = (
                ANY if any_domain else right.domain,
                ANY if any_entity else right.entity,
                ANY if any_action else right.action,
                EVERY_DIVISION if any_division else right.division_id,
            )
            if (*wider, "") in self._wide:
                return True
            if right.condition and (*wider, right.condition) in self._wide:
                return True
        return False

    def lacking(self, needed: Iterable[Right]) -> Iterator[Right]:
        """Gives those of the needed rights that are not covered here, as it comes to them."""
        return (right for right in needed if not self.covers(right))


def rights_of_role(
    policies: Iterable[Policy], permissions: Iterable[str], division_id: str
) -> Iterator[Right]:
    """Gives the rights that a role's policies and permission texts give in a division.

    A text that is no ``domain:entity:action`` (the platform has a few old ones, such as
    ``group_creation``) allows nothing here, but is held like a right: nobody can give away
    what they lack.
    """
    for policy in policies:
        for action in policy.actions:
            yield Right(policy.domain, policy.entity, action, division_id, policy.condition)
    for permission in permissions:
        parts = permission.split(":")
        domain, entity, action = parts if len(parts) == PERMISSION_PARTS else (permission, "", "")
        yield Right(domain, entity, action, division_id)


def rights_of(assignments: Iterable[Assignment], roles: dict[str, Role]) -> Iterator[Right]:
    """Gives all that assignments give, by the roles they name.

    Args:
        assignments: roles in divisions.
        roles: the roles by id; an assignment of a role that is not in it gives nothing.
    """
    for assignment in assignments:
        role = roles.get(assignment.role_id)
        if role is not None:
            yield from rights_of_role(role.policies, role.permissions, assignment.division_id)


def is_permission(text: str) -> bool:
    """Tells whether a text is ``domain:entity:action``, wildcards allowed, or an old one."""
    return (_PERMISSION.fullmatch(text) or _OLD_PERMISSION.fullmatch(text)) is not None


def is_permission_part(text: str) -> bool:
    """Tells whether a text may stand as domain, entity or action."""
    return _NAME.fullmatch(text) is not None
