"""Every operation of the management API, as the official SDKs call it."""

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

from tests.compat.arrange import (
    UNKNOWN_ID,
    a_provider_document,
    make_client,
    make_deleted_division,
    make_division,
    make_provider,
    make_role,
    make_user,
    policy,
    unique,
    unique_address,
)
from tests.compat.sdk import Answer, Document, Sdk, model
from tests.support.server import RunningServer

AUTHORIZATION, OAUTH, TOKENS = "AuthorizationApi", "OAuthApi", "TokensApi"
ORGANIZATION, USERS = "OrganizationApi", "UsersApi"
PROVIDERS = "IdentityProviderApi"
VIEW = "oauth:client:view"
PASSWORD = "quiet harbor seven kites"


def provider() -> Document:
    """An identity provider that nobody has registered yet."""
    return model("CustomProvider", **a_provider_document())


class Stage:
    """What the calls name, each made when it is first asked for.

    Args:
        server: where; None for a stage on which nothing exists.
        user: the id of a user that is there.
    """

    def __init__(self, server: RunningServer | None, user: str = UNKNOWN_ID) -> None:
        self._server = server
        self.user = user

    @cached_property
    def client(self) -> str:
        """A client-credentials client."""
        return UNKNOWN_ID if self._server is None else str(make_client(self._server)["id"])

    @cached_property
    def approved(self) -> str:
        """A client that may act for everybody."""
        if self._server is None:
            return UNKNOWN_ID
        self._server.call("PUT", f"/api/v2/oauth/authorizations/{self.client}", {})
        return self.client

    @cached_property
    def role(self) -> str:
        """A role that nobody holds."""
        return UNKNOWN_ID if self._server is None else make_role(self._server, VIEW)

    @cached_property
    def division(self) -> str:
        """A division without grants."""
        return UNKNOWN_ID if self._server is None else make_division(self._server)

    @cached_property
    def deleted_division(self) -> str:
        """A division that was deleted."""
        return UNKNOWN_ID if self._server is None else make_deleted_division(self._server)

    @cached_property
    def provider(self) -> str:
        """An identity provider."""
        return UNKNOWN_ID if self._server is None else make_provider(self._server)

    @cached_property
    def scope(self) -> str:
        """The name of a scope."""
        return UNKNOWN_ID if self._server is None else "oauth:readonly"

    @cached_property
    def new_user(self) -> str:
        """A user whom nobody else needs."""
        return UNKNOWN_ID if self._server is None else make_user(self._server)

    @property
    def grants(self) -> Document:
        """A list of one role in one division."""
        pair = {"roleId": self.role, "divisionId": self.division}
        return model("RoleDivisionGrants", grants=[pair])


class Case(NamedTuple):
    """How an operation is called: by the method of the SDK that is called as it is."""

    api: str
    """The SDK's class; empty where no SDK has a method."""
    ids: tuple[str, ...] = ()
    """What of the stage its path names, in order."""
    body: Callable[[Stage], Any] | None = None
    body_is_optional: bool = False
    """Whether the SDK wants the body by name."""
    never_null: tuple[str, ...] = ()
    """What clients look into without asking whether it is there."""
    kind: str = ""
    """The model that Python makes of the answer, where no method says it."""
    refusal: str = ""
    """The code of the 400 that is all that this operation answers."""
    options: Document = {}  # noqa: RUF012 - nobody changes it
    """What else is asked for, by the names of the SDK for Python."""
    by_user: bool = False
    """Whether only a user can ask, with ``PASSWORD``."""
    by_parts: bool = False
    """Whether it asks for the permissions of what is in its body."""


