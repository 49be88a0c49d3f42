"""The operations on OAuth clients."""

from typing import Unpack

from grantory_sdk._async.caller import Caller
from grantory_sdk._async.listing import PAGE_SIZE, AsyncListing
from grantory_sdk.client_fields import (
    OAuthClientChanges,
    OAuthClientFields,
    body_of,
    changed_body,
)
from grantory_sdk.models.base import Page
from grantory_sdk.models.clients import ClientState, GrantType, OAuthClient
from grantory_sdk.requests import path_of

CLIENTS = "/api/v2/oauth/clients"


class AsyncOAuthClients:
    """OAuth clients: programs that may ask for tokens."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        name: str | None = None,
        authorized_grant_type: GrantType | None = None,
        state: ClientState | None = None,
        sort_by: str | None = None,
        sort_order: str | None = None,
        page_size: int = PAGE_SIZE,
    ) -> AsyncListing[OAuthClient]:
        """The clients, to be iterated over. Needs ``oauth:client:view``.

        Only Grantory knows the arguments but ``page_size``.

        Args:
            name: part of the name, in any case.
            authorized_grant_type: those of one grant type.
            state: those in one state.
            sort_by: ``name``, ``dateCreated``, ``dateModified`` or ``id``.
            sort_order: ``ASC`` or ``DESC``.
            page_size: how many are asked for at once, at most 500.
        """
        query = {
            "name": name,
            "authorizedGrantType": authorized_grant_type,
            "state": state,
            "sortBy": sort_by,
            "sortOrder": sort_order,
        }
        kind = Page[OAuthClient]
        return AsyncListing(self._caller, CLIENTS, kind, query, page_size=page_size)

    async def create(self, **fields: Unpack[OAuthClientFields]) -> OAuthClient:
        """Creates a client. Needs ``oauth:client:add``.

        Returns:
            The client with its ``secret``, which is not shown again.

        Raises:
            BadRequest: naming each field that is wrong.
        """
        answer = await self._caller.call("POST", CLIENTS, body=body_of(fields))
        return answer.read(OAuthClient)

    async def get(self, client_id: str) -> OAuthClient:
        """Reads a client. Needs ``oauth:client:view``.

        Raises:
            NotFound: if there is none with this id.
        """
        answer = await self._caller.call("GET", path_of(CLIENTS, client_id))
        return answer.read(OAuthClient)

    async def update(self, client_id: str, **changes: Unpack[OAuthClientChanges]) -> OAuthClient:
        """Changes what is named, and leaves the rest. Needs ``oauth:client:view`` and ``…:edit``.

        The platform only replaces clients as a whole, so that the client is read first; what
        somebody else changes in between is overwritten.

        Args:
            client_id: which one.
            changes: the fields to change; None removes what was there.

        Raises:
            NotFound: if there is none with this id.
            BadRequest: naming each field that is wrong.
        """
        path = path_of(CLIENTS, client_id)
        changed_body({}, changes)  # whatever is wrong with the names is wrong before any call
        found = await self._caller.call("GET", path)
        body = changed_body(found.read(dict[str, object]), changes)
        answer = await self._caller.call("PUT", path, body=body)
        return answer.read(OAuthClient)

    async def replace(self, client_id: str, **fields: Unpack[OAuthClientFields]) -> OAuthClient:
        """Replaces a client as a whole; what is left out is removed. Needs ``oauth:client:edit``.

        Raises:
            NotFound: if there is none with this id.
            BadRequest: naming each field that is wrong.
        """
        answer = await self._caller.call("PUT", path_of(CLIENTS, client_id), body=body_of(fields))
        return answer.read(OAuthClient)

    async def delete(self, client_id: str) -> None:
        """Deletes a client, and ends its tokens. Needs ``oauth:client:delete``.

        Raises:
            NotFound: if there is none with this id.
            BadRequest: ``cannot.delete.client``, where only inactive clients may be deleted.
        """
        await self._caller.call("DELETE", path_of(CLIENTS, client_id))

    async def regenerate_secret(
        self, client_id: str, *, revoke_tokens: bool = False
    ) -> OAuthClient:
        """Gives a client a new random secret; the old one is no longer good. Needs
        ``oauth:client:edit``.

        Args:
            client_id: which one.
            revoke_tokens: whether its tokens end as well (Grantory's own).

        Returns:
            The client with its new ``secret``, which is not shown again.
        """
        query = {"revokeTokens": True} if revoke_tokens else {}
        path = path_of(CLIENTS, client_id, "secret")
        return (await self._caller.call("POST", path, query=query)).read(OAuthClient)

    async def revoke_tokens(self, client_id: str) -> None:
        """Ends every token of a client (Grantory's own). Needs ``oauth:token:delete``."""
        await self._caller.call("DELETE", path_of(CLIENTS, client_id, "tokens"))
