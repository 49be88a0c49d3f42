"""The administration of divisions."""

from typing import Final

import msgspec

from grantory.domain.access import Division, Grant
from grantory.domain.audit import PropertyChange, changed_properties
from grantory.errors import ApiError, FieldProblem, invalid, not_found
from grantory.ports.runtime import Clock, Random
from grantory.ports.storage import Snapshot, Store, Transaction
from grantory.registry.actor import Actor
from grantory.registry.coverage import require_coverage, rights_at_stake
from grantory.registry.directory import GrantDetail
from grantory.registry.prepared import HOME, Prepared, Touched, make

MOST_GRANTS_AT_ONCE: Final = 10_000
ENTITY: Final = "Division"
MOST_DIVISIONS: Final = 1_000
MOST_GRANTS_TOLD: Final = 100
_UNSAID: Final = frozenset({"id", "organization_id", "created_at", "home"})


class DivisionDraft(msgspec.Struct, frozen=True, kw_only=True):
    """The wanted contents of a division; without a name it keeps its own."""

    name: str | None = None
    description: str | None = None


class DivisionRegistry:
    """Creates, reads, changes, deletes and restores divisions on behalf of an actor."""

    def __init__(self, store: Store, clock: Clock, random: Random) -> None:
        self._store = store
        self._clock = clock
        self._random = random

    async def all(self, actor: Actor) -> list[Division]:
        """Returns the organisation's divisions, by name."""
        return await self._store.scan(
            lambda snapshot: snapshot.access.divisions(actor.organization_id)
        )

    async def get(self, actor: Actor, division_id: str) -> Division:
        """Returns a division.

        Raises:
            ApiError: 404 where there is none.
        """
        return await self._store.read(lambda snapshot: _found(snapshot, actor, division_id))

    async def home(self, actor: Actor) -> Division:
        """Returns the home division."""
        return await self._store.read(
            lambda snapshot: snapshot.access.home_division(actor.organization_id)
        )

    async def deleted(self, actor: Actor, offset: int, limit: int) -> tuple[list[Division], int]:
        """Returns one page of the deleted divisions, by name, and how many there are in all."""

        def read(snapshot: Snapshot) -> tuple[list[Division], int]:
            access, here = snapshot.access, actor.organization_id
            return access.deleted_divisions(here, offset, limit), access.count_deleted_divisions(
                here
            )

        return await self._store.scan(read)

    async def grants(
        self, actor: Actor, division_id: str, offset: int, limit: int
    ) -> tuple[list[GrantDetail], int]:
        """Returns one page of the grants in just this division, and how many there are in all.

        Raises:
            ApiError: 404 where there is no such division.
        """

        def read(snapshot: Snapshot) -> tuple[list[GrantDetail], int]:
            division = _found(snapshot, actor, division_id)
            access, here = snapshot.access, actor.organization_id
            page = access.grants_in_division(here, division.id, offset, limit)
            roles = access.roles(here, (grant.role_id for grant in page))
            details = [
                GrantDetail(grant, roles[grant.role_id], division)
                for grant in page
                if grant.role_id in roles
            ]
            return details, access.count_grants_in_division(here, division.id)

        return await self._store.scan(read)

    async def create(self, actor: Actor, draft: DivisionDraft) -> Division:
        """Adds a division. Nobody holds anything in it yet.

        Raises:
            ApiError: 400 for a bad name or too many divisions, 409 for a name that is taken.
        """
        return await make(self._store, self.prepare_create(actor, draft))

    def prepare_create(self, actor: Actor, draft: DivisionDraft) -> Prepared[Division]:
        """Looks at a new division, for ``create``.

        Raises:
            ApiError: 400 for a bad name.
        """
        _check(draft)
        now = self._clock.now_ms()
        division = Division(
            id=self._random.uuid(),
            organization_id=actor.organization_id,
            name=draft.name or "",
            description=draft.description,
            created_at=now,
        )

        def work(transaction: Transaction) -> Division:
            _require_room(transaction, actor)
            transaction.access.add_division(division)
            changes = changed_properties(None, division, _UNSAID)
            transaction.audit.add(
                actor.event(now, "Create", ENTITY, division.id, division.name, changes)
            )
            return division

        return Prepared(id=division.id, work=work, locks=_of(HOME), taken=_name_taken)

    async def replace(self, actor: Actor, division_id: str, draft: DivisionDraft) -> Division:
        """Replaces name and description of a division.

        Raises:
            ApiError: 404; 400 for a bad name, 409 for one that is taken.
        """
        return await make(self._store, self.prepare_replace(actor, division_id, draft))

    def prepare_replace(
        self, actor: Actor, division_id: str, draft: DivisionDraft
    ) -> Prepared[Division]:
        """Prepares what ``replace`` does."""
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> Division:
            before = _locked(transaction, actor, division_id)
            _check(draft)
            after = _with(before, draft)
            transaction.access.replace_division(after)
            changes = changed_properties(before, after, _UNSAID)
            transaction.audit.add(actor.event(now, "Update", ENTITY, after.id, after.name, changes))
            return after

        return Prepared(id=division_id, work=work, locks=_of(division_id), taken=_name_taken)

    async def delete(self, actor: Actor, division_id: str, *, force: bool = False) -> None:
        """Deletes a division; it can be restored, the grants in it cannot.

        Args:
            actor: who asks.
            division_id: the division.
            force: whether grants in it go, too; otherwise they keep it from being deleted.

        Raises:
            ApiError: 404; 400 for the home division; 409 for one with grants; 403 when the
                grants that would go give what the actor lacks.
        """
        await make(self._store, self.prepare_delete(actor, division_id, force=force))

    def prepare_delete(
        self, actor: Actor, division_id: str, *, force: bool = False
    ) -> Prepared[None]:
        """Prepares what ``delete`` does."""
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> None:
            division = _locked(transaction, actor, division_id)
            if division.home:
                raise ApiError(400, "bad.request", "The home division cannot be deleted.")
            here = actor.organization_id
            count = transaction.access.count_grants_in_division(here, division.id)
            if count and not force:
                raise ApiError(
                    409,
                    "general.conflict",
                    f"Roles are granted in this division ({count} grants): remove the grants "
                    f"first, or delete it with force=true.",
                    params={"grants": str(count)},
                )
            if count > MOST_GRANTS_AT_ONCE:
                raise ApiError(
                    400,
                    "bad.request",
                    f"There are {count} grants in this division: remove some first, so that at "
                    f"most {MOST_GRANTS_AT_ONCE} go with it.",
                )
            lost = transaction.access.grants_in_division(here, division.id)
            assignments = {grant.assignment for grant in lost}
            require_coverage(transaction, actor, rights_at_stake(transaction, here, assignments))
            transaction.access.delete_division(division, now)
            changes = changed_properties(division, None, _UNSAID) + _lost_grants(lost)
            transaction.audit.add(
                actor.event(now, "Delete", ENTITY, division.id, division.name, changes)
            )

        return Prepared(id=division_id, work=work, locks=_of(division_id))

    async def restore(self, actor: Actor, division_id: str, draft: DivisionDraft) -> Division:
        """Brings a deleted division back, without the grants that were in it.

        Args:
            actor: who asks.
            division_id: the division.
            draft: what it is to be called and described as; what is left out stays as it was.

        Raises:
            ApiError: 404; 400 for a bad name or too many divisions; 409 when it is not deleted,
                or for a name that is taken.
        """
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> Division:
            here = actor.organization_id
            _require_room(transaction, actor, but_for=division_id)
            before = transaction.access.lock_deleted_division(here, division_id)
            if before is None:
                if transaction.access.division(here, division_id) is None:
                    raise not_found("division", division_id)
                raise ApiError(409, "general.conflict", "The division is not deleted.")
            _check(draft)
            description = before.description if draft.description is None else draft.description
            after = _with(before, msgspec.structs.replace(draft, description=description))
            transaction.access.replace_division(after)
            changes = changed_properties(None, after, _UNSAID)
            transaction.audit.add(
                actor.event(now, "Restore", ENTITY, after.id, after.name, changes)
            )
            return after

        return await make(self._store, Prepared(id=division_id, work=work, taken=_name_taken))


