"""Access tokens: what they say, and when they are still good.

A token carries the *epochs* of its organisation, client and user at the time of issue. Ending
tokens raises an epoch, and a token whose epochs are not equal to the rows' is refused: exact,
without a row per token, and without any clock.
"""

from functools import cached_property
from typing import Final

import msgspec

from grantory.domain.keyed_mac import KeyedMac
from grantory.domain.signing import SigningAlgorithm

CLOCK_SLACK_SECONDS: Final = 86_400
"""A token that was ended stays so when the time of day is set back by up to a day."""


class AccessToken(msgspec.Struct, frozen=True, kw_only=True):
    """What a signed access token says. Times in whole seconds since 1970 (UTC)."""

    token_id: bytes
    """16 random bytes; the deny-list knows a single token by it."""
    organization_id: str
    client_id: str
    user_id: str | None
    """None when the client acts for itself."""
    issued_at: int
    expires_at: int
    organization_epoch: int
    client_epoch: int
    user_epoch: int = 0
    scopes: tuple[str, ...] = ()
    family_id: str | None = None
    """The authorization that it came from, where that can be ended by itself."""
    family_epoch: int = 0

    @property
    def subject_id(self) -> str:
        """Whose rights the token carries: the user's, or the client's own."""
        return self.user_id or self.client_id


class SigningKey(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A key that authenticates the opaque tokens of one organisation, opened for use."""

    key_id: bytes
    organization_id: str
    material: bytes
    created_at: int

    def __repr__(self) -> str:
        return f"SigningKey({self.key_id.hex()})"

    @cached_property
    def mac(self) -> KeyedMac:
        """Authenticates under this key."""
        return KeyedMac(self.material)


class SealedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A signing key as the store holds it: encrypted by the master key.

    Times are milliseconds since 1970 (UTC).
    """

    key_id: bytes
    organization_id: str
    sealed: bytes
    created_at: int
    retired_at: int | None = None
    """From when it signs nothing new; the tokens that it signed are good until they expire."""
    expires_at: int | None = None
    """When the last of those has expired."""
    algorithm: SigningAlgorithm | None = None
    """Of a private key that signs JWTs; None for one that authenticates opaque tokens."""
    signs_from: int | None = None
    """From when a private key signs; its public half is published from the beginning."""

    @property
    def context(self) -> bytes:
        """Under which it is sealed, so that rows cannot be swapped or take another's place."""
        return key_context(self.key_id, self.organization_id, self.algorithm)


class DeniedToken(msgspec.Struct, frozen=True, kw_only=True):
    """A single token ended before its time. ``expires_at`` in seconds since 1970."""

    token_id: bytes
    organization_id: str
    expires_at: int


def key_context(
    key_id: bytes, organization_id: str, algorithm: SigningAlgorithm | None = None
) -> bytes:
    """Makes the context under which a key is sealed, so that rows cannot be swapped."""
    kind = b"token key" if algorithm is None else b"jwt key " + algorithm.encode()
    return b"grantory " + kind + b"\x00" + key_id + organization_id.encode()
