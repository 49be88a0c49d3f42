"""What every store promises about token keys and the master key over them."""

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from grantory.crypto.runtime import SystemRandom
from grantory.crypto.sealing import MasterKey
from grantory.domain.token import key_context
from grantory.errors import SetupError
from grantory.ports.storage import Transaction
from grantory.registry.keys import RETIRED_KEPT_MS, TokenKeys
from grantory.registry.upkeep import Upkeep
from grantory.storage.change_feed import COUNTER_STEP
from grantory.storage.database import OpenStore
from tests.support.backends import Backend, Listener, news
from tests.support.entities import ORG, OTHER_ORG, a_key, an_organization, put
from tests.support.patience import patiently
from tests.support.runtime import FakeClock

OLD, NEW = MasterKey(b"o" * 32), MasterKey(b"n" * 32)
BOTH = MasterKey(b"n" * 32, b"o" * 32)


def keys_of(clock: FakeClock, master_key: MasterKey = OLD) -> TokenKeys:
    return TokenKeys(clock, SystemRandom(), master_key)


async def set_up(store: OpenStore, clock: FakeClock) -> TokenKeys:
    keys = keys_of(clock)

    def work(transaction: Transaction) -> None:
        transaction.installation.set_up(OLD.check_value(), 1)
        put(an_organization(1), an_organization(2))(transaction)
        keys.add_first(transaction, ORG)
        keys.add_first(transaction, OTHER_ORG)

    await store.write(work)
    return keys


async def test_keys_come_back_oldest_first_retired_ones_too(store: OpenStore) -> None:
    keys = [
        a_key(3, created_at=5),
        a_key(2, created_at=7, organization_id=OTHER_ORG),
        a_key(1, created_at=7, retired_at=2**41, expires_at=2**42),
    ]
    await store.write(put(*reversed(keys)))
    assert await store.read(lambda s: s.keys.all()) == [keys[0], keys[2], keys[1]]
    assert await store.read(lambda s: s.keys.get(keys[2].key_id)) == keys[2]


async def test_of_keys_made_in_the_same_millisecond_one_is_always_the_newest(
    store: OpenStore,
) -> None:
    keys = [a_key(number, created_at=7) for number in range(1, 6)]
    await store.write(put(*keys))
    newest = await store.read(lambda s: s.keys.newest(ORG))
    assert newest in keys
    for _ in range(5):
        assert await store.read(lambda s: s.keys.newest(ORG)) == newest


async def test_a_rotation_retires_by_the_row_and_not_by_the_time(
    store: OpenStore, clock: FakeClock
) -> None:
    keys = await set_up(store, clock)
    for seconds in (0, 0, -3600, 0):  # in the same millisecond, and with the clock set back
        clock.step(seconds)
        [made] = await store.write(lambda t: keys.rotate(t, ORG, end_tokens=False))
        assert await store.read(lambda s: s.keys.newest(ORG)) == made.key
    found = await store.read(lambda s: s.keys.all())
    assert [k.organization_id for k in found if k.retired_at is None].count(ORG) == 1
    assert len(found) == 6


async def test_rotations_at_once_leave_one_key_that_signs(
    backend: Backend, store: OpenStore, second_store: OpenStore, clock: FakeClock
) -> None:
    keys = await set_up(store, clock)
    stores = [store, second_store] * 5
    await asyncio.gather(
        *(patiently(s, lambda t: keys.rotate(t, None, end_tokens=False)) for s in stores)
    )
    found = await store.read(lambda s: s.keys.all())
    assert len(found) == 22
    assert sorted(k.organization_id for k in found if k.retired_at is None) == [ORG, OTHER_ORG]
    await asyncio.gather(
        *(patiently(s, lambda t: keys.rotate(t, ORG, end_tokens=True)) for s in stores)
    )
    found = await store.read(lambda s: s.keys.all())
    assert len([k for k in found if k.organization_id == ORG]) == 1
    assert len(found) == 12


