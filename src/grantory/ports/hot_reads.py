"""What every request asks for, answered from memory and exact at the time of asking."""

from typing import Final, Protocol

from grantory.crypto.jwt_keys import JwtKeyring
from grantory.domain.access import Rights
from grantory.domain.client import ClientRecord
from grantory.domain.code import TokenFamily
from grantory.domain.organization import Organization, User
from grantory.domain.registered_client import RegisteredClient
from grantory.domain.token import SigningKey

KINDS: Final = (
    *("client", "registered_client", "organization", "user", "family", "grants", "key"),
    *("jwt_keyring", "denied_token"),
)
"""What is kept in memory."""


class HotReads(Protocol):
    """Look-ups by key. Whatever was committed before ``refresh`` was called is seen after it.

    A caller refreshes once at the start of each decision; the cost is shared by all
    decisions of the same turn of the event loop.
    """

    generation: int
    """Raised by whatever is heard of: what was decided by nothing but hot reads holds as long as it
    stays the same."""

    def is_fresh(self) -> bool:
        """Tells whether ``refresh`` would find nothing to do, and need not be called."""
        ...

    async def refresh(self) -> None:
        """Forgets what has changed since the last time."""
        ...

    def is_caught_up(self) -> bool:
        """Tells whether ``catch_up`` would find nothing to do, and need not be called."""
        ...

    async def catch_up(self) -> None:
        """Forgets what has changed up to this very moment, where ``refresh`` may trust a lease."""
        ...

    def remembered_client(self, client_id: str, /) -> ClientRecord | None:
        """Returns the client if it is in memory; None says nothing about the store.

        This and its neighbours are for what is asked again and again: a coroutine fewer.
        """
        ...

    def remembered_registered(self, client_id: str, /) -> RegisteredClient | None:
        """Returns what ``registered_client`` would, if it is in memory."""
        ...

    def remembered_organization(self, organization_id: str, /) -> Organization | None:
        """Returns the organisation if it is in memory."""
        ...

    def remembered_rights(self, subject_id: str, /) -> Rights | None:
        """Returns what a client or user may do if it is in memory."""
        ...

    def remembered_jwt_keys(self) -> JwtKeyring | None:
        """Returns every private key, opened, if they are in memory."""
        ...

    def remembered_signing_key(self, organization_id: str, /) -> SigningKey | None:
        """Returns what ``newest_signing_key`` would, if it is in memory."""
        ...

    async def load_client(self, client_id: str) -> ClientRecord | None:
        """Reads the client from the store, whatever is in memory."""
        ...

    async def client(self, client_id: str) -> ClientRecord | None:
        """Returns a client that exists, with its live secrets."""
        ...

    async def registered_client(self, client_id: str) -> RegisteredClient | None:
        """Returns a client that exists, with the roles that it holds."""
        ...

    async def organization(self, organization_id: str) -> Organization | None:
        """Returns an organisation."""
        ...

    async def user(self, user_id: str) -> User | None:
        """Returns a user that exists."""
        ...

    async def family(self, family_id: str) -> TokenFamily | None:
        """Returns a family of tokens; its generation may be an old one."""
        ...

    async def rights(self, subject_id: str) -> Rights:
        """Returns what a client or user may do; nothing for an unknown subject."""
        ...

    async def signing_key(self, key_id: bytes) -> SigningKey | None:
        """Returns an opened key of opaque tokens, which was there when ``jwt_keys`` were read."""
        ...

    async def has_key(self, key_id: bytes) -> bool:
        """Asks the store whether a key of opaque tokens is there, retired or not."""
        ...

    async def newest_signing_key(self, organization_id: str) -> SigningKey:
        """Returns the key that signs an organisation's new opaque tokens."""
        ...

    async def jwt_keys(self) -> JwtKeyring:
        """Returns every private key, opened."""
        ...

    async def is_denied(self, token_id: bytes) -> bool:
        """Tells whether a single token was ended."""
        ...
