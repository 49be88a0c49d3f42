"""The store as the rules see it: consistent reads, and atomic, durable writes.

Work is given as a plain function over a ``Snapshot`` or a ``Transaction``. It must do nothing
but read and write through it: a backend may run it on another thread, and may run it again
from the start when the database asks for that.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from grantory.ports.access import AccessReader, AccessWriter
from grantory.ports.audit import AuditReader, AuditWriter
from grantory.ports.authorizations import AuthorizationReader, AuthorizationWriter
from grantory.ports.client_lists import ClientListReader, ClientListWriter
from grantory.ports.clients import ClientReader, ClientWriter
from grantory.ports.codes import CodeWriter, FamilyReader, FamilyWriter
from grantory.ports.installation import InstallationReader, InstallationWriter
from grantory.ports.keys import KeyReader, KeyWriter
from grantory.ports.logins import LoginReader, LoginWriter
from grantory.ports.name_index import NameIndexReader, NameIndexWriter
from grantory.ports.organizations import OrganizationReader, OrganizationWriter
from grantory.ports.refusals import RefusalReader, RefusalWriter
from grantory.ports.tokens import DeniedTokenReader, DeniedTokenWriter
from grantory.ports.trust import TrustReader, TrustWriter
from grantory.ports.upkeep import UpkeepWriter
from grantory.ports.users import UserReader, UserWriter

T = TypeVar("T")


class Snapshot(Protocol):
    """One consistent view of the store."""

    @property
    def installation(self) -> InstallationReader:
        """The set-up of the store."""
        ...

    @property
    def organizations(self) -> OrganizationReader:
        """The organisations."""
        ...

    @property
    def clients(self) -> ClientReader:
        """The OAuth clients and their secrets."""
        ...

    @property
    def client_lists(self) -> ClientListReader:
        """The lists of clients."""
        ...

    @property
    def name_index(self) -> NameIndexReader:
        """What finds parts of clients' names."""
        ...

    @property
    def access(self) -> AccessReader:
        """Roles, divisions and grants."""
        ...

    @property
    def users(self) -> UserReader:
        """The people."""
        ...

    @property
    def logins(self) -> LoginReader:
        """Login sessions."""
        ...

    @property
    def families(self) -> FamilyReader:
        """Families of tokens."""
        ...

    @property
    def authorizations(self) -> AuthorizationReader:
        """Which clients may act for people without asking."""
        ...

    @property
    def trust(self) -> TrustReader:
        """Identity providers."""
        ...

    @property
    def keys(self) -> KeyReader:
        """The token keys, sealed."""
        ...

    @property
    def denied_tokens(self) -> DeniedTokenReader:
        """Single tokens ended before their time."""
        ...

    @property
    def audit(self) -> AuditReader:
        """What was changed, by whom."""
        ...

    @property
    def refusals(self) -> RefusalReader:
        """Token requests that were refused."""
        ...


class Transaction(Protocol):
    """A view of the store that may be changed; all of it happens, or nothing."""

    @property
    def installation(self) -> InstallationWriter:
        """The set-up of the store."""
        ...

    @property
    def organizations(self) -> OrganizationWriter:
        """The organisations."""
        ...

    @property
    def clients(self) -> ClientWriter:
        """The OAuth clients and their secrets."""
        ...

    @property
    def client_lists(self) -> ClientListWriter:
        """The lists of clients."""
        ...

    @property
    def name_index(self) -> NameIndexWriter:
        """What finds parts of clients' names."""
        ...

    @property
    def access(self) -> AccessWriter:
        """Roles, divisions and grants."""
        ...

    @property
    def users(self) -> UserWriter:
        """The people."""
        ...

    @property
    def logins(self) -> LoginWriter:
        """Login sessions."""
        ...

    @property
    def codes(self) -> CodeWriter:
        """Authorization codes."""
        ...

    @property
    def families(self) -> FamilyWriter:
        """Families of tokens."""
        ...

    @property
    def authorizations(self) -> AuthorizationWriter:
        """Which clients may act for people without asking."""
        ...

    @property
    def trust(self) -> TrustWriter:
        """Identity providers."""
        ...

    @property
    def keys(self) -> KeyWriter:
        """The token keys, sealed."""
        ...

    @property
    def denied_tokens(self) -> DeniedTokenWriter:
        """Single tokens ended before their time."""
        ...

    @property
    def audit(self) -> AuditWriter:
        """What was changed, by whom."""
        ...

    @property
    def refusals(self) -> RefusalWriter:
        """Token requests that were refused."""
        ...

    @property
    def upkeep(self) -> UpkeepWriter:
        """What may be let go."""
        ...


class Store(Protocol):
    """A store. Every method raises ``StorageUnavailable`` when it cannot answer."""

    async def read(self, work: Callable[[Snapshot], T]) -> T:
        """Runs a short look-up (a few rows by key) on one consistent view."""
        ...

    async def scan(self, work: Callable[[Snapshot], T]) -> T:
        """Runs a long read without holding up other requests."""
        ...

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs a change; returns when it is on disk.

        Raises:
            Conflict: when a unique value is taken.
            OutcomeUnknown: when the store went away while it kept the change.
            Exception: whatever ``work`` raises; then nothing was changed.
        """
        ...

    async def require_answer(self) -> None:
        """Asks the database for a sign of life, past all that waits for it.

        Raises:
            StorageUnavailable: when it gives none.
        """
        ...
