"""``/api/v2/oauth/clients``: the six operations of the seed."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import cast

import msgspec

from grantory.errors import ApiError
from grantory.http.api_v2 import schemas
from grantory.http.api_v2.client_mapping import CLIENTS, client_of, draft_of, further_problems
from grantory.http.api_v2.grant_types import GrantTypeStyle
from grantory.http.operation import Call, Operation
from grantory.http.paging import Page, listing, read_page, read_switch
from grantory.http.response import Response, StreamedResponse, empty_response, json_response
from grantory.registry.clients import STREAM_BATCH, ClientRegistry, RegisteredClient

FULL_LISTS_AT_ONCE = 4
"""For each organisation; others wait ten seconds, then are told to come again."""
SLOT_SECONDS = 10
_encode = msgspec.json.Encoder().encode


class ClientResource:
    """The operations on clients."""

    def __init__(self, clients: ClientRegistry, style: GrantTypeStyle) -> None:
        self._clients = clients
        self._style = style
        self._full_lists: dict[str, asyncio.Semaphore] = {}

    def operations(self) -> tuple[Operation, ...]:
        """Declares the operations."""
        one = CLIENTS + "/{clientId}"
        request = schemas.OAuthClientRequest
        return (
            Operation(
                id="getOauthClients",
                method="GET",
                path=CLIENTS,
                handler=self.list_clients,
                permissions=("oauth:client:view",),
                summary="The list of OAuth clients",
            ),
            Operation(
                id="postOauthClients",
                method="POST",
                path=CLIENTS,
                handler=self.create,
                permissions=("oauth:client:add",),
                body=request,
                further=further_problems,
                summary="Create OAuth client",
            ),
            Operation(
                id="getOauthClient",
                method="GET",
                path=one,
                handler=self.get,
                permissions=("oauth:client:view",),
                summary="Get OAuth client",
            ),
            Operation(
                id="putOauthClient",
                method="PUT",
                path=one,
                handler=self.replace,
                permissions=("oauth:client:edit",),
                body=request,
                further=further_problems,
                summary="Update OAuth client",
            ),
            Operation(
                id="deleteOauthClient",
                method="DELETE",
                path=one,
                handler=self.delete,
                permissions=("oauth:client:delete",),
                summary="Delete OAuth client",
            ),
            Operation(
                id="postOauthClientSecret",
                method="POST",
                path=one + "/secret",
                handler=self.regenerate_secret,
                permissions=("oauth:client:edit",),
                summary="Regenerate client secret",
            ),
        )

    async def list_clients(self, call: Call) -> Response:
        """Answers one page; without paging parameters every client in one, streamed."""
        query = call.request.query()
        page = read_page(query)
        if page is None:
            return await self._full_list(call)
        found, total = await self._clients.page(call.actor, page.offset, page.size)
        entities = [client_of(registered, self._style) for registered in found]
        return json_response(listing(entities, page, total, CLIENTS, query))

    async def _full_list(self, call: Call) -> Response:
        slots = self._full_lists.setdefault(
            call.actor.organization_id, asyncio.Semaphore(FULL_LISTS_AT_ONCE)
        )
        try:
            async with asyncio.timeout(SLOT_SECONDS):
                await slots.acquire()
        except TimeoutError:
            raise ApiError(
                503,
                "service.unavailable",
                "Too many full lists are being read; read page by page, or try again.",
                retry_after=SLOT_SECONDS,
            ) from None
        try:
            batches = self._clients.stream(call.actor)
            first: list[RegisteredClient] = await anext(batches, [])
        except BaseException:
            slots.release()
            raise
        if len(first) < STREAM_BATCH:
            slots.release()
            return Response(200, b'{"entities":[' + self._entities(first) + _tail(len(first)))
        chunks = self._streamed(first, batches)
        return StreamedResponse(200, chunks, call.request.gone, slots.release)

    async def _streamed(
        self,
        first: list[RegisteredClient],
        batches: AsyncIterator[list[RegisteredClient]],
    ) -> AsyncGenerator[bytes, None]:
        total = len(first)
        yield b'{"entities":[' + self._entities(first)
        async for batch in batches:
            total += len(batch)
            yield b"," + self._entities(batch)
        yield _tail(total)

    def _entities(self, batch: list[RegisteredClient]) -> bytes:
        return b",".join(_encode(client_of(registered, self._style)) for registered in batch)

    async def create(self, call: Call) -> Response:
        """Answers 200 (not 201) with the client and its secret."""
        draft = draft_of(cast(schemas.OAuthClientRequest, call.body))
        registered, secret = await self._clients.create(call.actor, draft)
        return json_response(client_of(registered, self._style, secret))

    async def get(self, call: Call) -> Response:
        """Answers one client, without a secret."""
        registered = await self._clients.get(call.actor, _id(call))
        return json_response(client_of(registered, self._style))

    async def replace(self, call: Call) -> Response:
        """Answers the client as it is now, without a secret."""
        draft = draft_of(cast(schemas.OAuthClientRequest, call.body))
        registered = await self._clients.replace(call.actor, _id(call), draft)
        return json_response(client_of(registered, self._style))

    async def delete(self, call: Call) -> Response:
        """Answers 204."""
        await self._clients.delete(call.actor, _id(call))
        return empty_response(204)

    async def regenerate_secret(self, call: Call) -> Response:
        """Answers the client with its new secret."""
        registered, secret = await self._clients.regenerate_secret(
            call.actor, _id(call), end_tokens=read_switch(call.request.query(), "revokeTokens")
        )
        return json_response(client_of(registered, self._style, secret))


def _id(call: Call) -> str:
    return call.path["clientId"].lower()


def _tail(total: int) -> bytes:
    page = listing([], Page(max(total, 1), 1), total, CLIENTS, {})
    for name in ("entities", "firstUri", "lastUri"):
        del page[name]
    page["selfUri"] = page["firstUri"] = page["lastUri"] = CLIENTS
    return b"]," + _encode(page)[1:]
