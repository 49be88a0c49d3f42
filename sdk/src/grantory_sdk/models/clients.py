"""OAuth clients and what they were allowed to do for people."""

from datetime import datetime
from typing import Literal

import msgspec

from grantory_sdk.models.base import EntityRef, Model

GrantType = Literal["CODE", "TOKEN", "SAML2-BEARER", "PASSWORD", "CLIENT-CREDENTIALS"]
"""The platform's names of OAuth's grants: authorization code, implicit, SAML bearer, password and
client credentials."""
ClientState = Literal["active", "inactive", "disabled"]
TokenFormat = Literal["OPAQUE", "JWT_EDDSA", "JWT_ES256", "JWT_RS256"]


class RoleDivision(Model, kw_only=False, omit_defaults=False):
    """A role in a division; ``*`` is every division."""

    role_id: str
    division_id: str = "*"


class OAuthClient(Model):
    """A client. ``secret`` is there once: in the answer to create and to regenerate."""

    id: str = ""
    name: str = ""
    authorized_grant_type: str = ""
    access_token_validity_seconds: int | None = None
    description: str | None = None
    registered_redirect_uri: list[str] | None = None
    secret: str | None = None
    role_ids: list[str] | None = None
    role_divisions: list[RoleDivision] | None = None
    scope: list[str] | None = None
    state: str | None = None
    date_to_delete: datetime | None = None
    date_created: datetime | None = None
    date_modified: datetime | None = None
    created_by: EntityRef | None = None
    modified_by: EntityRef | None = None
    access_token_format: str | None = None
    """Grantory's own."""
    self_uri: str | None = None


class OAuthClientRequest(Model):
    """What a client is to be, for creating and replacing it."""

    name: str
    authorized_grant_type: str
    access_token_validity_seconds: int | None = None
    description: str | None = None
    registered_redirect_uri: list[str] | None = None
    role_ids: list[str] | None = None
    role_divisions: list[RoleDivision] | None = None
    scope: list[str] | None = None
    state: str | None = None
    date_to_delete: datetime | None = None
    access_token_format: str | None = None
    """Grantory's own."""


class OAuthAuthorization(Model):
    """What was allowed to a client, by its organisation or by one person."""

    client: OAuthClient = msgspec.field(default_factory=OAuthClient)
    scope: list[str] = msgspec.field(default_factory=list[str])
    roles: list[str] | None = None
    resource_owner: EntityRef | None = None
    date_created: datetime | None = None
    date_modified: datetime | None = None
    created_by: EntityRef | None = None
    modified_by: EntityRef | None = None
    pending: bool | None = None
    state: str | None = None
    self_uri: str | None = None


class OAuthScope(Model):
    """A scope."""

    id: str = ""
    description: str | None = None
    self_uri: str | None = None
