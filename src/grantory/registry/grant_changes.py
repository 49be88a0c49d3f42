"""What subjects hold, changed inside a transaction that has locked them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec

from grantory.domain.access import EVERY_DIVISION, Assignment, Role, rights_of
from grantory.domain.audit import PropertyChange
from grantory.domain.client import SubjectKind
from grantory.errors import FieldProblem, invalid, not_found
from grantory.ports.storage import Transaction
from grantory.registry.actor import Actor
from grantory.registry.coverage import require_coverage, require_few

MOST_HELD: Final = 200
"""So many roles in divisions a subject may hold."""
MOST_HELD_TOGETHER: Final = 1_000
"""So many different ones the subjects of one change may hold: all are looked at."""
INVALID: Final = "invalid.value"
_ENTITIES: Final = {SubjectKind.CLIENT: "OAuthClient", SubjectKind.USER: "User"}

Plan = Callable[[list[Assignment]], list[Assignment]]
"""From what a subject holds to what it is to hold."""


class Holder(msgspec.Struct, frozen=True):
    """A client or user that is locked; a client that acts for users cannot hold roles."""

    id: str
    name: str
    kind: SubjectKind
    can_hold: bool = True


class Naming(msgspec.Struct, frozen=True):
    """The fields in which the caller named things; None for what the address names.

    A refusal names the field, or is a 404 for the address.
    """

    subjects: str | None = None
    roles: str | None = None
    divisions: str | None = None


def lock_subject(transaction: Transaction, actor: Actor, subject_id: str) -> Holder | None:
    """Locks a client or user of the actor's organisation; None where there is none."""
    client = transaction.clients.get_for_change(actor.organization_id, subject_id)
    if client is not None:
        return Holder(client.id, client.name, SubjectKind.CLIENT, client.grant_type.acts_for_itself)
    return lock_user(transaction, actor, subject_id)


def lock_user(transaction: Transaction, actor: Actor, user_id: str) -> Holder | None:
    """Locks a user of the actor's organisation; None where there is none."""
    user = transaction.users.get_for_change(actor.organization_id, user_id)
    return None if user is None else Holder(user.id, user.name, SubjectKind.USER)


def change_grants(
    transaction: Transaction,
    actor: Actor,
    holders: Sequence[Holder],
    plan: Plan,
    asked: Iterable[Assignment],
    naming: Naming,
    now: int,
) -> dict[str, Role]:
    """Makes every holder hold what the plan says, with an event for each that changes.

    Args:
        transaction: has locked the holders.
        actor: must hold all that they hold and are to hold.
        holders: whose grants change.
        plan: from what one holds to what it is to hold.
        asked: what the caller named; it must exist unless every holder has it.
        naming: how refusals speak of it.
        now: the time in milliseconds since 1970.

    Returns:
        The roles that they held or hold, by id.

    Raises:
        ApiError: 404 or 400 for a role or division that does not exist; 400 for a client that
            cannot hold roles, and for too many; 403 where the actor lacks a right.
    """
    access = transaction.access
    before = {h.id: [grant.assignment for grant in access.grants_of(h.id)] for h in holders}
    asked = sorted(asked)
    named = {a for held in before.values() for a in [*held, *plan(held)]}.union(asked)
    if len(named) > MOST_HELD_TOGETHER:  # each of their roles and divisions is held below
        text = f"names subjects that hold more than {MOST_HELD_TOGETHER} roles in divisions in all"
        raise invalid(FieldProblem(naming.subjects or "subject_ids", INVALID, text))
    # Held from here on: what is deleted meanwhile takes its grants along.
    divisions = _divisions(transaction, actor, {assignment.division_id for assignment in named})
    roles = _roles(transaction, actor, {assignment.role_id for assignment in named})
    held = {
        key: [a for a in each if a.role_id in roles and a.division_id in divisions]
        for key, each in before.items()
    }
    wanted = {key: list(dict.fromkeys(plan(each))) for key, each in held.items()}
    had = {key: set(each) for key, each in held.items()}
    in_common = set.intersection(*had.values()) if had else set()
    new = [a for key, each in wanted.items() for a in each if a not in had[key]]
    news = dict.fromkeys([*(a for a in asked if a not in in_common), *new])
    _require_existing(news, roles, divisions, naming)
    for holder in holders:
        _require_able(holder, held[holder.id], wanted[holder.id], naming)
    needed = sorted({a for side in (held, wanted) for each in side.values() for a in each})
    require_few(needed, roles)
    require_coverage(transaction, actor, rights_of(needed, roles))
    for holder in holders:
        _set(transaction, actor, holder, held[holder.id], wanted[holder.id], now)
    return roles


def assignments_change(
    held: Iterable[Assignment], wanted: Iterable[Assignment]
) -> tuple[PropertyChange, ...]:
    """Describes a change of what a subject holds; nothing where there is none."""
    old, new = list(held), list(wanted)
    if set(old) == set(new):
        return ()
    texts = [[f"{a.role_id}@{a.division_id}" for a in side] for side in (old, new)]
    return (PropertyChange("assignments", list(texts[0]), list(texts[1])),)


def _divisions(transaction: Transaction, actor: Actor, ids: set[str]) -> set[str]:
    hold = transaction.access.hold_division
    there = {d for d in sorted(ids - {EVERY_DIVISION}) if hold(actor.organization_id, d)}
    return {EVERY_DIVISION, *there}


def _roles(transaction: Transaction, actor: Actor, ids: set[str]) -> dict[str, Role]:
    hold = transaction.access.hold_role
    found = {role_id: hold(actor.organization_id, role_id) for role_id in sorted(ids)}
    return {role_id: role for role_id, role in found.items() if role is not None}


def _require_existing(
    assignments: Iterable[Assignment],
    roles: dict[str, Role],
    divisions: set[str],
    naming: Naming,
) -> None:
    listed = list(assignments)
    missing = [
        ("role", naming.roles, dict.fromkeys(a.role_id for a in listed if a.role_id not in roles)),
        (
            "division",
            naming.divisions,
            dict.fromkeys(a.division_id for a in listed if a.division_id not in divisions),
        ),
    ]
    problems = []
    for entity, field, ids in missing:
        for entity_id in ids:
            if field is None:
                raise not_found(entity, entity_id)
            text = f"names a {entity} that does not exist: {entity_id}"
            problems.append(FieldProblem(field, INVALID, text))
    if problems:
        raise invalid(*problems)


def _require_able(
    holder: Holder, held: list[Assignment], wanted: list[Assignment], naming: Naming
) -> None:
    field = naming.subjects or "subject_id"
    if wanted and not holder.can_hold:
        text = f"names a client that acts for users and cannot hold roles: {holder.id}"
        raise invalid(FieldProblem(field, INVALID, text))
    if len(wanted) > max(MOST_HELD, len(held)):
        text = f"names a subject that would hold more than {MOST_HELD} roles in divisions"
        raise invalid(FieldProblem(field, INVALID, f"{text}: {holder.id}"))


def _set(
    transaction: Transaction,
    actor: Actor,
    holder: Holder,
    held: list[Assignment],
    wanted: list[Assignment],
    now: int,
) -> None:
    changes = assignments_change(held, wanted)
    if not changes:
        return
    transaction.access.set_grants(actor.organization_id, holder.id, holder.kind, wanted, now)
    entity = _ENTITIES[holder.kind]
    transaction.audit.add(actor.event(now, "Update", entity, holder.id, holder.name, changes))
