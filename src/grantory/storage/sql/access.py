"""Roles with their policies, divisions and grants in SQL."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import bindparam as p
from sqlalchemy import delete, func, insert, null, select, update

from grantory.domain.access import Assignment, Division, Grant, Policy, Rights, Role, rights_of
from grantory.domain.client import SubjectKind
from grantory.storage.sql.fair_lock import FairLock
from grantory.storage.sql.json_list import as_list, listed
from grantory.storage.sql.statement import ChangeLog, Row, SqlExecutor, Statement
from grantory.storage.sql.tables import divisions, grants, role_policies, roles

_r = roles.c
_ROLE = (
    _r.id,
    _r.organization_id,
    _r.name,
    _r.description,
    _r.default_role_id,
    _r.built_in,
    _r.version,
    _r.created_at,
    _r.modified_at,
    _r.permissions,
)
_role_here = _r.organization_id == p("organization_id")
ROLE = Statement(select(*_ROLE).where(_r.id == p("id"), _role_here))
LOCK_ROLE = Statement(
    select(*_ROLE)
    .where(_r.id == p("id"), _role_here, FairLock(_r.id, shared=False))
    .with_for_update()
)
HOLD_ROLE = Statement(
    select(*_ROLE)
    .where(_r.id == p("id"), _role_here, FairLock(_r.id, shared=True))
    .with_for_update(read=True)
)
ROLES = Statement(select(*_ROLE).where(_role_here).order_by(_r.name_key))
ROLE_BY_NAME = Statement(select(*_ROLE).where(_role_here, _r.name_key == p("name_key")))
_ROLE_VALUES: dict[str, Any] = {c.name: p(c.name) for c in (*_ROLE, _r.name_key)}
ADD_ROLE = Statement(insert(roles).values(_ROLE_VALUES))
_FIXED = ("id", "organization_id", "created_at", "built_in", "default_role_id")
REPLACE_ROLE = Statement(
    update(roles)
    .where(_r.id == p("id_"))
    .values({name: value for name, value in _ROLE_VALUES.items() if name not in _FIXED})
)
DELETE_ROLE = Statement(delete(roles).where(_r.id == p("id_")))
_rp = role_policies.c
_POLICY = (
    _rp.role_id,
    _rp.domain,
    _rp.entity,
    _rp.actions,
    _rp.name,
    _rp.description,
    _rp.condition,
)
POLICIES = Statement(select(*_POLICY).where(_rp.role_id == p("role_id")).order_by(_rp.position))
ALL_POLICIES = Statement(
    select(*_POLICY)
    .where(_rp.organization_id == p("organization_id"))
    .order_by(_rp.role_id, _rp.position)
)
ADD_POLICY = Statement(insert(role_policies).values({c.name: p(c.name) for c in _rp}))
DELETE_POLICIES = Statement(delete(role_policies).where(_rp.role_id == p("id_")))
_d = divisions.c
_DIVISION = (_d.id, _d.organization_id, _d.name, _d.description, _d.home, _d.created_at)
_division_here = (_d.organization_id == p("organization_id")) & _d.deleted_at.is_(None)
DIVISION = Statement(select(*_DIVISION).where(_d.id == p("id"), _division_here))
DIVISIONS = Statement(select(*_DIVISION).where(_division_here).order_by(_d.name_key))
HOME_DIVISION = Statement(select(*_DIVISION).where(_division_here, _d.home == 1))
_division_gone = (_d.organization_id == p("organization_id")) & _d.deleted_at.is_not(None)
LOCK_DIVISION = Statement(
    select(*_DIVISION)
    .where(_d.id == p("id"), _division_here, FairLock(_d.id, shared=False))
    .with_for_update()
)
HOLD_DIVISION = Statement(
    select(*_DIVISION)
    .where(_d.id == p("id"), _division_here, FairLock(_d.id, shared=True))
    .with_for_update(read=True)
)
LOCK_DELETED_DIVISION = Statement(
    select(*_DIVISION)
    .where(_d.id == p("id"), _division_gone, FairLock(_d.id, shared=False))
    .with_for_update()
)
DELETED_DIVISIONS = Statement(
    select(*_DIVISION)
    .where(_division_gone)
    .order_by(_d.name_key, _d.id)
    .limit(p("limit"))
    .offset(p("offset"))
)
COUNT_DELETED_DIVISIONS = Statement(select(func.count()).where(_division_gone))
ADD_DIVISION = Statement(
    insert(divisions).values({c.name: p(c.name) for c in (*_DIVISION, _d.name_key)})
)
REPLACE_DIVISION = Statement(
    update(divisions)
    .where(_d.id == p("id_"))
    .values(name=p("name"), name_key=p("name_key"), description=p("description"), deleted_at=null())
)
DELETE_DIVISION = Statement(
    update(divisions).where(_d.id == p("id_")).values(deleted_at=p("deleted"))
)
_g = grants.c
_GRANT = (
    _g.organization_id,
    _g.subject_id,
    _g.subject_kind,
    _g.role_id,
    _g.division_id,
    _g.granted_at,
)
_grant_order = (_g.granted_at, _g.role_id, _g.division_id)
GRANTS = Statement(select(*_GRANT).where(_g.subject_id == p("subject_id")).order_by(*_grant_order))
GRANTS_OF_ROLE = Statement(select(*_GRANT).where(_g.role_id == p("role_id")))
HOLDERS = Statement(
    select(_g.role_id, func.count(_g.subject_id.distinct()))
    .where(_g.organization_id == p("organization_id"), _g.subject_kind == SubjectKind.USER.value)
    .group_by(_g.role_id)
)
_in_division = (_g.organization_id == p("organization_id")) & (_g.division_id == p("division_id"))
GRANTS_IN_DIVISION = Statement(
    select(*_GRANT)
    .where(_in_division)
    .order_by(_g.granted_at, _g.subject_id, _g.role_id)
    .limit(p("limit"))
    .offset(p("offset"))
)
COUNT_GRANTS_IN_DIVISION = Statement(select(func.count()).where(_in_division))
DELETE_GRANTS_IN_DIVISION = Statement(delete(grants).where(_in_division))
ADD_GRANT = Statement(insert(grants).values({c.name: p(c.name) for c in _GRANT}))
DELETE_GRANT = Statement(
    delete(grants).where(
        _g.subject_id == p("subject_id"),
        _g.role_id == p("role_id"),
        _g.division_id == p("division_id"),
    )
)
DELETE_GRANTS_OF_SUBJECT = Statement(delete(grants).where(_g.subject_id == p("subject_id")))
DELETE_GRANTS_OF_ROLE = Statement(delete(grants).where(_g.role_id == p("id_")))
_ALL = 2**62


class HeldRights(NamedTuple):
    """What a subject may do, and by what."""

    rights: Rights
    assignments: tuple[Assignment, ...]
    roles: tuple[Role, ...]


class SqlAccess:
    """Implements ``AccessWriter`` (and so ``AccessReader``)."""

    def __init__(self, sql: SqlExecutor, log: ChangeLog) -> None:
        self._sql = sql
        self._log = log
        # Nobody else can change what is held, so that it need not be asked for twice.
        self._held_roles: dict[tuple[str, str], Role] = {}
        self._held_divisions: dict[tuple[str, str], Division] = {}

    def role(self, organization_id: str, role_id: str) -> Role | None:  # noqa: D102 - see the port
        row = self._sql.one(ROLE, id=role_id, organization_id=organization_id)
        return self._with_policies(row)

    def lock_role(self, organization_id: str, role_id: str) -> Role | None:  # noqa: D102
        row = self._sql.one(LOCK_ROLE, id=role_id, organization_id=organization_id)
        return self._kept(organization_id, self._with_policies(row))

    def hold_role(self, organization_id: str, role_id: str) -> Role | None:  # noqa: D102
        held = self._held_roles.get((organization_id, role_id))
        if held is not None:
            return held
        row = self._sql.one(HOLD_ROLE, id=role_id, organization_id=organization_id)
        return self._kept(organization_id, self._with_policies(row))

    def hold_rights(self, organization_id: str, subject_id: str) -> Rights:  # noqa: D102
        return self._rights_of(organization_id, subject_id).rights

    def _rights_of(self, organization_id: str, subject_id: str) -> "HeldRights":
        assignments = [grant.assignment for grant in self.grants_of(subject_id)]
        held = {
            role_id: self.hold_role(organization_id, role_id)
            for role_id in sorted({assignment.role_id for assignment in assignments})
        }
        roles = {role_id: role for role_id, role in held.items() if role is not None}
        rights = Rights(rights_of(assignments, roles))
        return HeldRights(rights, tuple(assignments), tuple(roles.values()))

    def _kept(self, organization_id: str, role: Role | None) -> Role | None:
        if role is not None:
            self._held_roles[organization_id, role.id] = role
        return role

    def role_by_name(self, organization_id: str, name: str) -> Role | None:  # noqa: D102
        row = self._sql.one(ROLE_BY_NAME, name_key=name.casefold(), organization_id=organization_id)
        return self._with_policies(row)

    def roles(self, organization_id: str, role_ids: Iterable[str]) -> dict[str, Role]:  # noqa: D102
        found = (self.role(organization_id, role_id) for role_id in dict.fromkeys(role_ids))
        return {role.id: role for role in found if role is not None}

    def all_roles(self, organization_id: str) -> list[Role]:  # noqa: D102
        policies: dict[str, list[Policy]] = {}
        for row in self._sql.all(ALL_POLICIES, organization_id=organization_id):
            policies.setdefault(row[0], []).append(_policy(row))
        return [
            _role(row, tuple(policies.get(row[0], ())))
            for row in self._sql.all(ROLES, organization_id=organization_id)
        ]

    def _with_policies(self, row: Row | None) -> Role | None:
        if row is None:
            return None
        return _role(row, tuple(_policy(r) for r in self._sql.all(POLICIES, role_id=row[0])))

    def division(self, organization_id: str, division_id: str) -> Division | None:  # noqa: D102
        row = self._sql.one(DIVISION, id=division_id, organization_id=organization_id)
        return None if row is None else _division(row)

    def divisions(self, organization_id: str) -> list[Division]:  # noqa: D102
        return [_division(r) for r in self._sql.all(DIVISIONS, organization_id=organization_id)]

    def home_division(self, organization_id: str) -> Division:  # noqa: D102
        row = self._sql.one(HOME_DIVISION, organization_id=organization_id)
        if row is None:
            raise LookupError(f"organisation {organization_id} has no home division")
        return _division(row)

    def lock_division(self, organization_id: str, division_id: str) -> Division | None:  # noqa: D102
        row = self._sql.one(LOCK_DIVISION, id=division_id, organization_id=organization_id)
        return None if row is None else _division(row)

    def hold_division(self, organization_id: str, division_id: str) -> Division | None:  # noqa: D102
        held = self._held_divisions.get((organization_id, division_id))
        if held is not None:
            return held
        row = self._sql.one(HOLD_DIVISION, id=division_id, organization_id=organization_id)
        if row is None:
            return None
        found = self._held_divisions[organization_id, division_id] = _division(row)
        return found

    def lock_deleted_division(  # noqa: D102
        self, organization_id: str, division_id: str
    ) -> Division | None:
        row = self._sql.one(LOCK_DELETED_DIVISION, id=division_id, organization_id=organization_id)
        return None if row is None else _division(row)

    def deleted_divisions(  # noqa: D102
        self, organization_id: str, offset: int, limit: int
    ) -> list[Division]:
        rows = self._sql.all(
            DELETED_DIVISIONS, organization_id=organization_id, offset=offset, limit=limit
        )
        return [_division(row) for row in rows]

    def count_deleted_divisions(self, organization_id: str) -> int:  # noqa: D102
        row = self._sql.one(COUNT_DELETED_DIVISIONS, organization_id=organization_id)
        return int(row[0]) if row else 0

    def grants_in_division(  # noqa: D102
        self, organization_id: str, division_id: str, offset: int = 0, limit: int | None = None
    ) -> list[Grant]:
        rows = self._sql.all(
            GRANTS_IN_DIVISION,
            organization_id=organization_id,
            division_id=division_id,
            offset=offset,
            limit=_ALL if limit is None else limit,
        )
        return [_grant(row) for row in rows]

    def count_grants_in_division(self, organization_id: str, division_id: str) -> int:  # noqa: D102
        row = self._sql.one(
            COUNT_GRANTS_IN_DIVISION, organization_id=organization_id, division_id=division_id
        )
        return int(row[0]) if row else 0

    def grants_of(self, subject_id: str) -> list[Grant]:  # noqa: D102
        return [_grant(row) for row in self._sql.all(GRANTS, subject_id=subject_id)]

    def grants_of_subjects(self, subject_ids: Iterable[str]) -> dict[str, list[Grant]]:  # noqa: D102
        return {subject_id: self.grants_of(subject_id) for subject_id in subject_ids}

    def grants_of_role(self, role_id: str) -> list[Grant]:  # noqa: D102
        return [_grant(row) for row in self._sql.all(GRANTS_OF_ROLE, role_id=role_id)]

    def holders_by_role(self, organization_id: str) -> dict[str, int]:  # noqa: D102
        return dict(self._sql.all(HOLDERS, organization_id=organization_id))

    def add_division(self, division: Division) -> None:  # noqa: D102
        self._sql.run(
            ADD_DIVISION,
            id=division.id,
            organization_id=division.organization_id,
            name=division.name,
            name_key=division.name.casefold(),
            description=division.description,
            home=int(division.home),
            created_at=division.created_at,
        )

    def replace_division(self, division: Division) -> None:  # noqa: D102
        self._held_divisions.pop((division.organization_id, division.id), None)
        self._sql.run(
            REPLACE_DIVISION,
            id_=division.id,
            name=division.name,
            name_key=division.name.casefold(),
            description=division.description,
        )

    def delete_division(self, division: Division, deleted_at: int) -> None:  # noqa: D102
        self._held_divisions.pop((division.organization_id, division.id), None)
        for grant in self.grants_in_division(division.organization_id, division.id):
            self._log.touched("grants", grant.subject_id)
        self._sql.run(
            DELETE_GRANTS_IN_DIVISION,
            organization_id=division.organization_id,
            division_id=division.id,
        )
        self._sql.run(DELETE_DIVISION, id_=division.id, deleted=deleted_at)

    def add_role(self, role: Role) -> None:  # noqa: D102
        self._sql.run(
            ADD_ROLE,
            id=role.id,
            organization_id=role.organization_id,
            created_at=role.created_at,
            built_in=int(role.built_in),
            default_role_id=role.default_role_id,
            **_role_values(role),
        )
        self._add_policies(role)

    def replace_role(self, role: Role) -> None:  # noqa: D102
        self._held_roles.pop((role.organization_id, role.id), None)
        self._sql.run(REPLACE_ROLE, id_=role.id, **_role_values(role))
        self._sql.run(DELETE_POLICIES, id_=role.id)
        self._add_policies(role)
        self._log.touched("role", role.id)

    def _add_policies(self, role: Role) -> None:
        for position, policy in enumerate(role.policies):
            self._sql.run(
                ADD_POLICY,
                role_id=role.id,
                position=position,
                organization_id=role.organization_id,
                domain=policy.domain,
                entity=policy.entity,
                actions=as_list(policy.actions),
                name=policy.name,
                description=policy.description,
                condition=policy.condition,
            )

    def delete_role(self, role: Role) -> None:  # noqa: D102
        self._held_roles.pop((role.organization_id, role.id), None)
        self._sql.run(DELETE_GRANTS_OF_ROLE, id_=role.id)
        self._sql.run(DELETE_POLICIES, id_=role.id)
        self._sql.run(DELETE_ROLE, id_=role.id)
        self._log.touched("role", role.id)

    def set_grants(  # noqa: D102
        self,
        organization_id: str,
        subject_id: str,
        subject_kind: SubjectKind,
        assignments: Iterable[Assignment],
        granted_at: int,
    ) -> None:
        wanted = dict.fromkeys(assignments)
        held = {grant.assignment for grant in self.grants_of(subject_id)}
        if held and not wanted:
            self._sql.run(DELETE_GRANTS_OF_SUBJECT, subject_id=subject_id)
        for gone in sorted(held - wanted.keys()) if wanted else ():
            self._sql.run(
                DELETE_GRANT,
                subject_id=subject_id,
                role_id=gone.role_id,
                division_id=gone.division_id,
            )
        for new in wanted:
            if new not in held:
                self._add_grant(organization_id, subject_id, subject_kind, new, granted_at)
        if held != wanted.keys():
            self._log.touched("grants", subject_id)

    def add_grants(  # noqa: D102
        self,
        organization_id: str,
        subject_id: str,
        subject_kind: SubjectKind,
        assignments: Iterable[Assignment],
        granted_at: int,
    ) -> None:
        for new in dict.fromkeys(assignments):
            self._add_grant(organization_id, subject_id, subject_kind, new, granted_at)
            self._log.touched("grants", subject_id)

    def _add_grant(
        self,
        organization_id: str,
        subject_id: str,
        subject_kind: SubjectKind,
        new: Assignment,
        granted_at: int,
    ) -> None:
        self._sql.add(
            ADD_GRANT,
            organization_id=organization_id,
            subject_id=subject_id,
            subject_kind=subject_kind.value,
            role_id=new.role_id,
            division_id=new.division_id,
            granted_at=granted_at,
        )


def _role_values(role: Role) -> dict[str, Any]:
    return {
        "name": role.name,
        "name_key": role.name.casefold(),
        "description": role.description,
        "version": role.version,
        "modified_at": role.modified_at,
        "permissions": as_list(role.permissions),
    }


def _role(row: Row, policies: tuple[Policy, ...]) -> Role:
    return Role(
        id=row[0],
        organization_id=row[1],
        name=row[2],
        description=row[3],
        default_role_id=row[4],
        built_in=bool(row[5]),
        version=row[6],
        created_at=row[7],
        modified_at=row[8],
        permissions=listed(row[9]),
        policies=policies,
    )


def _policy(row: Row) -> Policy:
    return Policy(
        domain=row[1],
        entity=row[2],
        actions=listed(row[3]),
        name=row[4],
        description=row[5],
        condition=row[6],
    )


def _division(row: Row) -> Division:
    return Division(
        id=row[0],
        organization_id=row[1],
        name=row[2],
        description=row[3],
        home=bool(row[4]),
        created_at=row[5],
    )


def _grant(row: Row) -> Grant:
    return Grant(
        organization_id=row[0],
        subject_id=row[1],
        subject_kind=SubjectKind(row[2]),
        role_id=row[3],
        division_id=row[4],
        granted_at=row[5],
    )
