"""``/api/v2/users/me``: the caller as a user, and their password."""

from asyncio import to_thread
from typing import Any, cast

from grantory.domain.secret import Secret
from grantory.http.api_v2 import user_schemas
from grantory.http.api_v2.dates import date_text
from grantory.http.api_v2.grant_types import GrantTypeStyle
from grantory.http.api_v2.grants import authorization_of
from grantory.http.api_v2.organization import organization_of
from grantory.http.api_v2.roles import listed_values
from grantory.http.api_v2.tokens import token_info_of
from grantory.http.api_v2.user_mapping import USERS, own_user_of
from grantory.http.operation import Call, Operation, Parameter
from grantory.http.response import Response, empty_response, json_response
from grantory.registry.clients import ClientRegistry
from grantory.registry.directory import Directory
from grantory.registry.grants import GrantRegistry
from grantory.registry.user_passwords import UserPasswords
from grantory.registry.users import UserRegistry

ME = USERS + "/me"
_EXPAND = Parameter(
    name="expand",
    repeated=True,
    summary="authorization, lastTokenIssued, organization, token; others are ignored",
)


class OwnUserResource:
    """The operations on the calling user.

    Args:
        users: the users.
        passwords: sets passwords.
        grants: what a user holds.
        directory: the organisation.
        clients: whose tokens are told of.
        style: how grant types are spelled.
    """

    def __init__(
        self,
        users: UserRegistry,
        passwords: UserPasswords,
        grants: GrantRegistry,
        directory: Directory,
        clients: ClientRegistry,
        style: GrantTypeStyle,
    ) -> None:
        self._users = users
        self._passwords = passwords
        self._grants = grants
        self._directory = directory
        self._clients = clients
        self._style = style

    def operations(self) -> tuple[Operation, ...]:
        """Declares the operations."""
        return (
            Operation(
                id="getUsersMe",
                method="GET",
                path=ME,
                scope="users",
                narrow_scope="user-basic-info",
                handler=self.get,
                query=(_EXPAND,),
                answer=user_schemas.UserMe,
                summary="The calling user",
            ),
            Operation(
                id="postUsersMePassword",
                method="POST",
                path=ME + "/password",
                scope="users",
                handler=self.change_password,
                body=user_schemas.ChangeMyPasswordRequest,
                status=204,
                summary="Change the calling user's password, which ends their tokens",
            ),
        )

    async def get(self, call: Call) -> Response:
        """Answers the user; a client that acts for itself is none."""
        person = await self._users.own(call.actor)
        wanted = {value.lower() for value in listed_values(call.request.query(), "expand")}
        expanded: dict[str, Any] = {}
        if "authorization" in wanted:
            roles = await self._grants.roles_of_user(call.actor, person.user.id)
            expanded["authorization"] = await to_thread(authorization_of, roles)
        if "lasttokenissued" in wanted:
            # At the latest when the caller was given the token at hand.
            last = max(await self._users.last_login(call.actor) or 0, call.token.issued_at * 1000)
            expanded["last_token_issued"] = user_schemas.OAuthLastTokenIssued(
                date_issued=date_text(last)
            )
        if wanted & {"organization", "token"}:
            organization = await self._directory.organization(call.actor)
            if "organization" in wanted:
                expanded["organization"] = organization_of(organization)
            if "token" in wanted:
                registered = await self._clients.get(call.actor, call.token.client_id)
                expanded["token"] = token_info_of(call.token, organization, registered, self._style)
        return json_response(own_user_of(person, **expanded))

    async def change_password(self, call: Call) -> Response:
        """Answers 204; the user's tokens, this one included, are refused from now on."""
        body = cast(user_schemas.ChangeMyPasswordRequest, call.body)
        old, new = Secret(body.old_password), Secret(body.new_password)
        await self._passwords.change_own(call.actor, old, new)
        return empty_response(204)
