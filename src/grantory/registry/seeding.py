"""Clients by the million, for trying out how a large store does."""

from collections.abc import AsyncIterator
from functools import partial
from random import Random as Chance
from typing import Final
from uuid import UUID

from grantory.domain.client import Client, ClientState, GrantType, Reference, SubjectKind
from grantory.domain.secret import KEY_ID_ENTROPY_BYTES, KEY_ID_LENGTH, ClientSecret, base62
from grantory.errors import Conflict
from grantory.ports.runtime import Clock, Random
from grantory.ports.storage import Store, Transaction
from grantory.registry.list_keeper import ALONE, MANY_AT_ONCE, ListKeeper

SPREAD_MS: Final = 730 * 86_400_000
"""The clients come into being over so much time, the last of them now."""
MOST_TRIES: Final = 3
_SUBJECTS: Final = (
    *("Billing", "Payments", "Invoices", "Orders", "Catalog", "Search", "Customer Profile"),
    *("Workforce", "Scheduling", "Quality", "Recordings", "Voice", "Chat", "E-mail", "Routing"),
    *("Analytics", "Reporting", "Data Warehouse", "CRM", "Salesforce", "ServiceNow", "Zendesk"),
    *("Identity", "Directory", "Provisioning", "Knowledge", "Speech", "Bots", "Messaging"),
)
_ROLES: Final = (
    *("Sync", "Export", "Import", "Webhook", "Dashboard", "Agent Desktop", "Portal", "Gateway"),
    *("Worker", "Scheduler", "Connector", "Monitor", "Archive", "Backup", "Migration", "Test"),
)
_PLACES: Final = (
    *("Amsterdam", "Berlin", "Dublin", "Frankfurt", "London", "Madrid", "Montréal", "München"),
    *("Osaka", "Paris", "São Paulo", "Seoul", "Singapore", "Sydney", "Tokyo", "Zürich"),
)
_STAGES: Final = ("production", "production", "staging", "test", "development")
_TYPES: Final = (
    *(12 * (GrantType.CLIENT_CREDENTIALS,)),
    *(3 * (GrantType.AUTHORIZATION_CODE,)),
    *(GrantType.IMPLICIT, GrantType.PASSWORD, GrantType.SAML2_BEARER),
)
_STATES: Final = (*(17 * (ClientState.ACTIVE,)), ClientState.INACTIVE, ClientState.DISABLED)


class Seeder:
    """Fills an organisation with clients. They hold no role, and nobody knows their secrets.

    Args:
        store: where.
        clock: the time of day.
        random: makes ids and secrets, and draws names.
    """

    def __init__(self, store: Store, clock: Clock, random: Random) -> None:
        self._store = store
        self._clock = clock
        self._random = random
        self._lists = ListKeeper(store, clock)

    async def seed(
        self, organization_id: str, count: int, at_once: int = MANY_AT_ONCE
    ) -> AsyncIterator[int]:
        """Makes clients, with an audit event for none of them.

        Args:
            organization_id: whose.
            count: how many.
            at_once: how many in one transaction.

        Returns:
            After each transaction, how many there are so far.
        """
        now = self._clock.now_ms()
        for begin in range(0, count, at_once):
            numbers = range(begin, min(begin + at_once, count))
            times = [now - SPREAD_MS * (count - number - 1) // count for number in numbers]
            await self._add(organization_id, times, now)
            await self._lists.finish(pace=ALONE)
            yield numbers.stop

    async def _add(self, organization_id: str, times: list[int], now: int) -> None:
        for tries_left in range(MOST_TRIES, 0, -1):
            # Plain chance will do: what it makes opens nothing. It is much faster.
            chance = Chance(self._random.token_bytes(32))  # noqa: S311
            made = [_client(chance, organization_id, at, now) for at in times]
            clients, secrets = [c for c, _ in made], [s for _, s in made]
            try:
                await self._store.write(partial(_write, clients, secrets))
            except Conflict:  # of millions of short key ids two may be the same
                if tries_left == 1:
                    raise
            else:
                return


def _write(clients: list[Client], secrets: list[ClientSecret], transaction: Transaction) -> None:
    transaction.clients.add_many(clients, secrets)


def _client(
    chance: Chance, organization_id: str, created_at: int, now: int
) -> tuple[Client, ClientSecret]:
    client_id = str(UUID(int=chance.getrandbits(128), version=4))
    subject, role, stage = (chance.choice(words) for words in (_SUBJECTS, _ROLES, _STAGES))
    number = chance.randrange(10_000_000)
    grant_type = chance.choice(_TYPES)
    by = Reference(SubjectKind.SYSTEM, "grantory dev seed")
    address = f"https://{stage}.example/{number}/callback"
    client = Client(
        id=client_id,
        organization_id=organization_id,
        name=f"{subject} {role} {chance.choice(_PLACES)} {number:07d}",
        description=f"{role} of {subject}, {stage}",
        grant_type=grant_type,
        state=chance.choice(_STATES),
        redirect_uris=(address,) if grant_type.has_redirect_uris else (),
        created_at=created_at,
        created_by=by,
        modified_at=created_at + chance.randrange(max(1, now - created_at)),
        modified_by=by,
    )
    secret = ClientSecret(
        key_id=base62(chance.randbytes(KEY_ID_ENTROPY_BYTES), KEY_ID_LENGTH),
        client_id=client_id,
        organization_id=organization_id,
        digest=chance.randbytes(32),
        created_at=created_at,
    )
    return client, secret
