"""The administration of grants: which subject holds which role in which division."""

from collections.abc import Iterable
from typing import Final

from grantory.domain.access import Assignment, Role
from grantory.domain.client import SubjectKind
from grantory.errors import ApiError, FieldProblem, invalid, not_found
from grantory.ports.runtime import Clock
from grantory.ports.storage import Snapshot, Store, Transaction
from grantory.registry.actor import Actor
from grantory.registry.coverage import rights_held
from grantory.registry.grant_changes import (
    INVALID,
    Holder,
    Naming,
    Plan,
    change_grants,
    lock_subject,
    lock_user,
)

MAY_TAKE: Final = "authorization:grant:delete"
BY_ADDRESS: Final = Naming()
"""One role and one division, both named by the address."""
BY_LIST: Final = Naming(roles="grants", divisions="grants")
"""Pairs that the request's body lists."""


class GrantRegistry:
    """Gives roles to clients and users, and takes them, on behalf of an actor.

    Whoever changes a subject's grants must hold all that it holds and is to hold.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def add(
        self,
        actor: Actor,
        subject_id: str,
        assignments: Iterable[Assignment],
        kind: SubjectKind | None = None,
        naming: Naming = BY_LIST,
    ) -> None:
        """Gives a subject roles in divisions; what it holds already keeps its time.

        Args:
            actor: who asks.
            subject_id: a client or user.
            assignments: what to give.
            kind: what the caller says the subject is; None where it does not say.
            naming: how refusals speak of what was named.

        Raises:
            ApiError: 404 for an unknown subject; 404 or 400 for an unknown role or division;
                400 for a subject of another kind, one that cannot hold roles, or too many; 403
                where the actor lacks a right.
        """
        asked = tuple(assignments)
        await self._change(actor, subject_id, lambda held: [*held, *asked], asked, kind, naming)

    async def remove(
        self,
        actor: Actor,
        subject_id: str,
        assignments: Iterable[Assignment],
        kind: SubjectKind | None = None,
        naming: Naming = BY_LIST,
    ) -> None:
        """Takes roles in divisions from a subject; those it does not hold are no error.

        Args:
            actor: who asks.
            subject_id: a client or user.
            assignments: what to take.
            kind: as for ``add``.
            naming: as for ``add``.

        Raises:
            ApiError: as ``add``.
        """
        gone = set(assignments)
        await self._change(
            actor, subject_id, lambda held: [a for a in held if a not in gone], gone, kind, naming
        )

    async def replace(
        self,
        actor: Actor,
        subject_id: str,
        assignments: Iterable[Assignment],
        kind: SubjectKind | None = None,
    ) -> None:
        """Makes a subject hold exactly these; what stays keeps its time.

        Args:
            actor: who asks; needs the permission to take grants, too.
            subject_id: a client or user.
            assignments: what it is to hold.
            kind: as for ``add``.

        Raises:
            ApiError: as ``add``.
        """
        asked = list(assignments)
        await self._change(actor, subject_id, lambda _: asked, asked, kind, BY_LIST, takes_too=True)

    async def grant_role(
        self,
        actor: Actor,
        role_id: str,
        subject_ids: Iterable[str],
        division_ids: Iterable[str],
        kind: SubjectKind | None = None,
    ) -> None:
        """Gives a role to every one of the subjects in every one of the divisions.

        Args:
            actor: who asks.
            role_id: the role.
            subject_ids: clients or users.
            division_ids: where they are to hold it.
            kind: as for ``add``, of all of them.

        Raises:
            ApiError: 404 for an unknown role; 400 naming the field for unknown subjects and
                divisions, and as ``add``.
        """
        ids = sorted(set(subject_ids))  # locked in one order, so that two changes cannot cross
        asked = [Assignment(role_id, division_id) for division_id in dict.fromkeys(division_ids)]
        naming = Naming(subjects="subject_ids", divisions="division_ids")
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> None:
            if transaction.access.role(actor.organization_id, role_id) is None:
                raise not_found("role", role_id)
            locked = {each: lock_subject(transaction, actor, each) for each in ids}
            holders = [holder for holder in locked.values() if holder is not None]
            if len(holders) < len(locked):
                raise invalid(
                    *(
                        FieldProblem(
                            "subject_ids", INVALID, f"names a subject that does not exist: {each}"
                        )
                        for each, holder in locked.items()
                        if holder is None
                    )
                )
            for holder in holders:
                _require_kind(holder, kind)
            change_grants(
                transaction, actor, holders, lambda held: [*held, *asked], asked, naming, now
            )

        await self._store.write(work)

    async def roles_of_user(self, actor: Actor, user_id: str) -> list[Role]:
        """Returns the roles that a user holds in whatever division, by name.

        Raises:
            ApiError: 404 where there is no such user in the actor's organisation.
        """

        def read(snapshot: Snapshot) -> list[Role] | None:
            user = snapshot.users.get(user_id)
            if user is None or user.organization_id != actor.organization_id:
                return None
            ids = [grant.role_id for grant in snapshot.access.grants_of(user_id)]
            return _by_name(snapshot.access.roles(actor.organization_id, ids).values())

        found = await self._store.scan(read)
        if found is None:
            raise not_found("user", user_id)
        return found

    async def set_user_roles(
        self, actor: Actor, user_id: str, role_ids: Iterable[str]
    ) -> list[Role]:
        """Makes a user hold exactly these roles, and returns them by name.

        A role held already keeps its divisions, a new one gets the home division, others go.

        Raises:
            ApiError: 404 for an unknown user, 400 for an unknown role or too many, 403 where
                the actor lacks a right.
        """
        ids, now = list(dict.fromkeys(role_ids)), self._clock.now_ms()

        def work(transaction: Transaction) -> list[Role]:
            holder = _found(lock_user(transaction, actor, user_id), "user", user_id)
            home = transaction.access.home_division(actor.organization_id).id

            def plan(held: list[Assignment]) -> list[Assignment]:
                return [
                    assignment
                    for role_id in ids
                    for assignment in [a for a in held if a.role_id == role_id]
                    or [Assignment(role_id, home)]
                ]

            asked = [Assignment(role_id, home) for role_id in ids]
            naming = Naming(roles="body")
            roles = change_grants(transaction, actor, [holder], plan, asked, naming, now)
            return _by_name(roles[role_id] for role_id in ids)

        return await self._store.write(work)

    async def _change(
        self,
        actor: Actor,
        subject_id: str,
        plan: Plan,
        asked: Iterable[Assignment],
        kind: SubjectKind | None,
        naming: Naming,
        *,
        takes_too: bool = False,
    ) -> None:
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> None:
            if takes_too:
                _require_may_take(transaction, actor)
            holder = _found(lock_subject(transaction, actor, subject_id), "subject", subject_id)
            _require_kind(holder, kind)
            change_grants(transaction, actor, [holder], plan, asked, naming, now)

        await self._store.write(work)


def _found(holder: Holder | None, entity: str, entity_id: str) -> Holder:
    if holder is None:
        raise not_found(entity, entity_id)
    return holder


def _require_kind(holder: Holder, kind: SubjectKind | None) -> None:
    if kind is not None and holder.kind is not kind:
        text = f"does not fit the subject {holder.id}, which is a {holder.kind}"
        raise invalid(FieldProblem("subject_kind", INVALID, text))


def _require_may_take(transaction: Transaction, actor: Actor) -> None:
    if actor.is_system:
        return
    held = rights_held(transaction, actor)
    if not held.allows_any((MAY_TAKE,)):
        raise ApiError(
            403,
            "missing.permissions",
            f"Unable to perform the requested action. You are missing the following "
            f"permission(s): [{MAY_TAKE}].",
            params={"permissions": MAY_TAKE},
        )


def _by_name(roles: Iterable[Role]) -> list[Role]:
    return sorted(roles, key=lambda role: role.name.casefold())
