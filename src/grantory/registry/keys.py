"""Token keys: making and retiring them, ending all tokens, and another master key."""

from typing import Final, NamedTuple

import msgspec

from grantory.domain.audit import PropertyChange
from grantory.domain.client import MAX_MACHINE_TOKEN_LIFETIME
from grantory.domain.organization import Organization
from grantory.domain.token import SealedKey
from grantory.errors import SetupError
from grantory.ports.runtime import Clock, KeySealer, Random
from grantory.ports.storage import Transaction
from grantory.registry.actor import system_actor

KEY_BYTES: Final = 32
KEY_ID_BYTES: Final = 8
ENTITY: Final = "TokenKey"
RETIRED_KEPT_MS: Final = (MAX_MACHINE_TOKEN_LIFETIME + 600) * 1000
"""A retired key verifies for as long as the longest-lived token it can have signed, and ten
minutes more: a node may go on signing with it until it has heard."""


class NewKey(NamedTuple):
    """A key that was made, and for whom."""

    organization: Organization
    key: SealedKey


class TokenKeys:
    """Changes token keys, in transactions of its callers: each all at once, or not at all.

    Args:
        clock: tells when.
        random: makes the keys.
        sealer: the master key.
    """

    def __init__(self, clock: Clock, random: Random, sealer: KeySealer) -> None:
        self._clock = clock
        self._random = random
        self._sealer = sealer

    def add_first(self, transaction: Transaction, organization_id: str) -> None:
        """Gives an organisation that is being founded its first key.

        Raises:
            SetupError: when the store was set up with another master key.
        """
        sealer = locked_sealer(transaction, self._sealer)
        transaction.keys.add(self._make(sealer, organization_id))

    def rotate(
        self, transaction: Transaction, organization_id: str | None, *, end_tokens: bool
    ) -> list[NewKey]:
        """Gives organisations new keys of opaque tokens.

        Args:
            transaction: where.
            organization_id: whose; None for everybody's.
            end_tokens: whether the earlier keys are removed, those of JWTs too, so that their
                tokens are refused; otherwise they verify until the last of those has expired.

        Raises:
            SetupError: when the store was set up with another master key.
        """
        sealer = locked_sealer(transaction, self._sealer)
        wanted = [
            organization
            for organization in transaction.organizations.all()
            if organization_id in (None, organization.id)
        ]
        return [self._renew(transaction, sealer, one, end_tokens, "rotation") for one in wanted]

    def end_every_token(self, transaction: Transaction, reason: str) -> list[NewKey]:
        """Removes every key, with which access and refresh tokens end, and makes new ones.

        A key of JWTs is made when the next of them is asked for.

        Args:
            transaction: where.
            reason: what the audit event is to say.

        Raises:
            SetupError: when the store was set up with another master key.
        """
        sealer = locked_sealer(transaction, self._sealer)
        return [
            self._renew(transaction, sealer, organization, True, reason)
            for organization in transaction.organizations.all()
        ]

    def end_every_login(self, transaction: Transaction) -> None:
        """Logs everybody out and removes every authorization code.

        A session that was ended after a backup, or by a change that was lost, would be good again
        otherwise.
        """
        transaction.logins.end_all()
        transaction.codes.remove_all()

    def recover(self, transaction: Transaction) -> list[NewKey]:
        """Makes a store safe that may have lost its newest changes.

        What was revoked by a lost change counts no more, so every token ends; and processes
        that have heard of lost changes forget all they remember.

        Raises:
            SetupError: when the store was set up with another master key.
        """
        made = self.end_every_token(transaction, "recovery")
        self.end_every_login(transaction)
        transaction.installation.outdate_memories()
        return made

    def reseal(self, transaction: Transaction) -> int:
        """Encrypts every key anew, under the master key that seals; returns how many.

        Raises:
            SetupError: when one cannot be opened, or is of an unknown kind; then the transaction
                is to be undone.
        """
        locked_sealer(transaction, self._sealer)
        unknown = transaction.keys.unknown_purposes()
        if unknown:
            raise SetupError(
                f"the store has keys of a kind that this program does not know "
                f"({', '.join(unknown)}): replace the master key with the newest program that "
                "uses this store; nothing was changed"
            )
        keys = transaction.keys.all()
        for key in keys:
            opened = self._sealer.open(key.sealed, key.context)
            sealed = self._sealer.seal(opened, key.context)
            transaction.keys.replace_sealed(msgspec.structs.replace(key, sealed=sealed))
            self._record(transaction, key, "Update", PropertyChange("sealed", [], []))
        transaction.installation.replace_master_key_check(self._sealer.check_value())
        return len(keys)

    def _make(self, sealer: KeySealer, organization_id: str) -> SealedKey:
        key = SealedKey(
            key_id=self._random.token_bytes(KEY_ID_BYTES),
            organization_id=organization_id,
            sealed=b"",
            created_at=self._clock.now_ms(),
        )
        return sealed_key(key, self._random.token_bytes(KEY_BYTES), sealer)

    def _renew(
        self,
        transaction: Transaction,
        sealer: KeySealer,
        organization: Organization,
        end_tokens: bool,
        reason: str,
    ) -> NewKey:
        key = self._make(sealer, organization.id)
        now = key.created_at
        if end_tokens:
            transaction.keys.remove(organization.id)
        else:
            transaction.keys.retire(organization.id, now, now + RETIRED_KEPT_MS)
        transaction.keys.add(key)
        action = "Revoke" if end_tokens else "Regenerate"
        self._record(transaction, key, action, PropertyChange("reason", [], [reason]))
        return NewKey(organization, key)

    def _record(
        self, transaction: Transaction, key: SealedKey, action: str, change: PropertyChange
    ) -> None:
        record_key_change(transaction, self._clock.now_ms(), key, action, change)


def locked_sealer(transaction: Transaction, sealer: KeySealer) -> KeySealer:
    """Keeps the master key from being replaced, and keys from being made, meanwhile.

    Args:
        transaction: until whose end.
        sealer: the master key.

    Returns:
        What seals until then.

    Raises:
        SetupError: when the store was set up with another master key.
    """
    check = transaction.installation.lock()
    if check is None:
        raise SetupError("the store is not set up; nothing was changed")
    found = sealer.sealer_of(check)
    if found is None:
        raise SetupError("this store was set up with another master key; nothing was changed")
    return found


def sealed_key(key: SealedKey, material: bytes, sealer: KeySealer) -> SealedKey:
    """Gives a key with what it is made of, sealed."""
    return msgspec.structs.replace(key, sealed=sealer.seal(material, key.context))


def record_key_change(
    transaction: Transaction, now: int, key: SealedKey, action: str, *changes: PropertyChange
) -> None:
    """Records what became of a key, by the command line or the server itself."""
    actor = system_actor(key.organization_id)
    transaction.audit.add(actor.event(now, action, ENTITY, key.key_id.hex(), "", changes))