def _of(division_id: str) -> Touched:
    return Touched(divisions=frozenset({division_id}))


def _name_taken() -> ApiError:
    return ApiError(
        409,
        "general.conflict",
        "A division with this name exists already.",
        problems=(FieldProblem("name", "general.conflict", "is taken by another division"),),
    )


def _found(snapshot: Snapshot, actor: Actor, division_id: str) -> Division:
    division = snapshot.access.division(actor.organization_id, division_id)
    if division is None:
        raise not_found("division", division_id)
    return division


def _locked(transaction: Transaction, actor: Actor, division_id: str) -> Division:
    division = transaction.access.lock_division(actor.organization_id, division_id)
    if division is None:
        raise not_found("division", division_id)
    return division


def _require_room(transaction: Transaction, actor: Actor, but_for: str = "") -> None:
    """Refuses one division too many, with the home division locked: others count after us."""
    here = actor.organization_id
    transaction.access.lock_division(here, transaction.access.home_division(here).id)
    there = [division.id for division in transaction.access.divisions(here)]
    if len(there) >= MOST_DIVISIONS and but_for not in there:
        raise ApiError(
            400,
            "auth.too.many.divisions",
            f"The organization has {MOST_DIVISIONS} divisions; that is the limit.",
            params={"limit": str(MOST_DIVISIONS)},
        )


def _with(division: Division, draft: DivisionDraft) -> Division:
    name = division.name if draft.name is None else draft.name
    return msgspec.structs.replace(division, name=name, description=draft.description)


def _lost_grants(lost: list[Grant]) -> tuple[PropertyChange, ...]:
    """Names those who lose a role with a division, up to a hundred of them."""
    if not lost:
        return ()
    named = [f"{grant.subject_id}:{grant.role_id}" for grant in lost[:MOST_GRANTS_TOLD]]
    more = [f"and {len(lost) - MOST_GRANTS_TOLD} more"] if len(lost) > MOST_GRANTS_TOLD else []
    return (
        PropertyChange("grants", [*named, *more], []),
        PropertyChange("grant_count", [len(lost)], [0]),
    )


def _check(draft: DivisionDraft) -> None:
    if draft.name is not None and not draft.name.strip():
        raise invalid(FieldProblem("name", "invalid.value", "must not be blank"))
