"""The administration of roles."""

from collections.abc import Iterator
from typing import Final

import msgspec

from grantory.domain.access import (
    ENFORCED_DOMAINS,
    Grant,
    Policy,
    Right,
    Rights,
    Role,
    is_permission,
    is_permission_part,
    rights_of_role,
)
from grantory.domain.audit import PropertyChange, changed_properties
from grantory.errors import ApiError, FieldProblem, invalid, not_found
from grantory.ports.runtime import Clock, Random
from grantory.ports.storage import Snapshot, Store, Transaction
from grantory.registry.actor import Actor
from grantory.registry.coverage import counted, require_coverage
from grantory.registry.prepared import Prepared, Touched, make

ENTITY: Final = "Role"
MAX_RIGHTS: Final = 3_000
MOST_GRANTS_TOLD: Final = 100
_ANYWHERE: Final = ""
"""Stands for a division."""
_UNSAID: Final = frozenset(
    {"id", "organization_id", "version", "created_at", "modified_at", "built_in"}
)


class RoleDraft(msgspec.Struct, frozen=True, kw_only=True):
    """The wanted contents of a role; a field left None keeps what there is."""

    name: str | None = None
    description: str | None = None
    policies: tuple[Policy, ...] | None = None
    permissions: tuple[str, ...] | None = None
    default_role_id: str | None = None


class ListedRole(msgspec.Struct, frozen=True):
    """A role with the number of users who hold it."""

    role: Role
    user_count: int


class RoleRegistry:
    """Creates, reads, changes and deletes roles on behalf of an actor."""

    def __init__(self, store: Store, clock: Clock, random: Random) -> None:
        self._store = store
        self._clock = clock
        self._random = random

    async def all(self, actor: Actor) -> list[ListedRole]:
        """Returns every role of the organisation, by name."""

        def read(snapshot: Snapshot) -> list[ListedRole]:
            counts = snapshot.access.holders_by_role(actor.organization_id)
            roles = snapshot.access.all_roles(actor.organization_id)
            return [ListedRole(role, counts.get(role.id, 0)) for role in roles]

        return await self._store.scan(read)

    async def get(self, actor: Actor, role_id: str) -> ListedRole:
        """Returns a role of the actor's organisation.

        Raises:
            ApiError: 404 where there is none.
        """

        def read(snapshot: Snapshot) -> ListedRole | None:
            role = snapshot.access.role(actor.organization_id, role_id)
            if role is None:
                return None
            counts = snapshot.access.holders_by_role(actor.organization_id)
            return ListedRole(role, counts.get(role_id, 0))

        found = await self._store.scan(read)
        if found is None:
            raise not_found("role", role_id)
        return found

    async def create(self, actor: Actor, draft: RoleDraft) -> ListedRole:
        """Adds a role. Nobody holds it yet, so it may allow what the actor lacks.

        Raises:
            ApiError: 400 for a bad draft, 409 for a name that is taken.
        """
        return ListedRole(await make(self._store, self.prepare_create(actor, draft)), 0)

    def prepare_create(self, actor: Actor, draft: RoleDraft) -> Prepared[Role]:
        """Looks at a new role, for ``create``.

        Raises:
            ApiError: 400 for a bad draft.
        """
        _check(draft, name_required=True)
        now = self._clock.now_ms()
        role = Role(
            id=self._random.uuid(),
            organization_id=actor.organization_id,
            name=draft.name or "",
            description=draft.description,
            policies=draft.policies or (),
            permissions=draft.permissions or (),
            default_role_id=draft.default_role_id,
            created_at=now,
            modified_at=now,
        )

        def work(transaction: Transaction) -> Role:
            transaction.access.add_role(role)
            changes = changed_properties(None, role, _UNSAID)
            transaction.audit.add(actor.event(now, "Create", ENTITY, role.id, role.name, changes))
            return role

        return Prepared(id=role.id, work=work, taken=_name_taken)

    async def replace(self, actor: Actor, role_id: str, draft: RoleDraft) -> ListedRole:
        """Replaces the contents of a role: what the draft leaves out goes.

        Raises:
            ApiError: 404, 400, 409; 403 when the role would give somebody what the actor lacks.
        """
        return await self._counted(actor, self.prepare_replace(actor, role_id, draft))

    def prepare_replace(self, actor: Actor, role_id: str, draft: RoleDraft) -> Prepared[Role]:
        """Prepares what ``replace`` does."""
        whole = msgspec.structs.replace(
            draft, policies=draft.policies or (), permissions=draft.permissions or ()
        )
        return self._prepare_change(actor, role_id, whole, replace=True)

    async def update(self, actor: Actor, role_id: str, draft: RoleDraft) -> ListedRole:
        """Changes those fields of a role that the draft has.

        Raises:
            ApiError: as ``replace``.
        """
        prepared = self._prepare_change(actor, role_id, draft, replace=False)
        return await self._counted(actor, prepared)

    async def _counted(self, actor: Actor, prepared: Prepared[Role]) -> ListedRole:
        def work(transaction: Transaction) -> ListedRole:
            role = prepared.work(transaction)
            holders = transaction.access.holders_by_role(actor.organization_id)
            return ListedRole(role, holders.get(role.id, 0))

        return await make(self._store, Prepared(id=prepared.id, work=work, taken=prepared.taken))

    def _prepare_change(
        self, actor: Actor, role_id: str, draft: RoleDraft, *, replace: bool
    ) -> Prepared[Role]:
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> Role:
            before = _locked(transaction, actor, role_id)
            _check(draft, name_required=replace)
            keep = not replace and draft.description is None
            after = msgspec.structs.replace(
                before,
                name=before.name if draft.name is None else draft.name,
                description=before.description if keep else draft.description,
                policies=before.policies if draft.policies is None else draft.policies,
                permissions=before.permissions if draft.permissions is None else draft.permissions,
                modified_at=now,
                version=before.version + 1,
            )
            require_coverage(transaction, actor, _added(transaction, actor, before, after))
            transaction.access.replace_role(after)
            changes = changed_properties(before, after, _UNSAID)
            transaction.audit.add(actor.event(now, "Update", ENTITY, role_id, after.name, changes))
            return after

        return Prepared(id=role_id, work=work, locks=_of(role_id), taken=_name_taken)

    async def delete(self, actor: Actor, role_id: str) -> None:
        """Deletes a role; whoever held it holds it no more.

        Raises:
            ApiError: 404; 400 for a built-in role.
        """
        await make(self._store, self.prepare_delete(actor, role_id))

    def prepare_delete(self, actor: Actor, role_id: str) -> Prepared[None]:
        """Prepares what ``delete`` does."""
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> None:
            role = _locked(transaction, actor, role_id)
            changes = changed_properties(role, None, _UNSAID) + _lost_grants(
                transaction, actor, role
            )
            transaction.access.delete_role(role)
            transaction.audit.add(actor.event(now, "Delete", ENTITY, role_id, role.name, changes))

        return Prepared(id=role_id, work=work, locks=_of(role_id))


