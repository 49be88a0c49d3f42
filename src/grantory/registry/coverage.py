"""Whoever manages a subject must hold what it holds, and whatever they give it.

The checks run inside the writing transaction, on rows that it has locked, so that no race
between two changes can add up to more than either actor had.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

from grantory.domain.access import ANY, EVERY_DIVISION, Assignment, Right, Rights, Role, rights_of
from grantory.errors import ApiError, lacks_permission
from grantory.ports.storage import Transaction
from grantory.registry.actor import Actor

MOST_NAMED: Final = 5
EVERYTHING: Final = (Right(ANY, ANY, ANY, EVERY_DIVISION),)
"""What whoever decides about others' rights at large must hold."""
MOST_RIGHTS: Final = 60_000
"""So many are compared at once, in some tenths of a second."""


def rights_held(transaction: Transaction, actor: Actor) -> Rights:
    """Sums up what an actor may do, as the transaction sees it."""
    if actor.budget is None:
        return transaction.access.hold_rights(actor.organization_id, actor.reference.id)
    grants = transaction.access.grants_of(actor.reference.id)
    assignments = [grant.assignment for grant in grants]
    held = rights_of_assignments(transaction, actor.organization_id, assignments)
    return Rights(counted(actor, held))


def counted(actor: Actor, rights: Iterable[Right]) -> Iterable[Right]:
    """Gives the same rights, counted where several changes are made together.

    Raises:
        ApiError: 400 for too many, while they are gone through.
    """
    return rights if actor.budget is None else actor.budget.counted(rights)


def rights_of_assignments(
    transaction: Transaction, organization_id: str, assignments: Iterable[Assignment]
) -> Iterator[Right]:
    """Gives what assignments give, with their roles held until the transaction ends."""
    listed = list(assignments)
    return rights_of(listed, _held_roles(transaction, organization_id, listed))


def _held_roles(
    transaction: Transaction, organization_id: str, assignments: list[Assignment]
) -> dict[str, Role]:
    held = {
        role_id: transaction.access.hold_role(organization_id, role_id)
        for role_id in sorted({assignment.role_id for assignment in assignments})
    }
    return {key: role for key, role in held.items() if role is not None}


def rights_at_stake(
    transaction: Transaction, organization_id: str, assignments: Iterable[Assignment]
) -> Iterator[Right]:
    """Gives what assignments give, to be compared, with their roles held.

    Raises:
        ApiError: as ``require_few``.
    """
    listed = list(assignments)
    roles = _held_roles(transaction, organization_id, listed)
    require_few(listed, roles)
    return rights_of(listed, roles)


def require_few(assignments: Iterable[Assignment], roles: dict[str, Role]) -> None:
    """Refuses to compare more rights than can be compared while others wait.

    Args:
        assignments: roles in divisions.
        roles: the roles by id.

    Raises:
        ApiError: 400.
    """
    sizes = {
        key: len(role.permissions) + sum(len(policy.actions) for policy in role.policies)
        for key, role in roles.items()
    }
    if sum(sizes.get(assignment.role_id, 0) for assignment in assignments) > MOST_RIGHTS:
        raise ApiError(
            400,
            "bad.request",
            f"The roles have more than {MOST_RIGHTS} permissions in all, counted once for each "
            f"division and holder: use smaller roles, or fewer at a time.",
        )


def rights_lacking(
    transaction: Transaction, actor: Actor, needed: Iterable[Right]
) -> Iterator[Right]:
    """Gives those of the needed rights that the actor lacks."""
    return rights_held(transaction, actor).lacking(counted(actor, needed))


def require_coverage(transaction: Transaction, actor: Actor, needed: Iterable[Right]) -> None:
    """Refuses an actor who lacks any of the needed rights, or lost the operation's permission.

    It stops at the first few, so that refusing costs little however much is asked for.

    Raises:
        ApiError: 403 ``missing.permissions``, naming what is lacking; 403
            ``missing.any.permissions`` where the permission was taken meanwhile.
    """
    if actor.is_system:
        return
    held = rights_held(transaction, actor)
    if actor.permissions and not held.allows_any(actor.permissions):
        raise lacks_permission(actor.permissions)
    lacking = list(islice(held.lacking(counted(actor, needed)), MOST_NAMED + 1))
    if lacking:
        named = ", ".join(str(right) for right in lacking[:MOST_NAMED])
        more = " and more" if len(lacking) > MOST_NAMED else ""
        raise ApiError(
            403,
            "missing.permissions",
            f"You cannot manage a subject with rights that you do not hold: {named}{more}.",
            params={"permissions": named},
        )
