"""Clients by the million, for trying out how a large store does."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from grantory.domain.client import Client, ClientState, GrantType, Reference, SubjectKind
from grantory.domain.secret import ClientSecret
from grantory.ports.runtime import Clock, Random
from grantory.ports.storage import Store, Transaction
from grantory.registry.client_secrets import new_client_secret
from grantory.registry.list_keeper import MANY_AT_ONCE, ListKeeper

SPREAD_MS: Final = 730 * 86_400_000
"""The clients come into being over so much time, the last of them now."""
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
        self._lists = ListKeeper(store)

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
        end = self._clock.now_ms()
        for begin in range(0, count, at_once):
            numbers = range(begin, min(begin + at_once, count))
            made = [
                self._client(organization_id, end - SPREAD_MS * (count - n - 1) // count)
                for n in numbers
            ]
            clients, secrets = [c for c, _ in made], [s for _, s in made]
            await self._store.write(partial(_add, clients, secrets))
            await self._lists.finish()
            yield numbers.stop

    def _client(self, organization_id: str, created_at: int) -> tuple[Client, ClientSecret]:
        draw = self._random.token_bytes(12)
        client_id = self._random.uuid()
        subject, role = _SUBJECTS[draw[0] % len(_SUBJECTS)], _ROLES[draw[1] % len(_ROLES)]
        stage = _STAGES[draw[3] % len(_STAGES)]
        number = int.from_bytes(draw[4:7])
        grant_type = _TYPES[draw[7] % len(_TYPES)]
        age = self._clock.now_ms() - created_at
        by = Reference(SubjectKind.SYSTEM, "grantory dev seed")
        client = Client(
            id=client_id,
            organization_id=organization_id,
            name=f"{subject} {role} {_PLACES[draw[2] % len(_PLACES)]} {number:07d}",
            description=f"{role} of {subject}, {stage}",
            grant_type=grant_type,
            state=_STATES[draw[8] % len(_STATES)],
            redirect_uris=(
                (f"https://{stage}.example/{number}/callback",)
                if grant_type.has_redirect_uris
                else ()
            ),
            created_at=created_at,
            created_by=by,
            modified_at=created_at + max(0, age) * draw[9] // 255,
            modified_by=by,
        )
        secret, _ = new_client_secret(self._random, organization_id, client_id, created_at)
        return client, secret


def _add(clients: list[Client], secrets: list[ClientSecret], transaction: Transaction) -> None:
    transaction.clients.add_many(clients, secrets)