async def test_a_retired_key_stays_until_its_last_token_has_expired(
    store: OpenStore, clock: FakeClock
) -> None:
    keys = await set_up(store, clock)
    retired = await store.read(lambda s: s.keys.newest(ORG))
    assert retired is not None
    await store.write(lambda t: keys.rotate(t, ORG, end_tokens=False))
    upkeep = Upkeep(store, clock)
    clock.advance(RETIRED_KEPT_MS / 1000)
    await upkeep.finish()
    found = await store.read(lambda s: s.keys.get(retired.key_id))
    assert found == msgspec.structs.replace(
        retired, retired_at=retired.created_at, expires_at=retired.created_at + RETIRED_KEPT_MS
    )
    clock.advance(2 * 86_400)
    await upkeep.finish()
    assert await store.read(lambda s: s.keys.get(retired.key_id)) is None
    assert len(await store.read(lambda s: s.keys.all())) == 2


async def test_every_change_of_keys_is_told_and_recorded(
    backend: Backend, store: OpenStore, second_store: OpenStore, clock: FakeClock
) -> None:
    keys = await set_up(store, clock)
    listener = Listener(second_store)
    await listener.catch_up()

    async def told(work: Callable[[Transaction], object]) -> None:
        await store.write(work)
        clock.advance(backend.lag)
        assert {("key", ORG), ("key", OTHER_ORG)} <= set(await listener.catch_up())
        for key in await store.read(lambda s: s.keys.all()):
            if key.retired_at is None:
                key_id, owner = key.key_id.hex(), key.organization_id
                [event, *_] = await store.read(
                    lambda s, o=owner, k=key_id: s.audit.of_entity(o, k, 1)  # type: ignore[misc]
                )
                assert event.entity_type == "TokenKey"
                assert event.origin.actor.id == "command-line"

    await told(lambda t: keys.rotate(t, None, end_tokens=False))
    await told(lambda t: keys.rotate(t, None, end_tokens=True))
    await told(keys_of(clock, BOTH).reseal)


async def test_recovering_makes_every_memory_forget(
    backend: Backend, store: OpenStore, second_store: OpenStore, clock: FakeClock
) -> None:
    keys = await set_up(store, clock)
    listener = Listener(second_store)
    await listener.catch_up()
    before, number = await store.read(lambda s: s.keys.all()), (await news(store)).number
    heard = listener.everything
    await store.write(keys.recover)
    clock.advance(backend.lag)
    await listener.catch_up()
    assert listener.everything == heard + 1
    assert (await news(store)).number > number + COUNTER_STEP
    after = await store.read(lambda s: s.keys.all())
    assert len(after) == len(before) == 2
    assert not {k.key_id for k in after} & {k.key_id for k in before}
    await store.write(lambda t: keys.rotate(t, ORG, end_tokens=False))
    clock.advance(backend.lag)
    assert await listener.catch_up() == [("key", ORG)]  # from now on told one by one again


async def test_keys_are_sealed_anew_all_or_none(store: OpenStore, clock: FakeClock) -> None:
    await set_up(store, clock)
    await store.write(put(a_key(9)))  # which no master key opens
    before = await store.read(lambda s: s.keys.all())
    with pytest.raises(SetupError, match="cannot be opened"):
        await store.write(keys_of(clock, BOTH).reseal)
    assert await store.read(lambda s: s.keys.all()) == before
    check = await store.read(lambda s: s.installation.master_key_check())
    assert check is not None
    assert OLD.fits(check)


async def test_sealed_anew_the_keys_are_the_same_ones(store: OpenStore, clock: FakeClock) -> None:
    await set_up(store, clock)
    before = await store.read(lambda s: s.keys.all())
    assert await store.write(keys_of(clock, BOTH).reseal) == 2
    after = await store.read(lambda s: s.keys.all())
    for old, new in zip(before, after, strict=True):
        context = key_context(old.key_id, old.organization_id)
        assert NEW.open(new.sealed, context) == OLD.open(old.sealed, context)
        assert msgspec.structs.replace(new, sealed=old.sealed) == old
    check = await store.read(lambda s: s.installation.master_key_check())
    assert check is not None
    assert NEW.fits(check)
    assert not OLD.fits(check)
    with pytest.raises(SetupError, match="another master key"):
        await store.write(lambda t: keys_of(clock).rotate(t, None, end_tokens=False))
