"""Several changes in one transaction: all of them, or none."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from grantory.domain.access import EVERY_DIVISION
from grantory.errors import (
    ApiError,
    Conflict,
    FieldProblem,
    GrantoryError,
    OutcomeUnknown,
    StorageUnavailable,
    invalid,
)
from grantory.ports.keys import JwtKeySource
from grantory.ports.storage import Store, Transaction
from grantory.registry.actor import Actor
from grantory.registry.prepared import HOME, Prepared, Touched
from grantory.registry.rights_budget import RightsBudget

MOST_NAMED: Final = 5_000
"""So many roles and divisions the changes may name, each counted once for each change: about a
second's work of the only writer of SQLite."""
MOST_HELD: Final = 5_000
"""So many grants the clients may hold that are replaced or deleted: each may be one that goes."""


class ChangeRefused(GrantoryError):
    """One of several changes cannot be made, and so none was.

    Args:
        index: which one, counted from 0.
        error: why, as the change by itself would have been refused.
    """

    def __init__(self, index: int, error: ApiError) -> None:
        super().__init__(f"change {index}: {error}")
        self.index = index
        self.error = error


class _TakenBack(Exception):
    """Ends the transaction of a dry run."""


class Changes:
    """Makes lists of changes on behalf of an actor.

    Args:
        store: holds what is changed.
        jwt_keys: makes the key of an organisation's JWTs before the first of them.
    """

    def __init__(self, store: Store, jwt_keys: JwtKeySource) -> None:
        self._store = store
        self._jwt_keys = jwt_keys

    def begin(self, actor: Actor) -> Actor:
        """Gives the actor on whose behalf a list is to be prepared and made."""
        return msgspec.structs.replace(actor, budget=RightsBudget())

    async def make(
        self, actor: Actor, changes: Sequence[Prepared[Any]], *, dry_run: bool = False
    ) -> None:
        """Makes all of the changes, in their order, or none of them.

        Args:
            actor: on whose behalf they were prepared, as ``begin`` gave it.
            changes: each with what it is to do; later ones find what earlier ones have done.
            dry_run: whether all is taken back in the end.

        Raises:
            ChangeRefused: for the first that is refused.
            ApiError: 400 where they name too much, or are of clients that hold too much.
            StorageUnavailable: when the store takes none of them.
            OutcomeUnknown: when the store went away while it kept them.
        """
        if sum(len(c.holds.divisions) + len(c.holds.roles) for c in changes) > MOST_NAMED:
            text = f"must not name more than {MOST_NAMED} roles and divisions in all"
            raise invalid(FieldProblem("changes", "invalid.value", text))
        if not dry_run:
            for algorithm in sorted({c.jwt_algorithm for c in changes if c.jwt_algorithm}):
                await self._jwt_keys.ensure(actor.organization_id, algorithm)
        reached = len(changes)  # none of them, until the first is begun

        def work(transaction: Transaction) -> None:
            nonlocal reached
            reached = len(changes)
            if actor.budget is not None:
                actor.budget.refill()
            _lock_in_order(transaction, actor, changes)
            for index, change in enumerate(changes):
                reached = index
                change.work(transaction)
            reached = len(changes)
            if dry_run:
                raise _TakenBack

        try:
            await self._store.write(work)
        except _TakenBack:
            return
        except (StorageUnavailable, OutcomeUnknown):
            raise
        except Conflict:
            taken = changes[reached].taken if reached < len(changes) else None
            if taken is None:
                raise
            raise ChangeRefused(reached, taken()) from None
        except ApiError as error:
            if reached == len(changes):  # it is of none of them
                raise
            raise ChangeRefused(reached, error) from None


def _lock_in_order(
    transaction: Transaction, actor: Actor, changes: Sequence[Prepared[Any]]
) -> None:
    """Locks at the start what the changes will lock one by one, in the order that all keep to.

    Clients, divisions, roles, and each kind by id: otherwise two lists that name the same things
    in another order would wait for each other, as would one that first holds a role and then
    changes it. What the changes make is not there yet, and nobody else knows it.

    Raises:
        ApiError: 400 for clients that hold too much together.
    """
    here, access = actor.organization_id, transaction.access
    locks, holds = _all(c.locks for c in changes), _all(c.holds for c in changes)
    home = access.home_division(here).id
    held = set(access.grants_of(actor.reference.id))
    count = 0
    for client_id in sorted(locks.clients):
        if transaction.clients.get_for_change(here, client_id) is None:
            continue
        grants = access.grants_of(client_id)
        count += len(grants)
        if count > MOST_HELD:
            raise ApiError(
                400,
                "bad.request",
                f"The clients of the changes hold more than {MOST_HELD} roles in divisions in all: "
                f"make fewer changes at a time.",
            )
        held.update(grants)
    changed = {home if each == HOME else each for each in locks.divisions}
    kept = {home if each == HOME else each for each in holds.divisions}
    kept |= {grant.division_id for grant in held} - {EVERY_DIVISION}
    for division_id in sorted(changed | kept):
        if division_id in changed:
            access.lock_division(here, division_id)
        else:
            access.hold_division(here, division_id)
    for role_id in sorted(locks.roles | holds.roles | {grant.role_id for grant in held}):
        if role_id in locks.roles:
            access.lock_role(here, role_id)
        else:
            access.hold_role(here, role_id)


def _all(parts: Iterable[Touched]) -> Touched:
    listed = list(parts)
    return Touched(
        clients=frozenset().union(*(part.clients for part in listed)),
        divisions=frozenset().union(*(part.divisions for part in listed)),
        roles=frozenset().union(*(part.roles for part in listed)),
    )
