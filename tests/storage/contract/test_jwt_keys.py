"""What every store promises about the private keys of JWTs."""

import asyncio

import msgspec
import pytest

from grantory.crypto.private_keys import read_private_key
from grantory.crypto.sealing import MasterKey
from grantory.domain.signing import MAX_JWT_LIFETIME, SigningAlgorithm
from grantory.domain.token import SealedKey
from grantory.errors import ApiError, SetupError, StorageUnavailable
from grantory.registry import jwt_keys
from grantory.registry.jwt_keys import DAY_MS, KEPT_MS, MINUTE_MS
from grantory.registry.upkeep import Upkeep
from grantory.storage.database import OpenStore
from tests.support.backends import Backend
from tests.support.entities import ORG, OTHER_ORG, a_key, put
from tests.support.jwt_nodes import OLD, JwtNode, node_on, set_up_node, token_keys
from tests.support.runtime import FakeClock

NEW = MasterKey(b"n" * 32)
BOTH = MasterKey(b"n" * 32, b"o" * 32)
EDDSA, ES256 = SigningAlgorithm.EDDSA, SigningAlgorithm.ES256


@pytest.fixture
async def node(store: OpenStore, clock: FakeClock) -> JwtNode:
    return await set_up_node(store, clock)


async def test_of_many_first_uses_one_makes_the_key(
    node: JwtNode, second_store: OpenStore, clock: FakeClock
) -> None:
    other = node_on(second_store, clock)
    await asyncio.gather(*(each.keys.ensure(ORG, ES256) for each in [node, other] * 4))
    [key] = await node.private()
    assert (key.organization_id, key.algorithm) == (ORG, ES256)
    assert key.signs_from == key.created_at == clock.now_ms()
    assert key.retired_at is key.expires_at is None
    await asyncio.gather(node.keys.ensure(OTHER_ORG, ES256), other.keys.ensure(ORG, EDDSA))
    assert len(await node.private()) == 3


async def test_a_first_key_signs_at_once_and_every_process_knows_it(
    backend: Backend, node: JwtNode, second_store: OpenStore, clock: FakeClock
) -> None:
    other = node_on(second_store, clock)
    assert (await other.ring()).signer(ORG, ES256, clock.now_ms()) is None
    await node.keys.ensure(ORG, ES256)
    await other.reads.catch_up()  # and waits for no lease
    there = await other.reads.jwt_keys()
    here = await node.ring()
    found = here.signer(ORG, ES256, clock.now_ms())
    assert found is not None
    assert here.published == there.published
    assert found.kid.encode() in there.published
    assert there.published_of(OTHER_ORG) == b'{"keys":[]}'
    assert there.published_of(ORG) == there.published


async def test_a_successor_is_made_once_and_signs_when_it_has_been_published(
    backend: Backend, node: JwtNode, second_store: OpenStore, clock: FakeClock
) -> None:
    other = node_on(second_store, clock)
    await node.keys.ensure(ORG, ES256)
    start = clock.now_ms()
    clock.advance((90 * DAY_MS - 70 * MINUTE_MS) / 1000 - 1)
    assert await node.keys.rotate_due() == 0
    clock.advance(1)
    made = await asyncio.gather(*(each.keys.rotate_due() for each in [node, other] * 3))
    assert sum(made) == 1
    first, second = await node.private()
    assert second.signs_from == first.retired_at == start + 90 * DAY_MS
    assert first.expires_at == start + 90 * DAY_MS + KEPT_MS
    assert second.created_at == clock.now_ms()
    assert (second.retired_at, second.expires_at) == (None, None)

    clock.advance(backend.lag)
    for each in (node, other):
        ring = await each.ring()
        assert ring.published.count(b'"kid"') == 2
        for now, signs in ((0, first), (start + 90 * DAY_MS - 1, first), (2**60, second)):
            found = ring.signer(ORG, ES256, now)
            assert found is not None
            assert found.kid == signs.key_id.hex()
    assert await node.keys.rotate_due() == 0


