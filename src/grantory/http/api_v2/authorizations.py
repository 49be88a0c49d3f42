"""``/api/v2/oauth/authorizations``: which clients may act for people without asking."""

from typing import Final, cast

from grantory.domain.authorization import AuthorizationState
from grantory.http.api_v2 import schemas
from grantory.http.api_v2.authorization_schemas import (
    ApprovalRequest,
    OAuthAuthorization,
    OAuthAuthorizationListing,
)
from grantory.http.api_v2.client_mapping import client_of, reference_of
from grantory.http.api_v2.dates import date_text
from grantory.http.api_v2.grant_types import GrantTypeStyle
from grantory.http.operation import Call, Operation
from grantory.http.response import Response, empty_response, json_response
from grantory.registry.authorizations import ApprovedClient, AuthorizationRegistry

AUTHORIZATIONS: Final = "/api/v2/oauth/authorizations"
_PERMISSION: Final = ("oauth:client:authorize",)
_STATES: Final = {
    AuthorizationState.AUTHORIZED: "Authorized",
    AuthorizationState.REVOKED: "Revoked",
}


class AuthorizationResource:
    """The operations on authorizations; approving and revoking are Grantory's own."""

    def __init__(self, authorizations: AuthorizationRegistry, style: GrantTypeStyle) -> None:
        self._authorizations = authorizations
        self._style = style

    def operations(self) -> tuple[Operation, ...]:
        """Declares the operations."""
        one = AUTHORIZATIONS + "/{clientId}"
        return (
            Operation(
                id="getOauthAuthorizations",
                method="GET",
                path=AUTHORIZATIONS,
                scope="oauth",
                handler=self.list,
                permissions=_PERMISSION,
                answer=OAuthAuthorizationListing,
                summary="The clients that were allowed to act for people",
            ),
            Operation(
                id="getOauthAuthorization",
                method="GET",
                path=one,
                scope="oauth",
                handler=self.get,
                permissions=_PERMISSION,
                answer=OAuthAuthorization,
                summary="What was allowed to a client",
            ),
            Operation(
                id="putOauthAuthorization",
                method="PUT",
                path=one,
                scope="oauth",
                handler=self.approve,
                permissions=_PERMISSION,
                body=ApprovalRequest,
                answer=OAuthAuthorization,
                summary="Let a client act for the organisation's people without asking them",
            ),
            Operation(
                id="deleteOauthAuthorization",
                method="DELETE",
                path=one,
                scope="oauth",
                handler=self.revoke,
                permissions=_PERMISSION,
                status=204,
                summary="Take back what was allowed to a client, and end its tokens",
            ),
        )

    async def list(self, call: Call) -> Response:
        """Answers every authorization; the listing has no pages."""
        found = await self._authorizations.list(call.actor)
        return json_response(
            OAuthAuthorizationListing(
                total=len(found),
                entities=[self._of(each) for each in found],
                self_uri=AUTHORIZATIONS,
            )
        )

    async def get(self, call: Call) -> Response:
        """Answers the organisation's word on a client, or else the newest of a person's."""
        return json_response(self._of(await self._authorizations.get(call.actor, _client(call))))

    async def approve(self, call: Call) -> Response:
        """Answers the authorization."""
        scope = cast(ApprovalRequest, call.body).scope
        scopes = None if scope is None else tuple(dict.fromkeys(scope))
        approved = await self._authorizations.approve(call.actor, _client(call), scopes)
        return json_response(self._of(approved))

    async def revoke(self, call: Call) -> Response:
        """Answers 204."""
        await self._authorizations.revoke(call.actor, _client(call))
        return empty_response(204)

    def _of(self, approved: ApprovedClient) -> OAuthAuthorization:
        authorization = approved.authorization
        owner = None
        if authorization.user_id is not None:
            owner = schemas.EntityRef(
                id=authorization.user_id,
                name=approved.owner_name or None,
                self_uri=f"/api/v2/users/{authorization.user_id}",
            )
        return OAuthAuthorization(
            client=client_of(approved.registered, self._style),
            scope=list(authorization.scopes),
            roles=[],
            resource_owner=owner,
            date_created=date_text(authorization.created_at),
            date_modified=date_text(authorization.modified_at),
            created_by=reference_of(authorization.created_by),
            modified_by=reference_of(authorization.modified_by),
            pending=False,
            state=_STATES[authorization.state],
            self_uri=f"{AUTHORIZATIONS}/{authorization.client_id}",
        )


def _client(call: Call) -> str:
    return call.path["clientId"].lower()
