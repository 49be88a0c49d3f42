"""Clients that an organisation has approved, or people have consented to."""

from typing import Final

import msgspec

from grantory.domain.audit import PropertyChange
from grantory.domain.authorization import Authorization, AuthorizationState
from grantory.domain.client import Client
from grantory.domain.registered_client import RegisteredClient
from grantory.errors import FieldProblem, invalid, not_found
from grantory.ports.runtime import Clock
from grantory.ports.storage import Snapshot, Store, Transaction
from grantory.registry.actor import Actor
from grantory.registry.coverage import EVERYTHING, require_coverage

ENTITY: Final = "OAuthClient"
MOST_LISTED: Final = 1_000


class ApprovedClient(msgspec.Struct, frozen=True):
    """An authorization with its client."""

    authorization: Authorization
    registered: RegisteredClient
    owner_name: str
    """The person's, who has allowed it for themselves; empty for the organisation."""


class AuthorizationRegistry:
    """Approves clients for an organisation, and takes that back."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def list(self, actor: Actor) -> list[ApprovedClient]:
        """Returns what ``get`` would of each of the organisation's clients, newest first."""

        def read(snapshot: Snapshot) -> list[ApprovedClient]:
            here = actor.organization_id
            said = (
                snapshot.authorizations.of_client(here, client_id, 1)
                for client_id in snapshot.authorizations.clients(here, MOST_LISTED)
            )
            approved = [_with_client(snapshot, found[0]) for found in said if found]
            known = [each for each in approved if each is not None]
            return sorted(known, key=lambda each: -each.authorization.modified_at)

        return await self._store.scan(read)

    async def get(self, actor: Actor, client_id: str) -> ApprovedClient:
        """Returns the organisation's word on a client, or else the newest of a person's.

        Raises:
            ApiError: 404 where there is neither.
        """

        def read(snapshot: Snapshot) -> ApprovedClient | None:
            found = snapshot.authorizations.of_client(actor.organization_id, client_id, 1)
            return _with_client(snapshot, found[0]) if found else None

        found = await self._store.read(read)
        if found is None:
            raise not_found("authorization", client_id)
        return found

    async def approve(
        self, actor: Actor, client_id: str, scopes: tuple[str, ...] | None
    ) -> ApprovedClient:
        """Lets a client act for the organisation's people without asking them.

        Whoever does so must hold every permission: the client can then act for those who do.

        Args:
            actor: who asks.
            client_id: the client.
            scopes: what it may ask for; None for all that it is registered for.

        Raises:
            ApiError: 404; 400 for a scope that the client is not registered for; 403 where the
                actor lacks a right.
        """
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> ApprovedClient | None:
            client = _locked(transaction, actor, client_id)
            require_coverage(transaction, actor, EVERYTHING)
            allowed = client.scopes if scopes is None else scopes
            if any(scope not in client.scopes for scope in allowed):
                text = "names a scope that the client is not registered for"
                raise invalid(FieldProblem("scope", "invalid.value", text))
            if client.scopes and not allowed:
                text = "must name at least one of the client's scopes"
                raise invalid(FieldProblem("scope", "invalid.value", text))
            authorization = Authorization(
                organization_id=actor.organization_id,
                client_id=client.id,
                user_id=None,
                scopes=allowed,
                state=AuthorizationState.AUTHORIZED,
                created_at=now,
                modified_at=now,
                created_by=actor.reference,
                modified_by=actor.reference,
            )
            transaction.authorizations.put(authorization)
            changes = (PropertyChange("scopes", [], list(allowed)),)
            event = actor.event(now, "Authorize", ENTITY, client.id, client.name, changes)
            transaction.audit.add(event)
            put = transaction.authorizations.get(actor.organization_id, client.id, None)
            return _with_client(transaction, put) if put else None

        approved = await self._store.write(work)
        if approved is None:
            raise LookupError("an authorization that was put is not there")
        return approved

    async def revoke(self, actor: Actor, client_id: str) -> None:
        """Takes back whatever was allowed to a client, and ends every token of it.

        People are asked again then; a client that is not to ask is to be disabled.

        Raises:
            ApiError: 404 where there is no such client, or nothing was ever said of it.
        """
        now = self._clock.now_ms()

        def work(transaction: Transaction) -> None:
            client = _locked(transaction, actor, client_id)
            found = transaction.authorizations.of_client(actor.organization_id, client_id, 1)
            if not found:
                raise not_found("authorization", client_id)
            newest = msgspec.structs.replace(found[0], modified_at=now, modified_by=actor.reference)
            transaction.authorizations.revoke_all(newest)
            transaction.clients.replace(
                msgspec.structs.replace(
                    client, version=client.version + 1, token_epoch=client.token_epoch + 1
                )
            )
            transaction.audit.add(actor.event(now, "Revoke", ENTITY, client.id, client.name))

        await self._store.write(work)


def _locked(transaction: Transaction, actor: Actor, client_id: str) -> Client:
    client = transaction.clients.get_for_change(actor.organization_id, client_id)
    if client is None:
        raise not_found("client", client_id)
    return client


def _with_client(
    reader: Snapshot | Transaction, authorization: Authorization
) -> ApprovedClient | None:
    client = reader.clients.get(authorization.client_id)
    if client is None:
        return None
    user = reader.users.get(authorization.user_id) if authorization.user_id else None
    grants = reader.access.grants_of(client.id) if client.grant_type.acts_for_itself else []
    held = tuple(grant.assignment for grant in grants)
    registered = RegisteredClient(client, held)
    return ApprovedClient(authorization, registered, user.name if user else "")
