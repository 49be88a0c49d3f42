"""``GET /api/v2/oauth/clients``: every client in one streamed page, or page by page."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from grantory.domain.registered_client import RegisteredClient
from grantory.errors import ApiError
from grantory.http.api_v2 import schemas
from grantory.http.api_v2.client_filters import FILTERS, read_search
from grantory.http.api_v2.client_mapping import CLIENTS, client_of
from grantory.http.api_v2.grant_types import GrantTypeStyle
from grantory.http.operation import PAGING, Call, Operation
from grantory.http.paging import Page, listing, read_page
from grantory.http.response import Response, StreamedResponse, json_response
from grantory.ports.client_lists import ListLags
from grantory.registry.client_search import ClientSearch, Search
from grantory.registry.clients import STREAM_BATCH, ClientRegistry

FULL_LISTS_AT_ONCE: Final = 4
"""For each organisation; others wait ten seconds, then are told to come again."""
SLOT_SECONDS = 10
FEW_UNLISTED: Final = 500
"""Where more changes are not in the list yet, a page takes a slot as well."""
_encode = msgspec.json.Encoder().encode


class ClientListResource:
    """The list of clients. Whatever may have to look at all of them takes a slot while it does."""

    def __init__(
        self, clients: ClientRegistry, search: ClientSearch, style: GrantTypeStyle
    ) -> None:
        self._clients = clients
        self._search = search
        self._style = style
        self._full_lists: dict[str, asyncio.Semaphore] = {}

    def operations(self) -> tuple[Operation, ...]:
        """Declares the operation."""
        return (
            Operation(
                id="getOauthClients",
                method="GET",
                path=CLIENTS,
                scope="oauth",
                handler=self.list_clients,
                permissions=("oauth:client:view",),
                query=(*PAGING, *FILTERS),
                answer=schemas.OAuthClient,
                listed=True,
                summary="The list of OAuth clients",
            ),
        )

    async def list_clients(self, call: Call) -> Response:
        """Answers one page; without ``pageSize`` every client that fits is one, streamed."""
        query = call.request.query()
        page, search = read_page(query), read_search(query)
        if page is None or ("pageSize" not in query and page.number == 1):
            return await self._full_list(call, query, search)
        if "pageSize" not in query:
            _, total = await self._page(call, search, Page(1, 1))
            return json_response(_beyond_all(total, page.number, query))
        found, total = await self._page(call, search, page)
        entities = [client_of(registered, self._style) for registered in found]
        return json_response(listing(entities, page, total, CLIENTS, query))

    async def _page(
        self, call: Call, search: Search | None, page: Page
    ) -> tuple[list[RegisteredClient], int]:
        search = search or Search()
        if not search.filter.name:
            with contextlib.suppress(ListLags):
                return await self._search.page(
                    *(call.actor, search, page.offset, page.size), most_unlisted=FEW_UNLISTED
                )
        slots = await self._slot(call)
        try:
            return await self._search.page(call.actor, search, page.offset, page.size)
        finally:
            slots.release()

    async def _full_list(
        self, call: Call, query: dict[str, list[str]], search: Search | None
    ) -> Response:
        slots = await self._slot(call)
        try:
            if search is None:
                batches = self._clients.stream(call.actor)
            else:
                batches = self._search.stream(call.actor, search)
            first: list[RegisteredClient] = await anext(batches, [])
        except BaseException:
            slots.release()
            raise
        chosen = {name: values for name, values in query.items() if name != "pageNumber"}
        address = CLIENTS if search is None else f"{CLIENTS}?{urlencode(chosen, doseq=True)}"
        if len(first) < STREAM_BATCH:
            slots.release()
            body = b'{"entities":[' + self._entities(first) + _tail(len(first), address)
            return Response(200, body)
        chunks = self._streamed(first, batches, address)
        gone, done = call.request.gone, slots.release
        return StreamedResponse(200, chunks=chunks, gone=gone, done=done)

    async def _slot(self, call: Call) -> asyncio.Semaphore:
        """Takes a slot, which the caller releases."""
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
        return slots

    async def _streamed(
        self,
        first: list[RegisteredClient],
        batches: AsyncIterator[list[RegisteredClient]],
        address: str,
    ) -> AsyncGenerator[bytes, None]:
        total = len(first)
        yield b'{"entities":[' + self._entities(first)
        async for batch in batches:
            total += len(batch)
            yield b"," + self._entities(batch)
        yield _tail(total, address)

    def _entities(self, batch: list[RegisteredClient]) -> bytes:
        return b",".join(_encode(client_of(registered, self._style)) for registered in batch)


def _beyond_all(total: int, number: int, query: dict[str, list[str]]) -> dict[str, Any]:
    """A further page, where the first has everything: a page of that size need not be allowed."""
    body = listing([], Page(max(total, 1), number), total, CLIENTS, query)
    chosen = [(n, v) for n, vs in query.items() if n != "pageNumber" for v in vs]
    for name, wanted in (("firstUri", 1), ("lastUri", 1), ("previousUri", number - 1)):
        if name in body:
            body[name] = f"{CLIENTS}?{urlencode([*chosen, ('pageNumber', str(wanted))])}"
    body["selfUri"] = f"{CLIENTS}?{urlencode([*chosen, ('pageNumber', str(number))])}"
    return body


def _tail(total: int, address: str) -> bytes:
    page = listing([], Page(max(total, 1), 1), total, CLIENTS, {})
    for name in ("entities", "firstUri", "lastUri"):
        del page[name]
    page["selfUri"] = page["firstUri"] = page["lastUri"] = address
    return b"]," + _encode(page)[1:]
