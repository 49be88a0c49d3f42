"""Signing keys in the store, encrypted by the master key."""

from typing import Protocol

from grantory.domain.signing import SigningAlgorithm
from grantory.domain.token import SealedKey


class KeyReader(Protocol):
    """Looks keys up: those of opaque tokens, and private keys, which sign JWTs."""

    def get(self, key_id: bytes) -> SealedKey | None:
        """Returns a key of opaque tokens by its id, which is unique in the whole store."""
        ...

    def newest(self, organization_id: str) -> SealedKey | None:
        """Returns the organisation's newest key of opaque tokens that is not retired."""
        ...

    def private(self) -> list[SealedKey]:
        """Returns every private key that counts, in the order in which they sign.

        One that is older than every key of its organisation's opaque tokens counts no more: a
        program that knows no private keys has ended all tokens since.
        """
        ...

    def all(self) -> list[SealedKey]:
        """Returns every key of both kinds, retired ones too, oldest first."""
        ...

    def unknown_purposes(self) -> list[str]:
        """Lists what keys are for that a newer program has made; the others leave them out."""
        ...


class KeyWriter(KeyReader, Protocol):
    """Changes keys."""

    def add(self, key: SealedKey) -> None:
        """Adds a key."""
        ...

    def retire(self, organization_id: str, retired_at: int, expires_at: int) -> None:
        """Lets an organisation's keys of opaque tokens sign nothing new.

        Those that were retired before stay as they are.

        Args:
            organization_id: whose keys.
            retired_at: the time now.
            expires_at: when the last of their tokens will have expired.
        """
        ...

    def retire_private(self, key_id: bytes, retired_at: int, expires_at: int) -> None:
        """Lets a private key sign nothing from a time on.

        Args:
            key_id: which.
            retired_at: when its successor takes over.
            expires_at: when the last of its tokens will have expired.
        """
        ...

    def remove(self, organization_id: str) -> None:
        """Removes an organisation's keys of both kinds: every token of theirs is refused."""
        ...

    def replace_sealed(self, key: SealedKey) -> None:
        """Keeps the same key encrypted anew."""
        ...


class JwtKeySource(Protocol):
    """Sees to it that there is a key to sign with."""

    async def ensure(self, organization_id: str, algorithm: SigningAlgorithm) -> None:
        """Makes an organisation's first private key of an algorithm, if it has none.

        Raises:
            ApiError: 400 when the server publishes as many keys as it can.
        """
        ...
