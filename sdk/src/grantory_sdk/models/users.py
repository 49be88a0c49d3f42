"""Users."""

from datetime import datetime
from typing import Literal

import msgspec

from grantory_sdk.models.access import PermissionPolicy
from grantory_sdk.models.base import EntityRef, Model
from grantory_sdk.models.tokens import TokenInfo

UserState = Literal["active", "inactive"]


class UserRoles(Model):
    """A user's roles with what they allow."""

    roles: list[EntityRef] = msgspec.field(default_factory=list[EntityRef])
    unused_roles: list[EntityRef] | None = None
    permissions: list[str] | None = None
    permission_policies: list[PermissionPolicy] | None = None


class User(Model):
    """A user."""

    id: str = ""
    name: str = ""
    email: str | None = None
    username: str | None = None
    division: EntityRef | None = None
    department: str | None = None
    title: str | None = None
    state: str | None = None
    version: int | None = None
    self_uri: str | None = None


class LastTokenIssued(Model):
    """When a user was last given a token."""

    date_issued: datetime | None = None


class UserMe(User):
    """The user for whom the token is; what follows comes where it is asked for."""

    authorization: UserRoles | None = None
    last_token_issued: LastTokenIssued | None = None
    organization: EntityRef | None = None
    token: TokenInfo | None = None