def _of(role_id: str) -> Touched:
    return Touched(roles=frozenset({role_id}))


def _name_taken() -> ApiError:
    return ApiError(
        409,
        "general.conflict",
        "A role with this name exists already.",
        problems=(FieldProblem("name", "general.conflict", "is taken by another role"),),
    )


def _locked(transaction: Transaction, actor: Actor, role_id: str) -> Role:
    role = transaction.access.lock_role(actor.organization_id, role_id)
    if role is None:
        raise not_found("role", role_id)
    if role.built_in:
        raise ApiError(
            400,
            "bad.request",
            f"The role {role.name} is built in: it cannot be changed or deleted.",
        )
    return role


def _grants(transaction: Transaction, actor: Actor, role: Role) -> list[Grant]:
    found = transaction.access.grants_of_role(role.id)
    if actor.budget is not None:
        actor.budget.take_grants(len(found))
    return found


def _lost_grants(transaction: Transaction, actor: Actor, role: Role) -> tuple[PropertyChange, ...]:
    """Names those who lose a role that is deleted, up to a hundred of them."""
    lost = [f"{g.subject_id}@{g.division_id}" for g in _grants(transaction, actor, role)]
    if not lost:
        return ()
    more = [f"and {len(lost) - MOST_GRANTS_TOLD} more"] if len(lost) > MOST_GRANTS_TOLD else []
    return (PropertyChange("grants", [*lost[:MOST_GRANTS_TOLD], *more], []),)


def _added(transaction: Transaction, actor: Actor, before: Role, after: Role) -> Iterator[Right]:
    """Gives what a change of a role would newly give to those who hold it.

    What is new in one division is new in each, so that it is compared once for all of them.
    """
    held = Rights(counted(actor, rights_of_role(before.policies, before.permissions, _ANYWHERE)))
    wanted = counted(actor, rights_of_role(after.policies, after.permissions, _ANYWHERE))
    added = list(held.lacking(wanted))
    if not added:
        return
    divisions = {grant.division_id for grant in _grants(transaction, actor, before)}
    for division_id in sorted(divisions):
        for right in added:
            yield msgspec.structs.replace(right, division_id=division_id)


def _check(draft: RoleDraft, *, name_required: bool) -> None:
    problems = []
    if draft.name is None and name_required:
        problems.append(FieldProblem("name", "invalid.value", "is required"))
    if draft.name is not None and not draft.name.strip():
        problems.append(FieldProblem("name", "invalid.value", "must not be blank"))
    count = len(draft.permissions or ()) + sum(len(p.actions) for p in draft.policies or ())
    if count > MAX_RIGHTS:
        text = f"must have at most {MAX_RIGHTS} actions, permissions included"
        problems.append(FieldProblem("policies", "invalid.value", text))
    for permission in draft.permissions or ():
        if not is_permission(permission):
            text = "must hold permissions of the form domain:entity:action"
            problems.append(FieldProblem("permissions", "invalid.value", text))
    for policy in draft.policies or ():
        if not all(is_permission_part(part) for part in (policy.domain, policy.entity)):
            text = "must name domain and entityName by letters, digits and .-_, or *"
            problems.append(FieldProblem("policies", "invalid.value", text))
        if not policy.actions or not all(is_permission_part(action) for action in policy.actions):
            text = "must have an actionSet of names, or *"
            problems.append(FieldProblem("policies", "invalid.value", text))
        if policy.condition and policy.domain in ENFORCED_DOMAINS:
            text = (
                f"cannot have allowConditions, resourceConditionNode or namedResources "
                f"in the domain {policy.domain}"
            )
            problems.append(FieldProblem("policies", "invalid.value", text))
    if problems:
        raise invalid(*problems)
