"""What every store promises where another program has left its keys, or some cannot be opened."""

import asyncio
from collections.abc import Callable
from typing import cast

import msgspec
import pytest
from sqlalchemy import bindparam as p
from sqlalchemy import delete, update

from grantory.crypto.private_keys import new_private_key
from grantory.crypto.runtime import SystemRandom
from grantory.domain.signing import SigningAlgorithm
from grantory.domain.token import SealedKey
from grantory.errors import SetupError, StorageUnavailable
from grantory.ports.storage import Transaction
from grantory.registry.jwt_keys import KEPT_MS, JwtKeys
from grantory.registry.upkeep import Upkeep
from grantory.storage.database import OpenStore
from grantory.storage.sql.keys import TOKEN_KEY
from grantory.storage.sql.statement import Statement
from grantory.storage.sql.tables import keys
from grantory.storage.sql.transaction import SqlTransaction
from tests.support.backends import Backend
from tests.support.entities import ORG, OTHER_ORG
from tests.support.jwt_nodes import LIFE, OLD, JwtNode, node_on, set_up_node, token_keys
from tests.support.runtime import FakeClock

ES256 = SigningAlgorithm.ES256


@pytest.fixture
async def node(store: OpenStore, clock: FakeClock) -> JwtNode:
    return await set_up_node(store, clock)


REMOVE_OPAQUE = Statement(
    delete(keys).where(keys.c.organization_id == p("organization"), keys.c.purpose == TOKEN_KEY)
)
MAKE_NEWER = Statement(update(keys).where(keys.c.signs_from.is_not(None)).values(purpose=p("x")))


def run(transaction: Transaction, statement: Statement, **values: str) -> None:
    cast(SqlTransaction, transaction)._sql.run(statement, **values)


async def end_tokens_as_before(node: JwtNode, clock: FakeClock) -> None:
    """As ``keys rotate --end-tokens`` of a program that knows no private keys."""

    def work(transaction: Transaction) -> None:
        run(transaction, REMOVE_OPAQUE, organization=ORG)
        token_keys(clock).add_first(transaction, ORG)

    await node.store.write(work)


async def test_a_program_that_knows_no_private_keys_ends_their_tokens_all_the_same(
    backend: Backend, node: JwtNode, clock: FakeClock
) -> None:
    for organization_id in (ORG, OTHER_ORG):
        await node.keys.ensure(organization_id, ES256)
    clock.advance(1)
    await node.keys.rotate(ORG)
    mine, theirs = [
        [key.key_id for key in await node.private() if key.organization_id == each]
        for each in (ORG, OTHER_ORG)
    ]
    assert (len(mine), len(theirs)) == (2, 1)
    clock.advance(1)
    await end_tokens_as_before(node, clock)
    clock.advance(backend.lag)
    assert [key.key_id for key in await node.private()] == theirs
    ring = await node.ring()
    assert ring.signer(ORG, ES256, clock.now_ms()) is None
    assert ring.published_of(ORG) == b'{"keys":[]}'
    await node.keys.ensure(ORG, ES256)
    clock.advance(backend.lag)
    found = (await node.ring()).signer(ORG, ES256, clock.now_ms())
    assert found is not None
    assert bytes.fromhex(found.kid) not in mine
    assert len(await all_keys(node)) == 6
    await Upkeep(node.store, clock).finish()
    assert len(await all_keys(node)) == 4
    assert len(await node.private()) == 2


async def all_keys(node: JwtNode) -> list[SealedKey]:
    return await node.store.read(lambda s: s.keys.all())


async def test_a_rotation_of_opaque_keys_leaves_private_ones_alone(
    node: JwtNode, clock: FakeClock
) -> None:
    await node.keys.ensure(ORG, ES256)
    [key] = await node.private()
    clock.advance(1)
    await node.store.write(lambda t: token_keys(clock).rotate(t, ORG, end_tokens=False))
    await Upkeep(node.store, clock).finish()
    assert await node.private() == [key]


async def test_a_clock_that_was_ahead_when_tokens_ended_holds_no_new_key_up(
    node: JwtNode, clock: FakeClock
) -> None:
    clock.step(600)
    await node.store.write(lambda t: token_keys(clock).rotate(t, ORG, end_tokens=True))
    clock.step(-600)
    await node.keys.ensure(ORG, ES256)
    await node.keys.ensure(ORG, ES256)
    [key] = await node.private()
    assert key.signs_from == clock.now_ms()
    assert (await node.ring()).signer(ORG, ES256, clock.now_ms()) is not None


