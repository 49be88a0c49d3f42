"""Token keys in the store, encrypted by the master key."""

from typing import Protocol

from grantory.domain.token import SealedKey


class KeyReader(Protocol):
    """Looks keys up."""

    def get(self, key_id: bytes) -> SealedKey | None:
        """Returns a key by its id, which is unique in the whole store."""
        ...

    def newest(self, organization_id: str) -> SealedKey | None:
        """Returns the organisation's newest key that is not retired."""
        ...

    def all(self) -> list[SealedKey]:
        """Returns every key, retired ones too, oldest first."""
        ...


class KeyWriter(KeyReader, Protocol):
    """Changes keys."""

    def add(self, key: SealedKey) -> None:
        """Adds a key."""
        ...

    def retire(self, organization_id: str, retired_at: int, expires_at: int) -> None:
        """Lets an organisation's keys sign nothing new, except those retired before.

        Args:
            organization_id: whose keys.
            retired_at: the time now.
            expires_at: when the last of their tokens will have expired.
        """
        ...

    def remove(self, organization_id: str) -> None:
        """Removes an organisation's keys: every token that they signed is refused."""
        ...

    def replace_sealed(self, key: SealedKey) -> None:
        """Keeps the same key encrypted anew."""
        ...
