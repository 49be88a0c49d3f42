"""``/api/v2/oauth/clients``: single clients; the list is in ``client_list``."""

from typing import Any, Final, cast

from grantory.domain.client import GrantType
from grantory.domain.registered_client import RegisteredClient
from grantory.http.api_v2 import schemas
from grantory.http.api_v2.client_mapping import CLIENTS, client_of, draft_of, further_problems
from grantory.http.api_v2.grant_types import GrantTypeStyle
from grantory.http.operation import Call, InList, ListedChange, Operation, Parameter
from grantory.http.paging import read_switch
from grantory.http.response import Response, empty_response, json_response
from grantory.registry.clients import ClientRegistry
from grantory.registry.prepared import Prepared

IMPLICIT_RETIRES: Final = (
    "The implicit grant is being retired (RFC 9700 section 2.1.2): "
    "use CODE with a code_challenge, which needs no secret either."
)
MOST_WRITTEN: Final = 1_000
LARGEST_WRITTEN: Final = 4_096
"""Bytes. What is larger is not remembered by whoever reads it either."""


class ClientResource:
    """The operations on clients."""

    def __init__(self, clients: ClientRegistry, style: GrantTypeStyle) -> None:
        self._clients = clients
        self._style = style
        self._written: dict[str, tuple[RegisteredClient, bytes]] = {}
        """By its id, what was written of a client as it was read then."""

    def operations(self) -> tuple[Operation, ...]:
        """Declares the operations."""
        one = CLIENTS + "/{clientId}"
        request = schemas.OAuthClientRequest
        return (
            Operation(
                id="postOauthClients",
                method="POST",
                path=CLIENTS,
                scope="oauth",
                handler=self.create,
                permissions=("oauth:client:add",),
                body=request,
                further=further_problems,
                answer=schemas.OAuthClient,
                summary="Create OAuth client",
                in_list=InList(self.prepare_create),
            ),
            Operation(
                id="getOauthClient",
                method="GET",
                path=one,
                scope="oauth",
                handler=self.get,
                permissions=("oauth:client:view",),
                answer=schemas.OAuthClient,
                summary="Get OAuth client",
            ),
            Operation(
                id="putOauthClient",
                method="PUT",
                path=one,
                scope="oauth",
                handler=self.replace,
                permissions=("oauth:client:edit",),
                body=request,
                further=further_problems,
                answer=schemas.OAuthClient,
                summary="Update OAuth client",
                in_list=InList(self.prepare_replace, tells_time=True),
            ),
            Operation(
                id="deleteOauthClient",
                method="DELETE",
                path=one,
                scope="oauth",
                handler=self.delete,
                permissions=("oauth:client:delete",),
                status=204,
                summary="Delete OAuth client",
                in_list=InList(self.prepare_delete, tells_time=True),
            ),
            Operation(
                id="postOauthClientSecret",
                method="POST",
                path=one + "/secret",
                scope="oauth",
                handler=self.regenerate_secret,
                permissions=("oauth:client:edit",),
                query=(
                    Parameter(
                        name="revokeTokens",
                        type="boolean",
                        summary="Whether the client's tokens end, too",
                    ),
                ),
                answer=schemas.OAuthClient,
                summary="Regenerate client secret",
            ),
            Operation(
                id="deleteOauthClientTokens",
                method="DELETE",
                path=one + "/tokens",
                scope="oauth",
                handler=self.end_tokens,
                permissions=("oauth:token:delete", "oauth:client:edit"),
                status=204,
                summary="End every token of an OAuth client",
            ),
        )

    async def create(self, call: Call) -> Response:
        """Answers 200 (not 201) with the client and its secret."""
        draft = draft_of(cast(schemas.OAuthClientRequest, call.body))
        registered, secret = await self._clients.create(call.actor, draft)
        answer = json_response(client_of(registered, self._style, secret))
        return with_warning(answer, implicit=_is_implicit(registered))

    async def get(self, call: Call) -> Response:
        """Answers one client, without a secret."""
        registered = await self._clients.get(call.actor, _id(call))
        client_id = registered.client.id
        written = self._written.get(client_id)
        if written is not None and written[0] is registered:  # memory holds the very same
            return Response(200, written[1])
        answer = json_response(client_of(registered, self._style))
        if len(answer.body) <= LARGEST_WRITTEN:
            if len(self._written) >= MOST_WRITTEN:
                del self._written[next(iter(self._written))]
            self._written[client_id] = registered, answer.body
        return answer

    async def replace(self, call: Call) -> Response:
        """Answers the client as it is now, without a secret."""
        draft = draft_of(cast(schemas.OAuthClientRequest, call.body))
        registered = await self._clients.replace(call.actor, _id(call), draft)
        answer = json_response(client_of(registered, self._style))
        return with_warning(answer, implicit=_is_implicit(registered))

    async def delete(self, call: Call) -> Response:
        """Answers 204."""
        await self._clients.delete(call.actor, _id(call))
        return empty_response(204)

    async def prepare_create(self, change: ListedChange) -> Prepared[Any]:
        """Prepares what ``create`` does."""
        draft = draft_of(cast(schemas.OAuthClientRequest, change.body))
        return self._clients.prepare_create(change.actor, draft)[0]

    async def prepare_replace(self, change: ListedChange) -> Prepared[Any]:
        """Prepares what ``replace`` does."""
        draft = draft_of(cast(schemas.OAuthClientRequest, change.body))
        return await self._clients.prepare_replace(change.actor, change.id, draft, change.seen)

    async def prepare_delete(self, change: ListedChange) -> Prepared[Any]:
        """Prepares what ``delete`` does."""
        return self._clients.prepare_delete(change.actor, change.id, change.seen)

    async def regenerate_secret(self, call: Call) -> Response:
        """Answers the client with its new secret."""
        registered, secret = await self._clients.regenerate_secret(
            call.actor, _id(call), end_tokens=read_switch(call.request.query(), "revokeTokens")
        )
        return json_response(client_of(registered, self._style, secret))

    async def end_tokens(self, call: Call) -> Response:
        """Answers 204; the client's tokens are refused from now on."""
        await self._clients.end_tokens(call.actor, _id(call))
        return empty_response(204)


def _id(call: Call) -> str:
    return call.path["clientId"].lower()


def _is_implicit(registered: RegisteredClient) -> bool:
    return registered.client.grant_type is GrantType.IMPLICIT


def with_warning(response: Response, *, implicit: bool) -> Response:
    """Says, to the caller and in the log, that the implicit grant is being retired."""
    if implicit:
        response.headers += ((b"warning", f'299 - "{IMPLICIT_RETIRES}"'.encode()),)
        response.detail = IMPLICIT_RETIRES
    return response
