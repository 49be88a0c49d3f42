"""``/api/v2/tokens/me``: the calling token."""

from grantory.http.api_v2 import schemas
from grantory.http.api_v2.client_mapping import client_of, role_divisions_of
from grantory.http.api_v2.grant_types import GrantTypeStyle
from grantory.http.operation import Call, Operation
from grantory.http.response import Response, empty_response, json_response
from grantory.registry.clients import ClientRegistry
from grantory.registry.directory import Directory
from grantory.registry.tokens import TokenRegistry

TOKEN = "/api/v2/tokens/me"


class TokenResource:
    """The operations on the calling token."""

    def __init__(
        self,
        tokens: TokenRegistry,
        clients: ClientRegistry,
        directory: Directory,
        style: GrantTypeStyle,
    ) -> None:
        self._tokens = tokens
        self._clients = clients
        self._directory = directory
        self._style = style

    def operations(self) -> tuple[Operation, ...]:
        """Declares the operations."""
        return (
            Operation(
                id="getTokensMe",
                method="GET",
                path=TOKEN,
                handler=self.get,
                summary="What the calling token is for",
            ),
            Operation(
                id="headTokensMe",
                method="HEAD",
                path=TOKEN,
                handler=self.check,
                summary="Whether the calling token is good",
            ),
            Operation(
                id="deleteTokensMe",
                method="DELETE",
                path=TOKEN,
                handler=self.end,
                summary="End the calling token",
            ),
        )

    async def get(self, call: Call) -> Response:
        """Answers the organisation, the scopes and the client of the token."""
        organization = await self._directory.organization(call.actor)
        named = schemas.EntityRef(id=organization.id, name=organization.name)
        registered = await self._clients.get(call.actor, call.token.client_id)
        client = client_of(registered, self._style)
        return json_response(
            schemas.TokenInfo(
                organization=named,
                home_organization=named,
                authorized_scope=list(call.token.scopes),
                o_auth_client=schemas.OrgOAuthClient(
                    id=client.id,
                    name=client.name,
                    date_created=client.date_created,
                    date_modified=client.date_modified,
                    created_by=client.created_by,
                    modified_by=client.modified_by,
                    authorized_grant_type=client.authorized_grant_type,
                    scope=client.scope,
                    role_divisions=role_divisions_of(registered),
                    state=client.state,
                    date_to_delete=client.date_to_delete,
                    organization=named,
                ),
            )
        )

    async def check(self, call: Call) -> Response:  # noqa: ARG002 - being called is the answer
        """Answers 200: a token that is not good does not come this far."""
        return empty_response(200)

    async def end(self, call: Call) -> Response:
        """Ends the token; it is refused from now on."""
        await self._tokens.end_own(call.actor, call.token)
        return empty_response(200)
