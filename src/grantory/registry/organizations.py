"""Organisations: founding one, and looking at one's own."""

from typing import Final

import msgspec

from grantory.domain.access import ANY, EVERY_DIVISION, Assignment, Division, Policy, Role
from grantory.domain.audit import PropertyChange
from grantory.domain.client import Client, GrantType, SubjectKind
from grantory.domain.organization import Organization, User
from grantory.domain.secret import Secret
from grantory.errors import Conflict, SetupError
from grantory.ports.runtime import Clock, Hasher, Random
from grantory.ports.storage import Store, Transaction
from grantory.registry.actor import Actor, system_actor
from grantory.registry.client_secrets import new_client_secret
from grantory.registry.keys import TokenKeys

ADMINISTRATOR: Final = "Administrator"
DEFAULT_NAME: Final = "Grantory"
DEFAULT_EMAIL: Final = "admin@grantory.local"
FIRST_CLIENT: Final = "First client"
_PASSWORD_BYTES: Final = 18


class Founding(msgspec.Struct, frozen=True):
    """The credentials of a new organisation, or of a recovered administrator; shown once."""

    organization: Organization
    email: str
    password: Secret
    client: Client
    secret: Secret


class Founder:
    """Founds organisations and recovers their administrators, at the command line."""

    def __init__(
        self, store: Store, clock: Clock, random: Random, hasher: Hasher, keys: TokenKeys
    ) -> None:
        self._store = store
        self._clock = clock
        self._random = random
        self._hasher = hasher
        self._keys = keys

    async def set_up(self, master_key_check: bytes, name: str, email: str) -> Founding:
        """Sets an empty store up with its first organisation.

        Args:
            master_key_check: by which the store will recognise its master key.
            name: the organisation's name.
            email: the administrator's e-mail address.

        Raises:
            SetupError: when the store is set up already.
        """
        return await self._found(name, email, master_key_check)

    async def found(self, name: str, email: str) -> Founding:
        """Adds an organisation to a store that is set up.

        Raises:
            SetupError: when the name is taken.
        """
        return await self._found(name, email, None)

    async def _found(self, name: str, email: str, check: bytes | None) -> Founding:
        now = self._clock.now_ms()
        organization = Organization(id=self._random.uuid(), name=name, created_at=now)
        actor = system_actor(organization.id)
        role = Role(
            id=self._random.uuid(),
            organization_id=organization.id,
            name=ADMINISTRATOR,
            description="Every permission",
            policies=(Policy(domain=ANY, entity=ANY, actions=(ANY,)),),
            created_at=now,
            modified_at=now,
            built_in=True,
        )
        home = Division(
            id=self._random.uuid(),
            organization_id=organization.id,
            name="Home",
            description="The division of whatever has no other",
            created_at=now,
            home=True,
        )
        administrator = self._administrator(organization.id, email, now)

        def work(transaction: Transaction) -> None:
            if check is not None:
                transaction.installation.set_up(check, now)
            transaction.organizations.add(organization)
            transaction.access.add_division(home)
            transaction.access.add_role(role)
            self._keys.add_first(transaction, organization.id)
            event = actor.event(now, "Create", "Organization", organization.id, name)
            transaction.audit.add(event)
            administrator.add(transaction, actor, role)

        try:
            await self._store.write(work)
        except Conflict:
            what = "the store is set up already" if check else f"{name} exists already"
            raise SetupError(f"{what}; nothing was changed") from None
        return administrator.founding(organization)

    async def recover(self, organization_id: str, email: str) -> Founding:
        """Gives an organisation a new administrator: a password and a client.

        A user with this e-mail address gets the new password and the role; where there is
        none, one is made.

        Raises:
            SetupError: when there is no such organisation.
        """
        now = self._clock.now_ms()
        administrator = self._administrator(organization_id, email, now)

        def work(transaction: Transaction) -> Organization | None:
            organization = transaction.organizations.get(organization_id)
            role = transaction.access.role_by_name(organization_id, ADMINISTRATOR)
            if organization is None or role is None:
                return None
            administrator.add(transaction, system_actor(organization_id), role)
            return organization

        organization = await self._store.write(work)
        if organization is None:
            raise SetupError("there is no such organisation")
        return administrator.founding(organization)

    def _administrator(self, organization_id: str, email: str, now: int) -> "_Administrator":
        password = Secret(self._random.token_bytes(_PASSWORD_BYTES).hex())
        return _Administrator(
            organization_id,
            email,
            password,
            self._hasher.hash(password.reveal()),
            self._random,
            now,
        )


class _Administrator:
    """A user and a client that hold the role Administrator everywhere."""

    def __init__(
        self,
        organization_id: str,
        email: str,
        password: Secret,
        digest: str,
        random: Random,
        now: int,
    ) -> None:
        self._organization_id = organization_id
        self._password = password
        self._digest = digest
        self._now = now
        self._user = User(
            id=random.uuid(),
            organization_id=organization_id,
            name=ADMINISTRATOR,
            email=email,
            created_at=now,
        )
        self._client = Client(
            id=random.uuid(),
            organization_id=organization_id,
            name=FIRST_CLIENT,
            description="Made at the command line; holds every permission",
            grant_type=GrantType.CLIENT_CREDENTIALS,
            created_at=now,
            modified_at=now,
            created_by=system_actor(organization_id).reference,
            modified_by=system_actor(organization_id).reference,
        )
        self._stored, self._secret = new_client_secret(
            random, organization_id, self._client.id, now
        )

    def add(self, transaction: Transaction, actor: Actor, role: Role) -> None:
        """Adds both, or gives the user that there is the new password."""
        gained = (PropertyChange("assignments", [], [f"{role.id}@{EVERY_DIVISION}"]),)
        user = transaction.users.find_by_email(self._organization_id, self._user.email)
        if user is None:
            user = self._user
            transaction.users.add(user, self._digest)
            event = actor.event(self._now, "Create", "User", user.id, user.name, gained)
        else:
            transaction.users.set_password(user.id, self._digest)
            event = actor.event(self._now, "Update", "User", user.id, user.name, gained)
        transaction.audit.add(event)
        transaction.clients.add(self._client)
        transaction.clients.add_secret(self._stored)
        event = actor.event(
            self._now, "Create", "OAuthClient", self._client.id, self._client.name, gained
        )
        transaction.audit.add(event)
        self._grant(transaction, user.id, SubjectKind.USER, role)
        self._grant(transaction, self._client.id, SubjectKind.CLIENT, role)

    def _grant(
        self, transaction: Transaction, subject_id: str, kind: SubjectKind, role: Role
    ) -> None:
        held = [grant.assignment for grant in transaction.access.grants_of(subject_id)]
        wanted = [*held, Assignment(role.id, EVERY_DIVISION)]
        transaction.access.set_grants(self._organization_id, subject_id, kind, wanted, self._now)

    def founding(self, organization: Organization) -> Founding:
        """Gives the credentials, for the one place that shows them."""
        return Founding(organization, self._user.email, self._password, self._client, self._secret)
