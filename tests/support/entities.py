"""Entities to put into a store: everything given where a test does not care."""

import uuid
from collections.abc import Callable
from typing import Any

import msgspec

from grantory.domain.access import Division, Policy, Role
from grantory.domain.audit import AuditEvent, Origin, PropertyChange
from grantory.domain.client import Client, GrantType, Reference, SubjectKind
from grantory.domain.organization import Organization, User
from grantory.domain.refusal import Counter, Refusal
from grantory.domain.secret import ClientSecret
from grantory.domain.token import DeniedToken, SealedKey
from grantory.errors import RefusalReason
from grantory.ports.clients import LISTING_START
from grantory.ports.storage import Snapshot, Transaction


def an_id(number: int) -> str:
    """The id of a number: ids sort as their numbers do."""
    return str(uuid.UUID(int=(4 << 76) | (8 << 60) | number))


ORG = an_id(900_001)
OTHER_ORG = an_id(900_002)


def a_client(number: int = 1, **fields: Any) -> Client:
    """A machine client, created at its number."""
    client = Client(
        id=an_id(number),
        organization_id=ORG,
        name=f"client {number}",
        grant_type=GrantType.CLIENT_CREDENTIALS,
        created_at=number,
        modified_at=number,
    )
    return msgspec.structs.replace(client, **fields)


def a_secret(number: int = 1, client: int = 1, **fields: Any) -> ClientSecret:
    """A secret of a client."""
    secret = ClientSecret(
        key_id=f"{number:08d}",
        client_id=an_id(client),
        organization_id=ORG,
        digest=number.to_bytes(32, "big"),
        created_at=number,
    )
    return msgspec.structs.replace(secret, **fields)


def a_role(number: int = 1, **fields: Any) -> Role:
    """A role that allows looking at clients."""
    role = Role(
        id=an_id(1000 + number),
        organization_id=ORG,
        name=f"role {number}",
        policies=(Policy(domain="oauth", entity="client", actions=("view",)),),
        created_at=number,
        modified_at=number,
    )
    return msgspec.structs.replace(role, **fields)


def a_division(number: int = 1, **fields: Any) -> Division:
    """A division that is not the home division."""
    division = Division(
        id=an_id(2000 + number),
        organization_id=ORG,
        name=f"division {number}",
        created_at=number,
    )
    return msgspec.structs.replace(division, **fields)


def an_organization(number: int = 1, **fields: Any) -> Organization:
    """An organisation; number 1 is ``ORG``."""
    organization = Organization(
        id=an_id(900_000 + number), name=f"organization {number}", created_at=number
    )
    return msgspec.structs.replace(organization, **fields)


def a_user(number: int = 1, **fields: Any) -> User:
    """A person."""
    user = User(
        id=an_id(3000 + number),
        organization_id=ORG,
        name=f"user {number}",
        email=f"User{number}@Example.com",
        created_at=number,
    )
    return msgspec.structs.replace(user, **fields)


def a_key(number: int = 1, **fields: Any) -> SealedKey:
    """A sealed token key."""
    key = SealedKey(
        key_id=number.to_bytes(8, "big"),
        organization_id=ORG,
        sealed=b"sealed \x00\xff" + bytes([number]),
        created_at=number,
    )
    return msgspec.structs.replace(key, **fields)


def a_denied_token(number: int = 1, **fields: Any) -> DeniedToken:
    """A token that was ended; it would have expired at 1000 s."""
    token = DeniedToken(token_id=number.to_bytes(16, "big"), organization_id=ORG, expires_at=1000)
    return msgspec.structs.replace(token, **fields)


def an_event(number: int = 1, **fields: Any) -> AuditEvent:
    """An audit event about client 1."""
    event = AuditEvent(
        organization_id=ORG,
        at=number,
        origin=Origin(
            actor=Reference(SubjectKind.USER, an_id(3001)),
            client_id=an_id(2),
            correlation_id=f"correlation {number}",
            address="192.0.2.1",
        ),
        action="Update",
        entity_type="OAuthClient",
        entity_id=an_id(1),
        entity_name="client 1",
        changes=(PropertyChange("name", ["a"], ["b"]), PropertyChange("scopes", [], ["x", "ä"])),
    )
    return msgspec.structs.replace(event, **fields)


def a_refusal(number: int = 1, client: int = 1, **fields: Any) -> Refusal:
    """A refused request of a client, at its number."""
    refusal = Refusal(
        at=number,
        organization_id=ORG,
        client_id=an_id(client),
        error="invalid_client",
        reason=RefusalReason.WRONG_SECRET,
        address="192.0.2.1",
        correlation_id=an_id(500_000 + number),
    )
    return msgspec.structs.replace(refusal, **fields)


def a_counter(hour: int = 0, client: int = 1, **fields: Any) -> Counter:
    """A counter of a client's wrong secrets in an hour, by the hour's number."""
    counter = Counter(hour * 3_600_000, ORG, an_id(client), RefusalReason.WRONG_SECRET)
    return counter._replace(**fields)


Entity = (
    Client
    | ClientSecret
    | Role
    | Division
    | Organization
    | User
    | SealedKey
    | DeniedToken
    | AuditEvent
)


def clients_of(reader: Snapshot | Transaction, organization_id: str = ORG) -> list[Client]:
    """The clients of an organisation, in the order of their creation."""
    return reader.clients.after(organization_id, LISTING_START, 1_000)


def put(*entities: Entity) -> Callable[[Transaction], None]:
    """Work that adds entities, in this order."""

    def work(t: Transaction) -> None:
        adders: dict[type, Callable[[Any], object]] = {
            Client: t.clients.add,
            ClientSecret: t.clients.add_secret,
            Role: t.access.add_role,
            Division: t.access.add_division,
            Organization: t.organizations.add,
            User: lambda user: t.users.add(user, None),
            SealedKey: t.keys.add,
            DeniedToken: t.denied_tokens.add,
            AuditEvent: t.audit.add,
        }
        for entity in entities:
            adders[type(entity)](entity)

    return work