async def test_one_key_that_cannot_be_opened_holds_nobody_else_up(
    backend: Backend, node: JwtNode, second_store: OpenStore, clock: FakeClock
) -> None:
    for organization_id in (ORG, OTHER_ORG):
        await node.keys.ensure(organization_id, ES256)
    before = await node.ring()
    lost, good = [before.signer(each, ES256, clock.now_ms()) for each in (ORG, OTHER_ORG)]
    assert lost is not None
    assert good is not None

    def spoil(transaction: Transaction) -> None:
        [key] = [key for key in transaction.keys.private() if key.organization_id == ORG]
        broken = key.sealed[:-1] + bytes([key.sealed[-1] ^ 1])
        transaction.keys.replace_sealed(msgspec.structs.replace(key, sealed=broken))

    await node.store.write(spoil)
    other = node_on(second_store, clock)
    told: list[str] = []
    other.reads.tell(lambda key, _error: told.append(key.key_id.hex()))

    async def look() -> None:
        ring = await other.ring()
        asked: tuple[Callable[[], object], ...] = (
            lambda: ring.of_header(lost.header),
            lambda: ring.signer(ORG, ES256, clock.now_ms()),
            lambda: ring.published_of(ORG),
        )
        for ask in asked:
            with pytest.raises(StorageUnavailable):
                ask()
        there = ring.of_header(good.header)
        assert there is not None
        assert there is ring.signer(OTHER_ORG, ES256, clock.now_ms())
        assert ring.published == ring.published_of(OTHER_ORG)
        assert good.kid.encode() in ring.published
        assert ring.of_header(b"eyJ9.") is None

    await look()
    await node.keys.ensure(OTHER_ORG, SigningAlgorithm.EDDSA)  # so that all is read anew
    clock.advance(backend.lag)
    await look()
    assert told == [lost.kid]


async def test_keys_for_what_a_newer_program_does_are_left_alone(
    node: JwtNode, clock: FakeClock
) -> None:
    await node.keys.ensure(ORG, ES256)
    [key] = await node.private()
    known = await all_keys(node)
    await node.store.write(lambda t: run(t, MAKE_NEWER, x="x"))
    assert await node.private() == []
    assert await all_keys(node) == [each for each in known if each != key]
    with pytest.raises(SetupError, match=r"does not know \(x\)"):
        await node.store.write(token_keys(clock).reseal)
    await node.keys.ensure(ORG, ES256)
    await node.store.write(lambda t: token_keys(clock).rotate(t, ORG, end_tokens=True))
    assert await node.store.read(lambda s: s.keys.unknown_purposes()) == []


async def test_fifty_first_uses_at_once_make_one_key_and_open_it_once(
    node: JwtNode, clock: FakeClock
) -> None:
    made: list[SigningAlgorithm] = []

    def make(algorithm: SigningAlgorithm) -> bytes:
        made.append(algorithm)
        return new_private_key(algorithm)

    source = JwtKeys(node.store, clock, SystemRandom(), OLD, LIFE, make)
    await asyncio.gather(*(source.ensure(ORG, ES256) for _ in range(50)))
    assert made == [ES256]
    loaded: list[str] = []
    node.reads.count_for(loaded.append, lambda _kind: None)
    await node.reads.catch_up()
    rings = await asyncio.gather(*(node.reads.jwt_keys() for _ in range(50)))
    assert loaded == ["jwt_keyring"]
    assert len(set(map(id, rings))) == 1


async def test_what_is_published_ends_with_the_row_in_every_process(
    backend: Backend, node: JwtNode, second_store: OpenStore, clock: FakeClock
) -> None:
    other = node_on(second_store, clock)
    await node.keys.ensure(ORG, ES256)
    clock.advance(1)
    await node.keys.rotate(ORG)
    clock.advance(backend.lag)
    assert (await other.ring()).published.count(b'"kid"') == 2
    clock.step(70 * 60 + KEPT_MS / 1000 + 2 * 86_400)
    await Upkeep(node.store, clock).finish()
    clock.advance(backend.lag)
    assert (await other.ring()).published.count(b'"kid"') == 1
