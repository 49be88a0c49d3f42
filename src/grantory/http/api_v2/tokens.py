"""``/api/v2/tokens``: the calling token, a user's tokens, and the idle timeout."""

from typing import Final

from grantory.domain.organization import Organization
from grantory.domain.registered_client import RegisteredClient
from grantory.domain.token import AccessToken
from grantory.errors import ApiError
from grantory.http.api_v2 import schemas
from grantory.http.api_v2.client_mapping import client_of, role_divisions_of
from grantory.http.api_v2.grant_types import GrantTypeStyle
from grantory.http.operation import Call, Operation, Parameter
from grantory.http.response import Response, empty_response, json_response
from grantory.registry.clients import ClientRegistry
from grantory.registry.directory import Directory
from grantory.registry.tokens import TokenRegistry

TOKENS: Final = "/api/v2/tokens"
TOKEN: Final = TOKENS + "/me"
TIMEOUT: Final = TOKENS + "/timeout"


class TokenResource:
    """The operations on tokens."""

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
                query=(Parameter(name="preserveIdleTTL", type="boolean", summary="Ignored"),),
                answer=schemas.TokenInfo,
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
            Operation(
                id="deleteToken",
                method="DELETE",
                path=TOKENS + "/{userId}",
                scope="oauth",
                handler=self.end_all_of_user,
                permissions=("oauth:token:delete",),
                summary="End every token of a user",
            ),
            Operation(
                id="getTokensTimeout",
                method="GET",
                path=TIMEOUT,
                scope="oauth",
                handler=self.timeout,
                answer=schemas.IdleTokenTimeout,
                summary="Whether tokens end when they are not used",
            ),
            Operation(
                id="putTokensTimeout",
                method="PUT",
                path=TIMEOUT,
                scope="oauth",
                handler=self.set_timeout,
                permissions=("directory:organization:admin",),
                body=schemas.IdleTokenTimeoutRequest,
                answer=schemas.IdleTokenTimeout,
                summary="Refused: tokens do not end when they are not used",
            ),
        )

    async def get(self, call: Call) -> Response:
        """Answers the organisation, the scopes and the client of the token."""
        organization = await self._directory.organization(call.actor)
        registered = await self._clients.get(call.actor, call.token.client_id)
        return json_response(token_info_of(call.token, organization, registered, self._style))

    async def check(self, call: Call) -> Response:  # noqa: ARG002 - being called is the answer
        """Answers 200: a token that is not good does not come this far."""
        return empty_response(200)

    async def end(self, call: Call) -> Response:
        """Ends the token; it is refused from now on."""
        await self._tokens.end_own(call.actor, call.token)
        return empty_response(200)

    async def end_all_of_user(self, call: Call) -> Response:
        """Ends the user's tokens; they are refused from now on."""
        await self._tokens.end_all_of_user(call.actor, call.path["userId"].lower())
        return empty_response(200)

    async def timeout(self, call: Call) -> Response:  # noqa: ARG002 - every handler takes the call
        """Answers that it is off."""
        return json_response(
            schemas.IdleTokenTimeout(
                enable_idle_token_timeout=False, inactivity_timeout_groups_enabled=False
            )
        )

    async def set_timeout(self, call: Call) -> Response:  # noqa: ARG002 - nothing can be set
        """Refuses: nothing is written when a token is used, so that no use can be told."""
        raise ApiError(
            400,
            "bad.request",
            "The idle timeout is off and cannot be changed; "
            "set accessTokenValiditySeconds of the client instead.",
        )


def token_info_of(
    token: AccessToken,
    organization: Organization,
    registered: RegisteredClient,
    style: GrantTypeStyle,
) -> schemas.TokenInfo:
    """Writes what a token is for.

    Args:
        token: the token.
        organization: whose it is.
        registered: its client.
        style: how grant types are spelled.
    """
    named = schemas.EntityRef(id=organization.id, name=organization.name)
    client = client_of(registered, style)
    return schemas.TokenInfo(
        organization=named,
        home_organization=named,
        authorized_scope=list(token.scopes),
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
