"""Private keys of JWTs: made when they are needed, published ahead, rotated and retired.

All of a key's life is written down when it is made: from when it signs, and with that until when
the one before it does. Nothing more has to happen at any moment, so it is the same in every
process, and one that comes late or stops can break nothing.
"""

import asyncio
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from grantory.crypto.private_keys import new_private_key
from grantory.domain.audit import PropertyChange
from grantory.domain.signing import MAX_JWT_LIFETIME, SigningAlgorithm
from grantory.domain.token import SealedKey
from grantory.errors import FieldProblem, invalid
from grantory.ports.runtime import Clock, KeySealer, Random
from grantory.ports.storage import Snapshot, Store, Transaction
from grantory.registry.keys import KEY_ID_BYTES, locked_sealer, record_key_change, sealed_key

MINUTE_MS: Final = 60_000
DAY_MS: Final = 86_400_000
KEPT_MS: Final = (MAX_JWT_LIFETIME + 600) * 1000
"""A retired key verifies for as long as the longest-lived token it can have signed, and ten
minutes more: another node's clock may be behind."""
MOST_SIGNERS: Final = 500
"""Organisations and algorithms with keys: what is published of them all must stay small."""


class KeyLife(msgspec.Struct, frozen=True):
    """How long a private key is published before it signs, and how long it signs."""

    publish_minutes: int = 70
    rotation_days: int = 90


class Succession(NamedTuple):
    """The key that will sign next, and whether it was made just now."""

    key: SealedKey
    is_new: bool


class JwtKeys:
    """Makes private keys, each in a transaction of its own; implements ``JwtKeySource``.

    Args:
        store: holds them.
        clock: the time of day.
        random: for their ids.
        sealer: the master key.
        life: how long they are published and sign.
        make: makes what a key consists of; called on a thread.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        random: Random,
        sealer: KeySealer,
        life: KeyLife,
        make: Callable[[SigningAlgorithm], bytes] = new_private_key,
    ) -> None:
        self._store = store
        self._clock = clock
        self._random = random
        self._sealer = sealer
        self._life = life
        self._make = make
        self._making = asyncio.Lock()
        self._looks = 0
        self._there: dict[tuple[str, SigningAlgorithm], int] = {}
        """By which look a key was there, or made."""

    async def ensure(self, organization_id: str, algorithm: SigningAlgorithm) -> None:
        """Makes an organisation's first key of an algorithm, if it has none.

        It signs at once: without it there would be no token until everybody has heard of it.

        Raises:
            ApiError: 400 when the server publishes as many keys as it can.
        """
        signer = (organization_id, algorithm)
        looks = self._looks
        async with self._making:
            if self._there.get(signer, 0) > looks:  # somebody has looked after this was asked
                return
            self._looks += 1
            await self._make_first(signer)
            self._there[signer] = self._looks

    async def _make_first(self, signer: tuple[str, SigningAlgorithm]) -> None:
        there = await self._store.read(_last_keys)
        if signer in there:
            return
        if len(there) >= MOST_SIGNERS:
            raise invalid(_too_many())
        material = await asyncio.to_thread(self._make, signer[1])

        def work(transaction: Transaction) -> None:
            sealer = locked_sealer(transaction, self._sealer)
            last = _last_keys(transaction)
            if signer in last:  # another process was faster
                return
            if len(last) >= MOST_SIGNERS:
                raise invalid(_too_many())
            now = self._clock.now_ms()
            self._add(transaction, sealer, signer, material, now, "Create", "first use")

        await self._store.write(work)

    async def rotate(self, organization_id: str | None) -> list[Succession]:
        """Publishes a successor of every key that signs, by command.

        Args:
            organization_id: whose; None for everybody's.

        Returns:
            For each the key that will take over, which may have been waiting already.
        """
        last = await self._store.read(_last_keys)
        wanted = [key for key in last.values() if organization_id in (None, key.organization_id)]
        return [await self._succeed(key, "rotation") for key in wanted]

    async def rotate_due(self) -> int:
        """Publishes the successors of the keys that have signed for long enough.

        Any number of processes may do so at once: one of them makes the key.

        Returns:
            How many keys this one made.
        """
        last = await self._store.read(_last_keys)
        due = self._clock.now_ms() - self._life.rotation_days * DAY_MS + self._ahead_ms
        made = [
            await self._succeed(key, "schedule")
            for key in last.values()
            if (key.signs_from or 0) <= due
        ]
        return sum(succession.is_new for succession in made)

    @property
    def _ahead_ms(self) -> int:
        return self._life.publish_minutes * MINUTE_MS

    async def _succeed(self, key: SealedKey, reason: str) -> Succession:
        signer = _signer(key)
        material = await asyncio.to_thread(self._make, signer[1])

        def work(transaction: Transaction) -> Succession:
            sealer = locked_sealer(transaction, self._sealer)
            last = _last_keys(transaction).get(signer)
            now = self._clock.now_ms()
            if last is None:  # all were removed meanwhile: that one is the first again
                made = self._add(transaction, sealer, signer, material, now, "Create", reason)
                return Succession(made, True)
            if last.key_id != key.key_id or (last.signs_from or 0) > now:
                return Succession(last, False)
            start = now + self._ahead_ms
            transaction.keys.retire_private(last.key_id, start, start + KEPT_MS)
            made = self._add(transaction, sealer, signer, material, start, "Regenerate", reason)
            return Succession(made, True)

        return await self._store.write(work)

    def _add(
        self,
        transaction: Transaction,
        sealer: KeySealer,
        signer: tuple[str, SigningAlgorithm],
        material: bytes,
        signs_from: int,
        action: str,
        reason: str,
    ) -> SealedKey:
        organization_id, algorithm = signer
        now = self._clock.now_ms()
        newest = transaction.keys.newest(organization_id)
        key = SealedKey(
            key_id=self._random.token_bytes(KEY_ID_BYTES),
            organization_id=organization_id,
            sealed=b"",
            # Not before the key of opaque tokens, which a clock that is ahead may have dated.
            created_at=now if newest is None else max(now, newest.created_at),
            algorithm=algorithm,
            signs_from=signs_from,
        )
        made = sealed_key(key, material, sealer)
        transaction.keys.add(made)
        changes = (
            PropertyChange("reason", [], [reason]),
            PropertyChange("algorithm", [], [algorithm.value]),
            PropertyChange("signs_from", [], [signs_from]),
        )
        record_key_change(transaction, now, made, action, *changes)
        return made


def _too_many() -> FieldProblem:
    text = f"must be OPAQUE: this server publishes {MOST_SIGNERS} organisations' keys, and no more"
    return FieldProblem("jwt_algorithm", "invalid.value", text)


def _last_keys(reader: Snapshot | Transaction) -> dict[tuple[str, SigningAlgorithm], SealedKey]:
    """Finds of each organisation and algorithm the key that no other follows yet."""
    return {_signer(key): key for key in reader.keys.private() if key.retired_at is None}


def _signer(key: SealedKey) -> tuple[str, SigningAlgorithm]:
    if key.algorithm is None:
        raise LookupError("a key of opaque tokens signs no JWT")
    return key.organization_id, key.algorithm