async def test_a_command_brings_the_next_key_forward_once(
    node: JwtNode, second_store: OpenStore, clock: FakeClock
) -> None:
    other = node_on(second_store, clock)
    await node.keys.ensure(ORG, ES256)
    await node.keys.ensure(OTHER_ORG, EDDSA)
    found = await asyncio.gather(node.keys.rotate(ORG), other.keys.rotate(ORG))
    assert sorted(is_new for [(_, is_new)] in found) == [False, True]
    assert len({key.key_id for [(key, _)] in found}) == 1
    assert len(await node.private()) == 3
    assert sorted(is_new for _, is_new in await node.keys.rotate(None)) == [False, True]


async def test_a_key_leaves_when_its_last_token_has_expired(
    node: JwtNode, clock: FakeClock
) -> None:
    await node.keys.ensure(ORG, ES256)
    clock.advance(1)
    await node.keys.rotate(ORG)
    first, second = await node.private()
    assert first.retired_at is not None
    upkeep = Upkeep(node.store, clock)
    clock.step((first.retired_at - clock.now_ms()) / 1000 + MAX_JWT_LIFETIME + 600)
    await upkeep.finish()
    assert first in await node.private()
    clock.advance(2 * 86_400)
    await upkeep.finish()
    assert await node.private() == [second]


async def test_upkeep_lets_keys_follow_while_the_clock_may_be_believed(
    node: JwtNode, clock: FakeClock
) -> None:
    asked = []

    async def rotate() -> int:
        asked.append(clock.now_ms())
        return 0

    class RightClock(FakeClock):
        def now_ms(self) -> int:
            return self.store_ms

        store_ms = 0

    right = RightClock()
    right.store_ms = await node.store.write(lambda t: t.upkeep.time())
    held_back: list[str] = []
    upkeep = Upkeep(node.store, right, held_back=held_back.append, rotate=rotate)
    await upkeep.clean()
    assert len(asked) == 1
    right.store_ms += 2 * 3_600_000
    await upkeep.clean()
    assert len(asked) == 1
    assert len(held_back) == 1


async def test_a_store_that_is_away_delays_a_rotation_and_breaks_nothing(
    node: JwtNode, clock: FakeClock
) -> None:
    answers: list[Exception | int] = [StorageUnavailable("away"), StorageUnavailable("away"), 1]
    waited = []

    async def rotate() -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    class RightClock(FakeClock):
        now = 0

        def now_ms(self) -> int:
            return self.now

    right = RightClock()
    right.now = await node.store.write(lambda t: t.upkeep.time())
    await Upkeep(node.store, right, rotate=rotate, sleep=sleep).clean()
    assert answers == []
    assert len(waited) >= 2


async def test_ending_tokens_removes_private_keys_and_the_next_use_makes_one(
    backend: Backend, node: JwtNode, clock: FakeClock
) -> None:
    for organization_id in (ORG, OTHER_ORG):
        await node.keys.ensure(organization_id, ES256)
    before = await node.private()
    await node.store.write(lambda t: token_keys(clock).rotate(t, ORG, end_tokens=True))
    clock.advance(backend.lag)
    assert [key.organization_id for key in await node.private()] == [OTHER_ORG]
    assert (await node.ring()).signer(ORG, ES256, clock.now_ms()) is None
    await node.keys.ensure(ORG, ES256)
    assert not {key.key_id for key in await node.private() if key.organization_id == ORG} & {
        key.key_id for key in before
    }
    await node.store.write(token_keys(clock).recover)
    assert await node.private() == []
    clock.advance(backend.lag)
    assert (await node.ring()).published == b'{"keys":[]}'


async def test_a_successor_of_a_key_that_was_removed_meanwhile_is_a_first_one(
    node: JwtNode, clock: FakeClock
) -> None:
    await node.keys.ensure(ORG, ES256)
    clock.advance(1)
    [key] = await node.private()

    async def succeed() -> SealedKey:
        return (await node.keys._succeed(key, "rotation")).key

    await node.store.write(lambda t: t.keys.remove(ORG))
    made = await succeed()
    assert made.signs_from == clock.now_ms()
    assert (await succeed()).key_id == made.key_id


