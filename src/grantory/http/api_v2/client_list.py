"""``GET /api/v2/oauth/clients``: every client in one streamed page, or page by page."""

import contextlib
import functools
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
from grantory.http.api_v2.list_places import Places
from grantory.http.operation import PAGING, Call, Operation
from grantory.http.paging import Page, listing, read_page
from grantory.http.response import BrokenOff, Response, StreamedResponse, json_response
from grantory.ports.client_lists import ListLags
from grantory.registry.client_search import ClientSearch, Search
from grantory.registry.clients import STREAM_BATCH, ClientRegistry

FULL_LISTS_AT_ONCE: Final = 4
"""For each organisation; others wait ten seconds, then are told to come again."""
FULL_LISTS_OF_A_CLIENT: Final = 3
"""No client alone keeps the others of its organisation from theirs."""
FULL_LISTS_IN_ALL: Final = 16
"""In this process, of all organisations: so much memory they may take."""
LOOKS_AT_ONCE: Final = 4
"""For each organisation: what may have to look at all clients, until its answer is there."""
SLOT_SECONDS = 10
FEW_UNLISTED: Final = 500
"""Where more changes are not in the list yet, a page takes a place as well."""
_PROCESS: Final = "this process"
_encode = msgspec.json.Encoder().encode


class ClientListResource:
    """The list of clients. Whatever may have to look at all of them takes a place while it does.

    There are places to look, which our own work gives back, and others to send a long list, which
    are held as long as its reader likes: slow readers hold up nobody but each other.
    """

    def __init__(
        self, clients: ClientRegistry, search: ClientSearch, style: GrantTypeStyle
    ) -> None:
        self._clients = clients
        self._search = search
        self._style = style
        self._looks = Places(LOOKS_AT_ONCE)
        self._operation = Operation(
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
        )
        self._full_lists = Places(FULL_LISTS_OF_A_CLIENT, FULL_LISTS_AT_ONCE, FULL_LISTS_IN_ALL)

    def operations(self) -> tuple[Operation, ...]:
        """Declares the operation."""
        return (self._operation,)

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
        async with self._looking(call):
            return await self._search.page(call.actor, search, page.offset, page.size)

    async def _full_list(
        self, call: Call, query: dict[str, list[str]], search: Search | None
    ) -> Response:
        chosen = {name: values for name, values in query.items() if name != "pageNumber"}
        address = CLIENTS if search is None else f"{CLIENTS}?{urlencode(chosen, doseq=True)}"
        holders = (call.token.client_id, call.actor.organization_id, _PROCESS)
        async with self._looking(call):
            first, batches = await self._begun(call, search)
        if len(first) < STREAM_BATCH:
            return self._short(first, address)
        if not self._full_lists.take_now(*holders):
            # Whoever waits holds nothing: it begins anew.
            first.clear()
            await batches.aclose()
            if not await self._full_lists.take(*holders, seconds=SLOT_SECONDS):
                raise _no_place(
                    "Too many full lists are being read; read page by page, or try again."
                )
            try:
                first, batches = await self._begun(call, search)
            except BaseException:
                self._full_lists.release(*holders)
                raise
        chunks = self._streamed(call, first, batches, address)
        gone, done = call.request.gone, functools.partial(self._full_lists.release, *holders)
        return StreamedResponse(200, chunks=chunks, gone=gone, done=done)

    async def _begun(
        self, call: Call, search: Search | None
    ) -> tuple[list[RegisteredClient], AsyncGenerator[list[RegisteredClient], None]]:
        if search is None:
            batches = self._clients.stream(call.actor)
        else:
            batches = self._search.stream(call.actor, search)
        return await anext(batches, []), batches

    def _short(self, clients: list[RegisteredClient], address: str) -> Response:
        body = b'{"entities":[' + self._entities(clients) + _tail(len(clients), address)
        return Response(200, body)

    @contextlib.asynccontextmanager
    async def _looking(self, call: Call) -> AsyncIterator[None]:
        holder = call.actor.organization_id
        async with self._looks.held(holder, seconds=SLOT_SECONDS) as is_held:
            if not is_held:
                raise _no_place("Too many lists are being searched; try again.")
            yield

    async def _streamed(
        self,
        call: Call,
        first: list[RegisteredClient],
        batches: AsyncIterator[list[RegisteredClient]],
        address: str,
    ) -> AsyncGenerator[bytes, None]:
        total = len(first)
        yield b'{"entities":[' + self._entities(first)
        async for batch in batches:
            total += len(batch)
            try:  # its reader may have been slow: what was revoked meanwhile counts
                await call.permits.require_still(self._operation, call.token)
            except ApiError as error:
                raise BrokenOff(f"the list may not be read any more: {error.code}") from None
            yield b"," + self._entities(batch)
        yield _tail(total, address)

    def _entities(self, batch: list[RegisteredClient]) -> bytes:
        return b",".join(_encode(client_of(registered, self._style)) for registered in batch)


def _no_place(message: str) -> ApiError:
    return ApiError(503, "service.unavailable", message, retry_after=SLOT_SECONDS)


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
