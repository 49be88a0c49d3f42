"""The administration of people."""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from grantory.domain.access import Assignment, Division
from grantory.domain.audit import PropertyChange, changed_properties
from grantory.domain.client import SubjectKind
from grantory.domain.organization import User, UserState
from grantory.errors import ApiError, Conflict, FieldProblem, invalid, not_found
from grantory.ports.runtime import Clock, Random
from grantory.ports.storage import Snapshot, Store, Transaction
from grantory.registry.actor import Actor
from grantory.registry.coverage import require_coverage, rights_at_stake
from grantory.registry.grant_changes import assignments_change
from grantory.registry.new_passwords import NewPasswords, known_of
from grantory.registry.user_draft import UserChange, UserDraft, changed_user

ENTITY: Final = "User"
_UNSAID: Final = frozenset(
    {"id", "organization_id", "version", "token_epoch", "created_at", "modified_at"}
)
_TAKEN: Final = "is taken by another user"


class Person(msgspec.Struct, frozen=True):
    """A user with the division that they are in."""

    user: User
    division: Division


class UserRegistry:
    """Creates, reads, changes and deletes users on behalf of an actor."""

    def __init__(self, store: Store, clock: Clock, random: Random, passwords: NewPasswords) -> None:
        self._store = store
        self._clock = clock
        self._random = random
        self._passwords = passwords

    async def get(self, actor: Actor, user_id: str) -> Person:
        """Returns a user of the actor's organisation.

        Raises:
            ApiError: 404 where there is none.
        """

        def read(snapshot: Snapshot) -> Person | None:
            user = snapshot.users.get(user_id)
            if user is None or user.organization_id != actor.organization_id:
                return None
            return _person(snapshot, user)

        found = await self._store.read(read)
        if found is None:
            raise not_found("user", user_id)
        return found

    async def own(self, actor: Actor) -> Person:
        """Returns the user who asks.

        Raises:
            ApiError: 400 ``not.a.user`` for a client that acts for itself.
        """
        return await self.get(actor, own_id(actor))

    async def page(
        self,
        actor: Actor,
        state: UserState | None,
        offset: int,
        limit: int,
        *,
        newest_first: bool = False,
    ) -> tuple[list[Person], int]:
        """Returns one page of the users in a state, or in any, and how many there are in all."""
        here = actor.organization_id

        def read(snapshot: Snapshot) -> tuple[list[Person], int]:
            users = snapshot.users.page(here, state, offset, limit, newest_first=newest_first)
            return _people(snapshot, here, users), snapshot.users.count(here, state)

        return await self._store.scan(read)

    async def of_ids(
        self, actor: Actor, user_ids: Sequence[str], state: UserState | None
    ) -> list[Person]:
        """Returns those of the users that are there, in a state or in any; the oldest first."""
        here = actor.organization_id

        def read(snapshot: Snapshot) -> list[Person]:
            found = snapshot.users.of_ids(here, user_ids)
            users = [user for user in found if state is None or user.state is state]
            return _people(snapshot, here, sorted(users, key=lambda u: (u.created_at, u.id)))

        return await self._store.scan(read)

    async def last_login(self, actor: Actor) -> int | None:
        """Tells when the user who asks was last given a token by logging in, or refreshing one.

        Returns:
            Milliseconds since 1970; None where it is not known.
        """
        family = await self._store.read(
            lambda snapshot: snapshot.families.last_of_user(own_id(actor))
        )
        return None if family is None else max(family.created_at, family.rotated_at)

    async def create(self, actor: Actor, draft: UserDraft) -> Person:
        """Makes a user, who holds nothing yet.

        Raises:
            ApiError: 400 for a bad field or password; 409 for an e-mail address that is taken.
        """
        _require_name(draft.name)
        here, now = actor.organization_id, self._clock.now_ms()
        organization, taken = await self._store.read(
            lambda s: (s.organizations.get(here), s.users.find_by_email(here, draft.email))
        )
        if taken is not None:  # told before anything is digested, which takes long
            raise _conflict("email", _TAKEN)
        digest = None
        if draft.password is not None:
            known = known_of(draft.name, draft.email, organization)
            digest = await self._passwords.digest(draft.password, "password", known)
        user = User(
            id=self._random.uuid(),
            organization_id=here,
            name=draft.name,
            email=draft.email,
            created_at=now,
            modified_at=now,
            title=draft.title or None,
            department=draft.department or None,
            division_id=draft.division_id,
            state=draft.state,
        )

        def work(transaction: Transaction) -> Person:
            _hold_division(transaction, user)
            require_coverage(transaction, actor, ())
            transaction.users.add(user, digest)
            secret = () if digest is None else (PropertyChange("password", [], ["set"]),)
            changes = changed_properties(None, user, _UNSAID) + secret
            transaction.audit.add(actor.event(now, "Create", ENTITY, user.id, user.name, changes))
            return _person(transaction, user)

        try:
            return await self._store.write(work)
        except Conflict:
            raise _conflict("email", _TAKEN) from None

    async def change(self, actor: Actor, user_id: str, change: UserChange) -> Person:
        """Changes those fields of a user that are given.

        Whoever becomes inactive loses every token and session.

        Raises:
            ApiError: 404; 400 for a bad field, and for deactivating oneself; 403 when e-mail
                address or state is to change, and the user holds what the actor lacks; 409 for
                an address that is taken, or when the user is of another version by now.
        """
        if change.name is not None:
            _require_name(change.name)
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> Person:
            before = locked_user(transaction, actor, user_id)
            if change.version not in (None, before.version):
                raise _conflict("version", f"is {before.version} by now")
            after = changed_user(before, change, now)
            if after.state is UserState.INACTIVE and is_oneself(actor, user_id):
                raise ApiError(400, "bad.request", "You cannot deactivate yourself.")
            opens = (before.email, before.state) != (after.email, after.state)
            held = _held(transaction, user_id) if opens else []
            needed = rights_at_stake(transaction, actor.organization_id, held)
            require_coverage(transaction, actor, needed)
            transaction.users.replace(after)
            changes = changed_properties(before, after, _UNSAID)
            transaction.audit.add(actor.event(now, "Update", ENTITY, after.id, after.name, changes))
            return _person(transaction, after)

        try:
            return await self._store.write(work)
        except Conflict:
            raise _conflict("email", _TAKEN) from None

    async def delete(self, actor: Actor, user_id: str) -> None:
        """Deletes a user for good: tokens, sessions and roles end, the id stays taken.

        Raises:
            ApiError: 404; 400 for deleting oneself; 403 when the user holds what the actor lacks.
        """
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> None:
            user = locked_user(transaction, actor, user_id)
            if is_oneself(actor, user_id):
                raise ApiError(400, "bad.request", "You cannot delete yourself.")
            held = _held(transaction, user_id)
            here = actor.organization_id
            require_coverage(transaction, actor, rights_at_stake(transaction, here, held))
            transaction.users.delete(user, now)
            transaction.authorizations.remove_of_user(here, user_id)
            transaction.access.set_grants(here, user_id, SubjectKind.USER, (), now)
            changes = changed_properties(user, None, _UNSAID) + assignments_change(held, ())
            transaction.audit.add(actor.event(now, "Delete", ENTITY, user.id, user.name, changes))

        await self._store.write(work)