async def test_another_master_key_opens_private_keys_all_or_none(
    backend: Backend, node: JwtNode, second_store: OpenStore, clock: FakeClock
) -> None:
    await node.keys.ensure(ORG, ES256)
    before = await node.ring()
    assert await node.store.write(token_keys(clock, BOTH).reseal) == 3
    [key] = await node.private()
    assert key.algorithm is ES256
    read_private_key(ES256, NEW.open(key.sealed, key.context))
    after = await node_on(second_store, clock, NEW).ring()
    assert after.published == before.published
    with pytest.raises(SetupError, match="another master key"):
        await node.keys.ensure(ORG, EDDSA)
    clock.advance(backend.lag)
    with pytest.raises(StorageUnavailable):
        await node.ring()


async def test_a_key_opens_as_what_it_was_sealed_as_alone(node: JwtNode, clock: FakeClock) -> None:
    await node.keys.ensure(ORG, ES256)
    [key] = await node.private()
    OLD.open(key.sealed, key.context)
    for other in (
        msgspec.structs.replace(key, algorithm=EDDSA),
        msgspec.structs.replace(key, algorithm=None),
        msgspec.structs.replace(key, organization_id=OTHER_ORG),
        msgspec.structs.replace(key, key_id=bytes(8)),
    ):
        with pytest.raises(SetupError):
            OLD.open(key.sealed, other.context)


async def test_a_private_key_is_no_key_of_opaque_tokens_and_the_reverse(node: JwtNode) -> None:
    await node.keys.ensure(ORG, ES256)
    [key] = await node.private()
    assert await node.store.read(lambda s: s.keys.get(key.key_id)) is None
    newest = await node.store.read(lambda s: s.keys.newest(ORG))
    assert newest is not None
    assert newest.algorithm is None
    await node.store.write(put(a_key(5, created_at=2**42)))
    assert await node.private() == [key]
    assert len(await node.store.read(lambda s: s.keys.all())) == 4


async def test_a_life_of_a_key_is_recorded(node: JwtNode, clock: FakeClock) -> None:
    await node.keys.ensure(ORG, ES256)
    clock.advance(1)
    await node.keys.rotate(ORG)
    for key, action in zip(await node.private(), ("Create", "Regenerate"), strict=True):
        key_id = key.key_id.hex()
        [event] = await node.store.read(lambda s, k=key_id: s.audit.of_entity(ORG, k, 9))  # type: ignore[misc]
        assert (event.action, event.entity_type) == (action, "TokenKey")
        changes = {change.property: change.new_values for change in event.changes}
        assert changes["algorithm"] == ["ES256"]
        assert changes["signs_from"] == [key.signs_from]


async def test_what_is_published_stays_small(
    node: JwtNode, monkeypatch: pytest.MonkeyPatch, clock: FakeClock
) -> None:
    monkeypatch.setattr(jwt_keys, "MOST_SIGNERS", 2)
    await node.keys.ensure(ORG, ES256)
    await node.keys.ensure(OTHER_ORG, ES256)
    with pytest.raises(ApiError) as caught:
        await node.keys.ensure(ORG, EDDSA)
    assert [problem.field for problem in caught.value.problems] == ["jwt_algorithm"]
    clock.advance(1)
    assert len(await node.keys.rotate(None)) == 2  # what is there goes on


async def test_no_key_of_opaque_tokens_in_memory_is_older_than_the_private_ones(
    node: JwtNode, second_store: OpenStore, clock: FakeClock
) -> None:
    """Who signs a JWT knows by it whether every token was ended, though nothing is heard yet."""
    reads = node_on(second_store, clock).reads
    first = await reads.newest_signing_key(ORG)
    assert await reads.signing_key(first.key_id) is not None
    await node.store.write(lambda t: token_keys(clock).rotate(t, ORG, end_tokens=True))
    await node.keys.ensure(ORG, ES256)
    assert await reads.signing_key(first.key_id) is not None
    assert not await reads.has_key(first.key_id)
    assert (await reads.jwt_keys()).signer(ORG, ES256, clock.now_ms()) is not None
    assert await reads.signing_key(first.key_id) is None
    assert await reads.has_key((await reads.newest_signing_key(ORG)).key_id)
