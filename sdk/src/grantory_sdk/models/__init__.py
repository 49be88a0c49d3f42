"""The models of the API, with its names in snake case."""

from grantory_sdk.models.access import (
    Division,
    Grant,
    GrantPolicy,
    GrantRole,
    PermissionPolicy,
    Role,
    Subject,
    SubjectType,
)
from grantory_sdk.models.base import EntityRef, Model, Page
from grantory_sdk.models.changes import Change, ChangeOperation, MadeChange, MadeChanges
from grantory_sdk.models.clients import (
    ClientState,
    GrantType,
    OAuthAuthorization,
    OAuthClient,
    OAuthClientRequest,
    OAuthScope,
    RoleDivision,
    TokenFormat,
)
from grantory_sdk.models.tokens import Introspection, OrgOAuthClient, TokenAnswer, TokenInfo
from grantory_sdk.models.users import LastTokenIssued, User, UserMe, UserRoles, UserState

__all__ = [
    "Change",
    "ChangeOperation",
    "ClientState",
    "Division",
    "EntityRef",
    "Grant",
    "GrantPolicy",
    "GrantRole",
    "GrantType",
    "Introspection",
    "LastTokenIssued",
    "MadeChange",
    "MadeChanges",
    "Model",
    "OAuthAuthorization",
    "OAuthClient",
    "OAuthClientRequest",
    "OAuthScope",
    "OrgOAuthClient",
    "Page",
    "PermissionPolicy",
    "Role",
    "RoleDivision",
    "Subject",
    "SubjectType",
    "TokenAnswer",
    "TokenFormat",
    "TokenInfo",
    "User",
    "UserMe",
    "UserRoles",
    "UserState",
]