def own_id(actor: Actor) -> str:
    """Returns the id of the user who asks.

    Raises:
        ApiError: 400 ``not.a.user`` for a client that acts for itself.
    """
    if actor.reference.kind is not SubjectKind.USER:
        raise ApiError(
            400, "not.a.user", "This request needs the token of a user; a client has no user."
        )
    return actor.reference.id


def is_oneself(actor: Actor, user_id: str) -> bool:
    """Tells whether the actor is this user."""
    return actor.reference.kind is SubjectKind.USER and actor.reference.id == user_id


def locked_user(transaction: Transaction, actor: Actor, user_id: str) -> User:
    """Returns a user of the actor's organisation, locked until the transaction ends.

    Raises:
        ApiError: 404 where there is none.
    """
    user = transaction.users.get_for_change(actor.organization_id, user_id)
    if user is None:
        raise not_found("user", user_id)
    return user


def _require_name(name: str) -> None:
    if not name.strip():
        raise invalid(FieldProblem("name", "invalid.value", "must not be blank"))


def _hold_division(transaction: Transaction, user: User) -> None:
    wanted = user.division_id
    if wanted and transaction.access.hold_division(user.organization_id, wanted) is None:
        text = f"names a division that does not exist: {wanted}"
        raise invalid(FieldProblem("division_id", "invalid.value", text))


def _held(transaction: Transaction, user_id: str) -> list[Assignment]:
    return [grant.assignment for grant in transaction.access.grants_of(user_id)]


def _conflict(field: str, text: str) -> ApiError:
    problem = FieldProblem(field, "general.conflict", text)
    return ApiError(409, "general.conflict", f"The {field} {text}.", problems=(problem,))


def _person(reader: Snapshot | Transaction, user: User) -> Person:
    """Adds the division; the home division where theirs was deleted."""
    found = None
    if user.division_id is not None:
        found = reader.access.division(user.organization_id, user.division_id)
    return Person(user, found or reader.access.home_division(user.organization_id))


def _people(snapshot: Snapshot, organization_id: str, users: Iterable[User]) -> list[Person]:
    divisions = {each.id: each for each in snapshot.access.divisions(organization_id)}
    home = snapshot.access.home_division(organization_id)
    return [Person(user, divisions.get(user.division_id or "", home)) for user in users]
