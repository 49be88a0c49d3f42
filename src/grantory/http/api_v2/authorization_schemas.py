"""Schemas of a client's authorizations."""

from typing import Annotated

from msgspec import Meta

from grantory.http.api_v2.schemas import Date, EntityRef, OAuthClient, Wire, one_of

Scope = Annotated[str, Meta(min_length=1, max_length=100)]


class OAuthAuthorization(Wire, kw_only=True):
    """What was allowed to a client, by the organisation or by one person."""

    client: OAuthClient
    scope: list[str]
    roles: list[str]
    date_created: Date
    date_modified: Date
    pending: bool
    state: Annotated[str, one_of("Authorized", "Revoked")]
    self_uri: str
    resource_owner: EntityRef | None = None
    created_by: EntityRef | None = None
    modified_by: EntityRef | None = None


class OAuthAuthorizationListing(Wire, kw_only=True):
    """Every authorization, in one page."""

    total: int
    entities: list[OAuthAuthorization]
    self_uri: str


class ApprovalRequest(Wire, kw_only=True):
    """What the organisation allows a client; without scopes, all that it is registered for."""

    scope: Annotated[list[Scope], Meta(max_length=200)] | None = None
