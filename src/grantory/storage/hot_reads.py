"""The memory of hot reads: what every request asks for, without asking the database.

Exactness rests on three rules. Every change to a row that may be remembered writes a change
record in its own transaction. ``refresh`` makes sure before a decision that new records were
heard, and just those rows are forgotten. And absence is never remembered, so creating needs no
record. A row is kept only if nothing was heard while it was read.
"""

import asyncio
from collections.abc import Callable, Hashable, Iterator
from typing import Any, Final, TypeVar

from grantory.crypto.jwt_keys import JwtKey, JwtKeyring
from grantory.domain.access import Rights, rights_of
from grantory.domain.client import ClientRecord
from grantory.domain.code import TokenFamily
from grantory.domain.organization import Organization, User
from grantory.domain.registered_client import RegisteredClient
from grantory.domain.token import SealedKey, SigningKey
from grantory.errors import SetupError, StorageUnavailable
from grantory.ports.runtime import KeySealer
from grantory.ports.storage import Snapshot, Store
from grantory.storage.change_feed import ChangeFeed, Entity
from grantory.storage.deny_list import DenyList
from grantory.storage.memory import Memory

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
MOST_ENTRIES: Final = 50_000
MOST_REGISTERED: Final = 5_000
"""Clients as administrators see them: fewer, since each is in memory besides what tokens need."""
MOST_PARTS: Final = 32
"""One with more redirect URIs, scopes and roles is read each time, lest it fill the memory."""


def _most_entries() -> int:
    return MOST_ENTRIES


def _most_registered() -> int:
    return MOST_REGISTERED


def _parts_of(record: ClientRecord) -> int:
    client = record.client
    return len(client.redirect_uris) + len(client.scopes) + len(record.secrets)


def _is_large(registered: RegisteredClient) -> bool:
    client = registered.client
    return len(client.redirect_uris) + len(client.scopes) + len(registered.assignments) > MOST_PARTS


def _not_counted(_kind: str) -> None:
    pass


def _not_told(_key: SealedKey, _error: SetupError) -> None:
    pass


