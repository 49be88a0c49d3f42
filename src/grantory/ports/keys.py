"""Token keys in the store, encrypted by the master key."""

from typing import Protocol

from grantory.domain.token import SealedKey


class KeyReader(Protocol):
    """Looks keys up."""

    def get(self, key_id: bytes) -> SealedKey | None:
        """Returns a key by its id, which is unique in the whole store."""
        ...

    def newest(self, organization_id: str) -> SealedKey | None:
        """Returns the organisation's newest key."""
        ...


class KeyWriter(KeyReader, Protocol):
    """Changes keys."""

    def add(self, key: SealedKey) -> None:
        """Adds a key."""
        ...
