"""What every store promises about identity providers, and about assertions that were used."""

import asyncio
from collections.abc import Callable

import pytest

from grantory.domain.trust import IdentityProvider, UsedAssertion
from grantory.errors import Conflict, StorageUnavailable
from grantory.ports.storage import Transaction
from grantory.storage.database import OpenStore
from tests.support.entities import ORG, OTHER_ORG, an_id


def a_provider(number: int = 1, **fields: object) -> IdentityProvider:
    """A provider, made at its number."""
    given: dict[str, object] = {
        "id": an_id(7_000 + number),
        "organization_id": ORG,
        "name": f"Provider {number}",
        "issuer": f"https://idp{number}.example.com",
        "certificates": ("one ä", "two"),
        "created_at": number,
        "modified_at": number,
        **fields,
    }
    return IdentityProvider(**given)  # type: ignore[arg-type]


def add(*providers: IdentityProvider) -> Callable[[Transaction], None]:
    def work(transaction: Transaction) -> None:
        for provider in providers:
            transaction.trust.add(provider)

    return work


def used(number: int = 1, organization_id: str = ORG, expires_at: int = 1_000) -> UsedAssertion:
    digest = number.to_bytes(32, "big")
    return UsedAssertion(organization_id=organization_id, digest=digest, expires_at=expires_at)


async def test_a_provider_comes_back_as_it_was_put_in(store: OpenStore) -> None:
    provider = a_provider(
        audiences=("a", "b,c", 'd"'),
        recipients=("e",),
        email_attribute="mail",
        enabled=False,
        version=7,
        modified_at=2**41,
    )
    await store.write(add(provider))
    assert await store.read(lambda s: s.trust.get(ORG, provider.id)) == provider
    assert await store.read(lambda s: s.trust.by_issuer(ORG, provider.issuer)) == provider
    assert await store.write(lambda t: t.trust.get_for_change(ORG, provider.id)) == provider
    assert await store.write(lambda t: t.trust.hold(ORG, provider.id)) == provider


async def test_a_provider_belongs_to_one_organisation(store: OpenStore) -> None:
    mine, theirs = a_provider(), a_provider(2, organization_id=OTHER_ORG)
    same = a_provider(3, organization_id=OTHER_ORG, name=mine.name, issuer=mine.issuer)
    await store.write(add(mine, theirs, same))
    assert await store.read(lambda s: s.trust.get(ORG, theirs.id)) is None
    assert await store.write(lambda t: t.trust.get_for_change(ORG, theirs.id)) is None
    assert await store.write(lambda t: t.trust.hold(ORG, theirs.id)) is None
    assert await store.read(lambda s: s.trust.by_issuer(ORG, theirs.issuer)) is None
    assert await store.read(lambda s: s.trust.by_issuer(OTHER_ORG, mine.issuer)) == same
    assert await store.read(lambda s: s.trust.all(ORG)) == [mine]


async def test_providers_come_by_name(store: OpenStore) -> None:
    names = ["b", "A", "c"]
    await store.write(add(*(a_provider(n, name=name) for n, name in enumerate(names))))
    found = await store.read(lambda s: s.trust.all(ORG))
    assert [provider.name for provider in found] == ["A", "b", "c"]


async def test_names_and_issuers_are_taken_once(store: OpenStore) -> None:
    first, second = a_provider(), a_provider(2)
    await store.write(add(first, second))
    for taken in (a_provider(3, name=first.name.upper()), a_provider(3, issuer=first.issuer)):
        with pytest.raises(Conflict):
            await store.write(add(taken))
    for taken in (a_provider(2, name=first.name.upper()), a_provider(2, issuer=first.issuer)):
        with pytest.raises(Conflict):
            await store.write(lambda t: t.trust.replace(taken))
    assert await store.read(lambda s: s.trust.all(ORG)) == [first, second]


async def test_a_provider_is_replaced_and_deleted(store: OpenStore) -> None:
    other = a_provider(2)
    await store.write(add(a_provider(), other))
    after = a_provider(name="Changed", certificates=("three",), enabled=False, version=2)
    await store.write(lambda t: t.trust.replace(after))
    assert await store.read(lambda s: s.trust.all(ORG)) == [after, other]
    await store.write(lambda t: t.trust.delete(after))
    assert await store.read(lambda s: s.trust.all(ORG)) == [other]


async def test_an_assertion_is_used_once_in_each_organisation(store: OpenStore) -> None:
    assert await store.write(lambda t: t.trust.use(used()))
    assert not await store.write(lambda t: t.trust.use(used(expires_at=2_000)))
    assert await store.write(lambda t: t.trust.use(used(2)))
    assert await store.write(lambda t: t.trust.use(used(organization_id=OTHER_ORG)))


async def test_of_many_uses_at_once_one_counts(store: OpenStore, second_store: OpenStore) -> None:
    stores = [store, second_store] * 10
    done = await asyncio.gather(
        *(each.write(lambda t: t.trust.use(used())) for each in stores), return_exceptions=True
    )
    # A store that is asked too much at once may say that it is busy.
    assert [each for each in done if not isinstance(each, StorageUnavailable)].count(True) == 1
    assert {type(each) for each in done} <= {bool, StorageUnavailable}


async def test_a_use_that_fails_afterwards_is_none(store: OpenStore) -> None:
    def work(transaction: Transaction) -> None:
        assert transaction.trust.use(used())
        raise LookupError

    with pytest.raises(LookupError):
        await store.write(work)
    assert await store.write(lambda t: t.trust.use(used()))


async def test_a_used_assertion_is_forgotten_when_it_has_expired(store: OpenStore) -> None:
    def note(transaction: Transaction) -> None:
        for number, expires_at in ((1, 1_000), (2, 1_001), (3, 2_000)):
            transaction.trust.use(used(number, expires_at=expires_at))

    await store.write(note)
    assert await store.write(lambda t: t.upkeep.forget_assertions(1_001, 10)) == 1
    assert await store.write(lambda t: t.trust.use(used(1)))
    assert not await store.write(lambda t: t.trust.use(used(2)))