class RememberedReads:
    """Implements ``HotReads`` over a store and its change feed."""

    def __init__(self, store: Store, feed: ChangeFeed, sealer: KeySealer) -> None:
        self._store = store
        self._feed = feed
        self._sealer = sealer
        self._loaded: Callable[[str], None] = _not_counted
        self._forgot: Callable[[str], None] = _not_counted
        self.is_fresh = feed.is_current
        self.is_caught_up = feed.has_heard_all
        self.generation = 0
        """Raised by whatever is heard: a row that was loaded meanwhile is not kept."""
        self._clients: Memory[str, ClientRecord] = Memory("client", _most_entries, _parts_of)
        self._registered: Memory[str, RegisteredClient] = Memory(
            "registered_client", _most_registered
        )
        self._organizations: Memory[str, Organization] = Memory("organization", _most_entries)
        self._users: Memory[str, User] = Memory("user", _most_entries)
        self._families: Memory[str, TokenFamily] = Memory("family", _most_entries)
        self._rights: Memory[str, Rights] = Memory("grants", _most_entries, len)
        self._keys: Memory[str | bytes, SigningKey] = Memory("key", _most_entries)
        self._jwt_keys: Memory[str, JwtKeyring] = Memory("jwt_keyring", _most_entries)
        """One entry, of the whole store: so a key id that nobody has asks nothing of the store."""
        self._jwt_keys_loading = asyncio.Lock()
        self._jwt_keys_heard = 0
        self._unreadable: Callable[[SealedKey, SetupError], None] = _not_told
        self._unreadable_told: set[bytes] = set()
        self._denied = DenyList(store, lambda: self._loaded("denied_token"))
        # What is asked again and again goes straight to the memories.
        self.remembered_client = self._clients.get
        self.remembered_registered = self._registered.get
        self.remembered_organization = self._organizations.get
        self.remembered_rights = self._rights.get
        self.remembered_signing_key = self._keys.get
        feed.listen(self._hear)

    def count_for(self, loaded: Callable[[str], None], forgot: Callable[[str], None]) -> None:
        """Names who counts.

        Args:
            loaded: is told the kind of whatever is asked of the store.
            forgot: is told the kind of each change that was heard; "all" where it may be anything.
        """
        self._loaded, self._forgot = loaded, forgot

    def tell(self, unreadable: Callable[[SealedKey, SetupError], None]) -> None:
        """Names who is told, once, of each private key that cannot be opened."""
        self._unreadable = unreadable

    async def refresh(self) -> None:
        """Makes sure that whatever was committed before now has been heard."""
        if not self._feed.is_current():
            await self._feed.catch_up()

    async def catch_up(self) -> None:
        """Makes sure that whatever was committed before this call has been heard."""
        await self._feed.hear_all()

    def _hear(self, entities: list[Entity] | None) -> None:
        self.generation += 1
        if entities is None:
            self._forgot("all")
            self._forget_everything()
        else:
            for kind, entity_id in entities:
                self._forgot(kind)
                self._forget(kind, entity_id)

    @property
    def _memories(self) -> tuple[Memory[Any, Any], ...]:
        return (
            self._clients,
            self._registered,
            self._organizations,
            self._users,
            self._families,
            self._rights,
            self._keys,
            self._jwt_keys,
        )

    def entries(self) -> Iterator[tuple[str, int]]:
        """Lists how many entries of each kind are in memory."""
        for memory in self._memories:
            yield memory.kind, len(memory)
        yield "denied_token", len(self._denied)

    def _forget_everything(self) -> None:
        for memory in self._memories:
            memory.clear()
        self._jwt_keys_heard += 1
        self._denied.forget()

    def _forget(self, kind: str, entity_id: str) -> None:
        if kind == "client":
            self._clients.forget(entity_id)
            self._registered.forget(entity_id)
        elif kind == "grants":
            self._rights.forget(entity_id)
            self._registered.forget(entity_id)
        elif kind == "denied_token":
            self._denied.hear(bytes.fromhex(entity_id))
        elif kind == "role":  # with it, whatever was granted of it
            self._rights.clear()
            self._registered.clear()
        elif kind == "user":
            self._users.forget(entity_id)
        elif kind == "family":
            self._families.forget(entity_id)
        elif kind == "organization":
            self._organizations.forget(entity_id)
        elif kind == "key":
            self._keys.clear()
            self._jwt_keys.clear()
            self._jwt_keys_heard += 1
        else:
            self._forget_everything()

    async def _remembered(
        self, memory: Memory[K, V], key: K, load: Callable[[Snapshot], V | None]
    ) -> V | None:
        """Returns a value from memory; one that is not there is loaded, and kept if it may be.

        The commonest questions look into memory before they come here: a coroutine fewer.
        """
        value = memory.get(key)
        if value is None:
            generation = self.generation
            self._loaded(memory.kind)
            value = await self._store.read(load)
            if value is not None and generation == self.generation:
                memory.remember(key, value)
        return value

    async def load_client(self, client_id: str) -> ClientRecord | None:
        """Reads the client from the store, whatever is in memory."""
        self._clients.forget(client_id)
        return await self.client(client_id)

    async def client(self, client_id: str) -> ClientRecord | None:
        """Returns a client that exists, with its live secrets."""
        found = self._clients.get(client_id)
        if found is not None:
            return found

        def load(snapshot: Snapshot) -> ClientRecord | None:
            client = snapshot.clients.get(client_id)
            secrets = {secret.key_id: secret for secret in snapshot.clients.secrets_of(client_id)}
            if client is None:  # only now, so that an unknown id costs what a known one does
                return None
            return ClientRecord(client, secrets, bytes.fromhex(client_id.replace("-", "")))

        return await self._remembered(self._clients, client_id, load)

    async def registered_client(self, client_id: str) -> RegisteredClient | None:
        """Returns a client that exists, with the roles that it holds."""

        def load(snapshot: Snapshot) -> RegisteredClient | None:
            client = snapshot.clients.get(client_id)
            if client is None:
                return None
            holds_roles = client.grant_type.acts_for_itself
            grants = snapshot.access.grants_of(client_id) if holds_roles else []
            return RegisteredClient(client, tuple(grant.assignment for grant in grants))

        found = self._registered.get(client_id)
        if found is not None:
            return found
        found = await self._remembered(self._registered, client_id, load)
        if found is not None and _is_large(found):
            self._registered.forget(client_id)
        return found

    async def organization(self, organization_id: str) -> Organization | None:
        """Returns an organisation."""
        found = self._organizations.get(organization_id)
        if found is not None:
            return found
        return await self._remembered(
            self._organizations,
            organization_id,
            lambda snapshot: snapshot.organizations.get(organization_id),
        )

    async def user(self, user_id: str) -> User | None:
        """Returns a user that exists."""
        return await self._remembered(
            self._users, user_id, lambda snapshot: snapshot.users.get(user_id)
        )

    async def family(self, family_id: str) -> TokenFamily | None:
        """Returns a family of tokens; its generation may be an old one."""
        return await self._remembered(
            self._families, family_id, lambda snapshot: snapshot.families.get(family_id)
        )

    async def rights(self, subject_id: str) -> Rights:
        """Returns what a client or user may do."""
        found = self._rights.get(subject_id)
        if found is not None:
            return found

        def load(snapshot: Snapshot) -> Rights | None:
            grants = snapshot.access.grants_of(subject_id)
            if not grants:
                exists = snapshot.clients.get(subject_id) or snapshot.users.get(subject_id)
                return Rights(()) if exists else None  # who is made later is made with rights
            roles = snapshot.access.roles(
                grants[0].organization_id, (grant.role_id for grant in grants)
            )
            return Rights(rights_of((grant.assignment for grant in grants), roles))

        return await self._remembered(self._rights, subject_id, load) or Rights(())

    async def signing_key(self, key_id: bytes) -> SigningKey | None:
        """Returns an opened key of opaque tokens."""
        found = self._keys.get(key_id)
        if found is not None:
            return found
        return await self._remembered(
            self._keys, key_id, lambda snapshot: self._opened(snapshot.keys.get(key_id))
        )

    async def has_key(self, key_id: bytes) -> bool:
        """Asks the store whether a key of opaque tokens is there, retired or not."""
        self._loaded(self._keys.kind)
        return await self._store.read(lambda snapshot: snapshot.keys.get(key_id) is not None)

    async def newest_signing_key(self, organization_id: str) -> SigningKey:
        """Returns the key that signs an organisation's new opaque tokens."""
        found = self._keys.get(organization_id)
        if found is not None:
            return found
        key = await self._remembered(
            self._keys,
            organization_id,
            lambda snapshot: self._opened(snapshot.keys.newest(organization_id)),
        )
        if key is None:
            raise LookupError(f"organisation {organization_id} has no token key")
        return key

    def remembered_jwt_keys(self) -> JwtKeyring | None:
        """Returns every private key, opened, if they are in memory."""
        return self._jwt_keys.get("")

    async def jwt_keys(self) -> JwtKeyring:
        """Returns every private key, opened.

        Raises:
            StorageUnavailable: when there are some and none can be opened.
        """
        found = self._jwt_keys.get("")
        if found is not None:
            return found
        async with self._jwt_keys_loading:  # opening them all takes time: one does it for all
            found = self._jwt_keys.get("")
            if found is None:
                heard = self._jwt_keys_heard
                self._loaded(self._jwt_keys.kind)
                found = await self._store.read(self._keyring)
                # It may hold what is not heard of yet: no key beside it is to be an older one.
                self._keys.clear()
                self.generation += 1
                if heard == self._jwt_keys_heard:  # other changes do not matter
                    self._jwt_keys.remember("", found)
        return found

    def _keyring(self, snapshot: Snapshot) -> JwtKeyring:
        opened, unreadable = [], []
        for key in snapshot.keys.private():
            if key.algorithm is None:
                continue
            try:
                material = self._sealer.open(key.sealed, key.context)
                opened.append(JwtKey(key, key.algorithm, material))
            except SetupError as error:
                unreadable.append(key)
                if key.key_id not in self._unreadable_told:
                    self._unreadable_told.add(key.key_id)
                    self._unreadable(key, error)
        if unreadable and not opened:
            raise StorageUnavailable("no private key can be opened: was the master key replaced?")
        return JwtKeyring(opened, unreadable)

    def _opened(self, key: SealedKey | None) -> SigningKey | None:
        if key is None:
            return None
        return SigningKey(
            key_id=key.key_id,
            organization_id=key.organization_id,
            material=self._material(key),
            created_at=key.created_at,
        )

    def _material(self, key: SealedKey) -> bytes:
        try:
            return self._sealer.open(key.sealed, key.context)
        except SetupError as error:
            raise StorageUnavailable(f"{error}: was it replaced, or the store restored?") from None

    async def is_denied(self, token_id: bytes) -> bool:
        """Tells whether a single token was ended."""
        known = self._denied.known(token_id)
        return await self._denied.holds(token_id) if known is None else known
