"""Tokens."""

from datetime import datetime

import msgspec

from grantory_sdk.models.base import EntityRef, Model, as_written
from grantory_sdk.models.clients import OAuthClient


class OrgOAuthClient(OAuthClient):
    """The client of a token."""

    organization: EntityRef | None = None


class TokenInfo(Model):
    """What a token is for."""

    organization: EntityRef | None = None
    home_organization: EntityRef | None = None
    authorized_scope: list[str] | None = None
    cloned_user: EntityRef | None = None
    date_token_idles: datetime | None = None
    oauth_client: OrgOAuthClient = msgspec.field(name="OAuthClient", default_factory=OrgOAuthClient)


class Introspection(Model, rename=as_written):
    """What the server tells of a token (RFC 7662); of one that is not good, only that.

    ``exp`` and ``iat`` are in seconds since 1970 (UTC).
    """

    active: bool = False
    client_id: str | None = None
    sub: str | None = None
    org_id: str | None = None
    iss: str | None = None
    exp: int | None = None
    iat: int | None = None
    aud: str | list[str] | None = None
    token_type: str | None = None
    jti: str | None = None
    scope: str | None = None
    username: str | None = None


class TokenAnswer(Model, rename=as_written):
    """What the token endpoint gives (RFC 6749 section 5.1)."""

    access_token: str
    token_type: str = "bearer"
    expires_in: float | None = None
    refresh_token: str | None = None
    scope: str | None = None
