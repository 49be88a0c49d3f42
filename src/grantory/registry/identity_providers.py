"""The administration of identity providers whose assertions an organisation believes.

Whoever registers one can become any user of the organisation, so it takes every right there is.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from grantory.crypto.certificates import read_certificate
from grantory.domain.audit import PropertyChange, changed_properties
from grantory.domain.trust import IdentityProvider
from grantory.errors import ApiError, Conflict, FieldProblem, invalid, not_found
from grantory.ports.runtime import Clock, Random
from grantory.ports.storage import Store, Transaction
from grantory.registry.actor import Actor
from grantory.registry.coverage import EVERYTHING, require_coverage
from grantory.registry.provider_draft import CheckedDraft, ProviderDraft, check_draft

T = TypeVar("T")
ENTITY: Final = "IdentityProvider"
MOST_PROVIDERS: Final = 50
"""In one organisation."""
_UNSAID: Final = frozenset({"id", "organization_id", "version", "created_at", "modified_at"})


class IdentityProviderRegistry:
    """Registers, reads, changes and deletes identity providers on behalf of an actor."""

    def __init__(self, store: Store, clock: Clock, random: Random) -> None:
        self._store = store
        self._clock = clock
        self._random = random

    async def all(self, actor: Actor) -> list[IdentityProvider]:
        """Returns every identity provider of the organisation, by name."""
        return await self._store.read(lambda snapshot: snapshot.trust.all(actor.organization_id))

    async def get(self, actor: Actor, provider_id: str) -> IdentityProvider:
        """Returns an identity provider of the actor's organisation.

        Raises:
            ApiError: 404 where there is none.
        """
        found = await self._store.read(
            lambda snapshot: snapshot.trust.get(actor.organization_id, provider_id)
        )
        if found is None:
            raise not_found("identity provider", provider_id)
        return found

    async def create(self, actor: Actor, draft: ProviderDraft) -> IdentityProvider:
        """Registers an identity provider.

        Raises:
            ApiError: 400 for a bad draft, or where there are 50 already; 403 for an actor without
                every permission everywhere; 409 for a name or an issuer that is taken.
        """
        checked = _checked(draft)
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> IdentityProvider:
            require_coverage(transaction, actor, EVERYTHING)
            return self._add(transaction, actor, checked, now)

        return await self._write(work)

    async def replace(
        self, actor: Actor, provider_id: str, draft: ProviderDraft
    ) -> IdentityProvider:
        """Replaces the contents of an identity provider.

        Raises:
            ApiError: as ``create``; 404; 409 for another version than the draft's.
        """
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> IdentityProvider:
            before = _locked(transaction, actor, provider_id)
            checked = _checked(draft)
            if draft.version not in (None, before.version):
                raise _conflict("version", f"is {before.version} by now")
            require_coverage(transaction, actor, EVERYTHING)
            return _replace(transaction, actor, before, checked, now)

        return await self._write(work)

    async def delete(self, actor: Actor, provider_id: str) -> None:
        """Deletes an identity provider; what it says counts no more.

        Raises:
            ApiError: 404.
        """
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> None:
            before = _locked(transaction, actor, provider_id)
            transaction.trust.delete(before)
            _note(transaction, actor, now, "Delete", before, None)

        await self._write(work)

    async def keep(self, actor: Actor, draft: ProviderDraft) -> bool:
        """Sees to it that there is an identity provider of a name with these contents.

        Returns:
            Whether anything had to be changed.

        Raises:
            ApiError: as ``create``. A certificate that has expired since it was registered is
                none of these reasons, as long as nothing else differs.
        """
        checked = _checked(draft)
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> bool:
            transaction.organizations.get_for_change(actor.organization_id)
            there = transaction.trust.all(actor.organization_id)
            same = [each for each in there if each.name.casefold() == draft.name.casefold()]
            if not same:
                self._add(transaction, actor, checked, now)
            elif checked.applied_to(same[0]) != same[0]:
                _replace(transaction, actor, same[0], checked, now)
            else:
                return False
            return True

        return await self._write(work)

    def _add(
        self, transaction: Transaction, actor: Actor, checked: CheckedDraft, now: int
    ) -> IdentityProvider:
        _require_current(checked, now)
        provider = checked.applied_to(
            IdentityProvider(
                id=self._random.uuid(),
                organization_id=actor.organization_id,
                name="",
                issuer="",
                certificates=(),
                created_at=now,
                modified_at=now,
            )
        )
        transaction.organizations.get_for_change(actor.organization_id)  # one after the other
        if len(transaction.trust.all(actor.organization_id)) >= MOST_PROVIDERS:
            text = f"The organization has {MOST_PROVIDERS} identity providers; that is the limit."
            raise ApiError(400, "bad.request", text, params={"limit": str(MOST_PROVIDERS)})
        _require_free(transaction, provider)
        transaction.trust.add(provider)
        _note(transaction, actor, now, "Create", None, provider)
        return provider

    async def _write(self, work: Callable[[Transaction], T]) -> T:
        try:
            return await self._store.write(work)
        except Conflict:
            raise _conflict("name", "is taken by another identity provider") from None


def _checked(draft: ProviderDraft) -> CheckedDraft:
    checked, problems = check_draft(draft)
    if problems:
        raise invalid(*problems)
    return checked


def _require_current(checked: CheckedDraft, now: int) -> None:
    problems = checked.expired(now)
    if problems:
        raise invalid(*problems)


def _locked(transaction: Transaction, actor: Actor, provider_id: str) -> IdentityProvider:
    transaction.organizations.get_for_change(actor.organization_id)  # one after the other
    found = transaction.trust.get_for_change(actor.organization_id, provider_id)
    if found is None:
        raise not_found("identity provider", provider_id)
    return found


def _replace(
    transaction: Transaction,
    actor: Actor,
    before: IdentityProvider,
    checked: CheckedDraft,
    now: int,
) -> IdentityProvider:
    _require_current(checked, now)
    after = msgspec.structs.replace(
        checked.applied_to(before), modified_at=now, version=before.version + 1
    )
    _require_free(transaction, after)
    transaction.trust.replace(after)
    _note(transaction, actor, now, "Update", before, after)
    return after


def _require_free(transaction: Transaction, provider: IdentityProvider) -> None:
    for other in transaction.trust.all(provider.organization_id):
        if other.id != provider.id and other.name.casefold() == provider.name.casefold():
            raise _conflict("name", "is taken by another identity provider")
        if other.id != provider.id and other.issuer == provider.issuer:
            raise _conflict("issuer", "is taken by another identity provider")


def _conflict(field: str, text: str) -> ApiError:
    problem = FieldProblem(field, "general.conflict", text)
    return ApiError(409, "general.conflict", f"The {field} {text}.", problems=(problem,))


def _note(
    transaction: Transaction,
    actor: Actor,
    now: int,
    action: str,
    before: IdentityProvider | None,
    after: IdentityProvider | None,
) -> None:
    told = after or before
    if told is not None:
        changes = _changes(before, after)
        transaction.audit.add(actor.event(now, action, ENTITY, told.id, told.name, changes))


def _changes(
    before: IdentityProvider | None, after: IdentityProvider | None
) -> tuple[PropertyChange, ...]:
    return changed_properties(_with_fingerprints(before), _with_fingerprints(after), _UNSAID)


def _with_fingerprints(provider: IdentityProvider | None) -> IdentityProvider | None:
    """Names certificates by what a person can compare."""
    if provider is None:
        return None
    fingerprints = tuple(read_certificate(pem).fingerprint for pem in provider.certificates)
    return msgspec.structs.replace(provider, certificates=fingerprints)
