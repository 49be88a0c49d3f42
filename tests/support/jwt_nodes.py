"""Processes that make and read the private keys of JWTs, on a store with two organisations."""

import asyncio
from typing import NamedTuple

from grantory.crypto.jwt_keys import JwtKeyring
from grantory.crypto.runtime import SystemRandom
from grantory.crypto.sealing import MasterKey
from grantory.domain.token import SealedKey
from grantory.ports.storage import Transaction
from grantory.registry.jwt_keys import JwtKeys, KeyLife
from grantory.registry.keys import TokenKeys
from grantory.storage.database import OpenStore
from grantory.storage.hot_reads import RememberedReads
from tests.support.entities import ORG, OTHER_ORG, an_organization, put
from tests.support.runtime import FakeClock

OLD = MasterKey(b"o" * 32)
LIFE = KeyLife(publish_minutes=70, rotation_days=90)


class JwtNode(NamedTuple):
    """What one process has of a store."""

    store: OpenStore
    keys: JwtKeys
    reads: RememberedReads

    async def private(self) -> list[SealedKey]:
        """Every private key that counts."""
        return await self.store.read(lambda s: s.keys.private())

    async def ring(self) -> JwtKeyring:
        """What it remembers, asked as a request asks."""
        await asyncio.sleep(0)  # as every request comes in a turn of its own
        await self.reads.refresh()
        return await self.reads.jwt_keys()


def node_on(store: OpenStore, clock: FakeClock, master_key: MasterKey = OLD) -> JwtNode:
    """A process on a store."""
    keys = JwtKeys(store, clock, SystemRandom(), master_key, LIFE)
    return JwtNode(store, keys, RememberedReads(store, store.feed, master_key))


def token_keys(clock: FakeClock, master_key: MasterKey = OLD) -> TokenKeys:
    """What changes the keys of opaque tokens, and ends all."""
    return TokenKeys(clock, SystemRandom(), master_key)


async def set_up_node(store: OpenStore, clock: FakeClock) -> JwtNode:
    """Set the store up, with a key of opaque tokens for each organisation."""

    def work(transaction: Transaction) -> None:
        transaction.installation.set_up(OLD.check_value(), 1)
        put(an_organization(1), an_organization(2))(transaction)
        for organization_id in (ORG, OTHER_ORG):
            token_keys(clock).add_first(transaction, organization_id)

    await store.write(work)
    return node_on(store, clock)
