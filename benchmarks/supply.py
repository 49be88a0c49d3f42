"""Codes, refresh tokens and clients, each good for one request.

They are put into a store by its own layer, past the rules, which would take much longer.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import urlencode

import msgspec

from benchmarks.site import Site
from grantory.domain.client import Client, GrantType
from grantory.domain.code import AuthorizationCode, Epochs, TokenFamily
from grantory.domain.opaque import OpaqueKind, compose_opaque, digest_of_opaque
from grantory.domain.secret import SECRET_ENTROPY_BYTES, ClientSecret
from grantory.node import Node, open_node
from grantory.ports.storage import Transaction
from grantory.protocol.refresh_tokens import RefreshTokens
from grantory.registry.client_secrets import new_client_secret
from grantory.storage.hot_reads import RememberedReads

Row = TypeVar("Row")
REDIRECT = "https://app.example.com/callback"
GOOD_FOR_MS = 3_600_000
AT_ONCE = 2_000
"""So many rows are written in a transaction."""


class Supply(msgspec.Struct, frozen=True):
    """Makes the bodies of a work whose requests must differ."""

    make: Callable[[int], list[str]]
    rotates: bool
    """Whether an answer holds what the next request needs; else each request takes a body."""


class Person(msgspec.Struct, frozen=True):
    """For whom a client acts, and with which epochs."""

    organization_id: str
    client_id: str
    user_id: str
    epochs: Epochs


def codes(site: Site, client_id: str) -> Supply:
    """Supplies forms that redeem a code each."""
    return Supply(lambda count: asyncio.run(_codes(site, client_id, count)), rotates=False)


def refresh_tokens(site: Site, client_id: str) -> Supply:
    """Supplies forms that refresh, each in a family of its own."""
    return Supply(lambda count: asyncio.run(_refresh_tokens(site, client_id, count)), rotates=True)


def strangers(site: Site) -> Supply:
    """Supplies forms that ask for a token, each for a client that no memory holds yet."""
    return Supply(lambda count: asyncio.run(_strangers(site, count)), rotates=False)


async def _strangers(site: Site, count: int) -> list[str]:
    node = await open_node(site.settings, patient=True)
    try:
        organization_id, now = site.first["organization"]["id"], node.clock.now_ms()
        forms: list[str] = []
        made: list[tuple[Client, ClientSecret]] = []
        for _ in range(count):
            client = Client(
                id=node.random.uuid(),
                organization_id=organization_id,
                name="stranger",
                grant_type=GrantType.CLIENT_CREDENTIALS,
                created_at=now,
                modified_at=now,
            )
            kept, secret = new_client_secret(node.random, organization_id, client.id, now)
            made.append((client, kept))
            credentials = {"client_id": client.id, "client_secret": secret.reveal()}
            forms.append(urlencode({"grant_type": "client_credentials", **credentials}))

        def add(transaction: Transaction, some: Sequence[tuple[Client, ClientSecret]]) -> None:
            for client, secret in some:
                transaction.clients.add(client)
                transaction.clients.add_secret(secret)

        await _write(node, made, add)
        return forms
    finally:
        await node.close()


async def _write(node: Node, rows: Sequence[Row], add: Callable[..., None]) -> None:
    for first in range(0, len(rows), AT_ONCE):
        await node.store.write(partial(add, some=rows[first : first + AT_ONCE]))


async def _codes(site: Site, client_id: str, count: int) -> list[str]:
    node = await open_node(site.settings, patient=True)
    try:
        person, now = await _person(site, node, client_id), node.clock.now_ms()
        forms, rows = [], []
        for _ in range(count):
            text = compose_opaque(OpaqueKind.CODE, node.random.token_bytes(SECRET_ENTROPY_BYTES))
            rows.append(_code(person, digest_of_opaque(OpaqueKind.CODE, text.reveal()), now))
            forms.append(
                urlencode(
                    {
                        "grant_type": "authorization_code",
                        "redirect_uri": REDIRECT,
                        "code": text.reveal(),
                    }
                )
            )

        def add(transaction: Transaction, some: Sequence[AuthorizationCode]) -> None:
            for row in some:
                transaction.codes.add(row)

        await _write(node, rows, add)
        return forms
    finally:
        await node.close()


async def _refresh_tokens(site: Site, client_id: str, count: int) -> list[str]:
    node = await open_node(site.settings, patient=True)
    try:
        person, now = await _person(site, node, client_id), node.clock.now_ms()
        families = [_family(person, node.random.uuid(), now) for _ in range(count)]

        def add(transaction: Transaction, some: Sequence[TokenFamily]) -> None:
            for family in some:
                transaction.families.add(family)

        await _write(node, families, add)
        reads = RememberedReads(node.store, node.store.feed, node.master_key)
        await reads.refresh()
        writer = RefreshTokens(reads)
        tokens = [(await writer.write(family, None)).reveal() for family in families]
        return [f"grant_type=refresh_token&refresh_token={token}" for token in tokens]
    finally:
        await node.close()


async def _person(site: Site, node: Node, client_id: str) -> Person:
    reads = RememberedReads(node.store, node.store.feed, node.master_key)
    await reads.refresh()
    record = await reads.client(client_id)
    if record is None:
        raise LookupError("the client is not there")
    organization_id, email = record.client.organization_id, site.first["admin"]["email"]
    organization = await reads.organization(organization_id)
    user = await node.store.read(
        lambda snapshot: snapshot.users.find_by_email(organization_id, email)
    )
    if organization is None or user is None:
        raise LookupError("the client's organisation or its administrator is not there")
    epochs = Epochs(organization.token_epoch, record.client.token_epoch, user.token_epoch)
    return Person(organization_id, client_id, user.id, epochs)


def _code(person: Person, digest: bytes | None, now: int) -> AuthorizationCode:
    if digest is None:
        raise LookupError("a new code is not of its own form")
    return AuthorizationCode(
        digest=digest,
        organization_id=person.organization_id,
        client_id=person.client_id,
        user_id=person.user_id,
        session_id=None,
        redirect_uri=REDIRECT,
        scopes=(),
        challenge=None,
        epochs=person.epochs,
        created_at=now,
        expires_at=now + GOOD_FOR_MS,
    )


def _family(person: Person, family_id: str, now: int) -> TokenFamily:
    return TokenFamily(
        id=family_id,
        organization_id=person.organization_id,
        client_id=person.client_id,
        user_id=person.user_id,
        session_id=None,
        scopes=(),
        epochs=person.epochs,
        created_at=now,
        expires_at=now + GOOD_FOR_MS,
        generation=1,
        rotated_at=now,
    )