CASES: dict[str, Case] = {
    # clients
    "getOauthClients": Case(
        OAUTH, never_null=("entities.0.name", "entities.0.state", "pageCount", "total")
    ),
    "postOauthClients": Case(
        OAUTH,
        body=lambda at: model(
            "OAuthClientRequest",
            name=unique("client"),
            authorizedGrantType="CLIENT-CREDENTIALS",
            roleDivisions=[{"roleId": at.role, "divisionId": at.division}],
        ),
        never_null=("id", "secret", "state", "accessTokenValiditySeconds"),
    ),
    "getOauthClient": Case(OAUTH, ("client",), never_null=("name", "state", "roleDivisions")),
    "putOauthClient": Case(
        OAUTH,
        ("client",),
        body=lambda _: model("OAuthClientRequest", name="changed", authorizedGrantType="CODE"),
        never_null=("name", "state"),
    ),
    "deleteOauthClient": Case(OAUTH, ("client",)),
    "postOauthClientSecret": Case(OAUTH, ("client",), never_null=("id", "secret")),
    "deleteOauthClientTokens": Case("", ("client",)),
    "getOauthScopes": Case(OAUTH, never_null=("total", "entities.0.id", "entities.0.description")),
    "getOauthScope": Case(OAUTH, ("scope",), never_null=("id", "description")),
    "getOauthAuthorizations": Case(OAUTH, never_null=("total", "entities", "selfUri")),
    "getOauthAuthorization": Case(
        OAUTH, ("approved",), never_null=("client.id", "scope", "state", "dateCreated")
    ),
    "putOauthAuthorization": Case(
        "",
        ("client",),
        body=lambda _: {"scope": None},
        never_null=("client.id", "state"),
        kind="OAuthAuthorization",
    ),
    "deleteOauthAuthorization": Case("", ("approved",)),
    "postGrantoryChanges": Case(
        "",
        body=lambda _: {
            "changes": [{"operation": "postAuthorizationDivisions", "body": {"name": unique("in")}}]
        },
        never_null=("applied", "changes.0.operation", "changes.0.id"),
        kind="object",
        by_parts=True,
    ),
    # roles and permissions
    "getAuthorizationRoles": Case(
        AUTHORIZATION, never_null=("entities.0.permissionPolicies", "pageCount", "total")
    ),
    "postAuthorizationRoles": Case(
        AUTHORIZATION,
        body=lambda _: model(
            "DomainOrganizationRoleCreate", name=unique("role"), permissionPolicies=[policy(VIEW)]
        ),
        never_null=("id", "permissions", "permissionPolicies.0.actionSet", "userCount"),
    ),
    "getAuthorizationRole": Case(
        AUTHORIZATION, ("role",), never_null=("permissions", "permissionPolicies", "userCount")
    ),
    "putAuthorizationRole": Case(
        AUTHORIZATION,
        ("role",),
        body=lambda _: model(
            "DomainOrganizationRoleUpdate", name=unique("role"), permissionPolicies=[policy(VIEW)]
        ),
        never_null=("permissions", "permissionPolicies"),
    ),
    "patchAuthorizationRole": Case(
        AUTHORIZATION,
        ("role",),
        body=lambda _: model("DomainOrganizationRole", description="changed"),
        never_null=("name", "permissions", "permissionPolicies"),
    ),
    "deleteAuthorizationRole": Case(AUTHORIZATION, ("role",)),
    "getAuthorizationPermissions": Case(
        AUTHORIZATION, never_null=("entities.0.domain", "entities.0.permissionMap", "total")
    ),
    # subjects and grants
    "getAuthorizationSubjectsMe": Case(
        AUTHORIZATION, never_null=("grants.0.division.id", "grants.0.role.policies")
    ),
    "getAuthorizationSubject": Case(
        AUTHORIZATION, ("client",), never_null=("grants.0.division.id", "grants.0.role.policies")
    ),
    "postAuthorizationSubjectDivisionRole": Case(AUTHORIZATION, ("client", "division", "role")),
    "deleteAuthorizationSubjectDivisionRole": Case(AUTHORIZATION, ("client", "division", "role")),
    "postAuthorizationSubjectBulkadd": Case(AUTHORIZATION, ("client",), body=lambda at: at.grants),
    "postAuthorizationSubjectBulkremove": Case(
        AUTHORIZATION, ("client",), body=lambda at: at.grants
    ),
    "postAuthorizationSubjectBulkreplace": Case(
        AUTHORIZATION, ("client",), body=lambda at: at.grants
    ),
    "postAuthorizationRole": Case(
        AUTHORIZATION,
        ("role",),
        body=lambda at: model(
            "SubjectDivisions", subjectIds=[at.client], divisionIds=[at.division]
        ),
    ),
    "getUserRoles": Case(
        AUTHORIZATION, ("user",), never_null=("roles", "permissions", "permissionPolicies")
    ),
    "putUserRoles": Case(
        USERS,
        ("user",),
        body=lambda _: [],
        never_null=("roles", "unusedRoles", "permissions", "permissionPolicies"),
    ),
    # divisions
    "getAuthorizationDivisions": Case(
        AUTHORIZATION, never_null=("entities.0.homeDivision", "pageCount", "total")
    ),
    "getAuthorizationDivisionsQuery": Case(AUTHORIZATION, never_null=("entities.0.id", "selfUri")),
    "getAuthorizationDivisionsDeleted": Case(AUTHORIZATION, never_null=("entities", "total")),
    "getAuthorizationDivisionsHome": Case(AUTHORIZATION, never_null=("id", "name")),
    "getAuthorizationDivisionsLimit": Case(AUTHORIZATION),
    "getAuthorizationDivision": Case(AUTHORIZATION, ("division",), never_null=("name",)),
    "getAuthorizationDivisionGrants": Case(
        AUTHORIZATION, ("division",), never_null=("entities", "pageCount", "total")
    ),
    "postAuthorizationDivisions": Case(
        AUTHORIZATION,
        body=lambda _: model("AuthzDivision", name=unique("division")),
        never_null=("id", "homeDivision"),
    ),
    "putAuthorizationDivision": Case(
        AUTHORIZATION,
        ("division",),
        body=lambda _: model("AuthzDivision", name=unique("division")),
        never_null=("id", "homeDivision"),
    ),
    "deleteAuthorizationDivision": Case(AUTHORIZATION, ("division",)),
    "postAuthorizationDivisionRestore": Case(
        AUTHORIZATION,
        ("deleted_division",),
        body=lambda _: model("AuthzDivision", name=unique("restored")),
        never_null=("id", "homeDivision"),
    ),
    # identity providers
    "getIdentityproviders": Case(PROVIDERS, never_null=("entities", "total", "pageCount")),
    "postIdentityproviders": Case(
        PROVIDERS, body=lambda _: provider(), never_null=("id", "issuerURI", "certificates.0")
    ),
    "getIdentityprovider": Case(PROVIDERS, ("provider",), never_null=("name", "issuerURI")),
    "putIdentityprovider": Case(
        PROVIDERS, ("provider",), body=lambda _: provider(), never_null=("name", "issuerURI")
    ),
    "deleteIdentityprovider": Case(PROVIDERS, ("provider",)),
    # organisation, tokens, the caller
    "getOrganizationsMe": Case(ORGANIZATION, never_null=("id", "name", "defaultCountryCode")),
    "putOrganizationsMe": Case(
        ORGANIZATION,
        body=lambda _: model("Organization", defaultLanguage="en-us"),
        body_is_optional=True,
        never_null=("defaultCountryCode", "version"),
    ),
    "getAuthorizationProducts": Case(AUTHORIZATION, never_null=("total", "entities.0.id")),
    "getTokensMe": Case(
        TOKENS, never_null=("organization.id", "OAuthClient.organization.id", "authorizedScope")
    ),
    "headTokensMe": Case(TOKENS),
    "deleteTokensMe": Case(TOKENS),
    "deleteToken": Case(TOKENS, ("user",)),
    "getTokensTimeout": Case(TOKENS, never_null=("enableIdleTokenTimeout",)),
    "putTokensTimeout": Case(
        TOKENS,
        body=lambda _: model("IdleTokenTimeout", idleTokenTimeoutSeconds=900),
        body_is_optional=True,
        refusal="bad.request",
    ),
    # users
    "getUsers": Case(
        USERS, never_null=("entities.0.division.id", "entities.0.version", "pageCount", "total")
    ),
    "postUsers": Case(
        USERS,
        body=lambda _: model("CreateUser", name="Ann", email=unique_address(), password=PASSWORD),
        never_null=("id", "name", "email", "username", "state", "version", "division.name"),
    ),
    "getUser": Case(USERS, ("user",), never_null=("id", "state", "version", "division.id")),
    "patchUser": Case(
        USERS,
        ("new_user",),
        body=lambda _: model("UpdateUser", title="Boss", email=unique_address(), version=1),
        never_null=("id", "title", "version"),
    ),
    "deleteUser": Case(USERS, ("new_user",)),
    "postUserPassword": Case(
        USERS,
        ("new_user",),
        body=lambda _: model("ChangePasswordRequest", newPassword=PASSWORD),
    ),
    "getUsersMe": Case(
        USERS,
        options={"expand": ["authorization", "lastTokenIssued", "organization", "token"]},
        never_null=(
            *("id", "name", "email", "username", "state", "version", "division.name"),
            *("authorization.roles.0.id", "authorization.permissionPolicies.0.actionSet"),
            *("lastTokenIssued.dateIssued", "organization.defaultCountryCode"),
            *("token.organization.id", "token.OAuthClient.organization.id"),
        ),
        by_user=True,
    ),
    "postUsersMePassword": Case(
        USERS,
        body=lambda _: model(
            "ChangeMyPasswordRequest", newPassword="four green lamps", oldPassword=PASSWORD
        ),
        by_user=True,
    ),
}


class Operation(NamedTuple):
    """An operation as the server declares it."""

    id: str
    method: str
    path: str
    permissions: tuple[str, ...]
    status: int

    def call(self, sdk: Sdk, at: Stage) -> Answer:
        """Drive it with an SDK."""
        case = CASES[self.id]
        arguments = [getattr(at, name) for name in case.ids]
        if not case.api:
            names = [part[1:-1] for part in self.path.split("/") if part.startswith("{")]
            named = dict(zip(names, arguments, strict=True))
            body = None if case.body is None else case.body(at)
            kind = case.kind or None
            return sdk.request(self.method, self.path, path_parameters=named, body=body, kind=kind)
        options = dict(case.options)
        if case.body is not None and case.body_is_optional:
            options["body"] = case.body(at)
        elif case.body is not None:
            arguments.append(case.body(at))
        return sdk.call(case.api, snake_case(self.id), *arguments, **options)


def snake_case(name: str) -> str:
    """The Python SDK's form of a name."""
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
