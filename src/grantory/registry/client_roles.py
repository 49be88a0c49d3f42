"""Which roles, in which divisions, a client is to hold."""

from grantory.domain.access import EVERY_DIVISION, Assignment
from grantory.errors import FieldProblem, invalid
from grantory.ports.storage import Transaction
from grantory.registry.client_draft import INVALID, ClientDraft


def wanted_assignments(
    transaction: Transaction, organization_id: str, draft: ClientDraft, held: list[Assignment]
) -> tuple[Assignment, ...]:
    """Tells what a client is to hold, and checks that it exists.

    With role ids alone, a role already held keeps its divisions, a new one gets the home
    division, and the others go.

    Raises:
        ApiError: 400 naming the field, for a role or division that does not exist.
    """
    if not draft.grant_type.acts_for_itself:
        return ()
    access = transaction.access
    if draft.assignments:
        field, wanted = "assignments", list(draft.assignments)
    else:
        field, wanted = "role_ids", []
        for role_id in draft.role_ids or ():
            # A division that was deleted meanwhile took its grants along.
            kept = [
                assignment
                for assignment in held
                if assignment.role_id == role_id
                and _holds(transaction, organization_id, assignment.division_id)
            ]
            wanted += kept or [Assignment(role_id, access.home_division(organization_id).id)]
    wanted = list(dict.fromkeys(wanted))
    # Held from here on: what is deleted meanwhile must not be granted.
    division_ids = sorted({assignment.division_id for assignment in wanted} - {EVERY_DIVISION})
    there = {d for d in division_ids if access.hold_division(organization_id, d) is not None}
    role_ids = sorted({assignment.role_id for assignment in wanted})
    known = {r for r in role_ids if access.hold_role(organization_id, r) is not None}
    problems = [
        FieldProblem(field, INVALID, f"names a role that does not exist: {role_id}")
        for role_id in dict.fromkeys(a.role_id for a in wanted)
        if role_id not in known
    ]
    for division_id in dict.fromkeys(a.division_id for a in wanted):
        if division_id != EVERY_DIVISION and division_id not in there:
            text = f"names a division that does not exist: {division_id}"
            problems.append(FieldProblem(field, INVALID, text))
    if problems:
        raise invalid(*problems)
    return tuple(wanted)


def _holds(transaction: Transaction, organization_id: str, division_id: str) -> bool:
    if division_id == EVERY_DIVISION:
        return True
    return transaction.access.hold_division(organization_id, division_id) is not None
