"""Between the platform's OAuthClient and ours."""

from typing import Any

import msgspec

from grantory.domain.access import Assignment
from grantory.domain.client import GrantType, Reference, SubjectKind
from grantory.domain.secret import Secret
from grantory.errors import FieldProblem
from grantory.http.api_v2 import schemas
from grantory.http.api_v2.dates import date_text
from grantory.http.api_v2.grant_types import GrantTypeStyle, grant_type_text
from grantory.http.api_v2.token_formats import token_format_text
from grantory.registry.client_draft import ClientDraft, problems_of
from grantory.registry.clients import RegisteredClient

CLIENTS = "/api/v2/oauth/clients"


def draft_of(request: schemas.OAuthClientRequest) -> ClientDraft:
    """Reads what a request asks a client to be."""
    divisions, role_ids = request.role_divisions, request.role_ids
    form = request.access_token_format
    return ClientDraft(
        name=request.name,
        grant_type=request.authorized_grant_type,
        description=request.description,
        access_token_lifetime=request.access_token_validity_seconds,
        redirect_uris=tuple(request.registered_redirect_uri or ()),
        scopes=tuple(request.scope or ()),
        assignments=tuple(Assignment(d.role_id.lower(), d.division_id.lower()) for d in divisions)
        if divisions
        else None,
        role_ids=tuple(role_id.lower() for role_id in role_ids) if role_ids else None,
        state=request.state,
        delete_at=request.date_to_delete,
        jwt_algorithm=msgspec.UNSET if form is None else form.algorithm,
    )


def further_problems(good: dict[str, Any], bad: frozenset[str]) -> list[FieldProblem]:
    """Lists what the registry would refuse in a request whose other fields are bad already.

    Args:
        good: the request's good fields, by their names in the schema.
        bad: the names of the bad ones.
    """
    stand_in: dict[str, Any] = {
        "name": "-",
        "authorized_grant_type": GrantType.SAML2_BEARER,
        # Whether roles are missing cannot be told while a list of them is a bad field.
        "role_ids": ["-"] if bad & {"role_ids", "role_divisions"} else None,
    }
    return problems_of(draft_of(schemas.OAuthClientRequest(**{**stand_in, **good})))


def client_of(
    registered: RegisteredClient, style: GrantTypeStyle, secret: Secret | None = None
) -> schemas.OAuthClient:
    """Writes a client as it is answered.

    Args:
        registered: the client with its roles.
        style: how grant types are spelled.
        secret: given in the answers to create and regenerate only.
    """
    client = registered.client
    return schemas.OAuthClient(
        id=client.id,
        name=client.name,
        access_token_validity_seconds=client.access_token_lifetime,
        description=client.description,
        registered_redirect_uri=list(client.redirect_uris) or None,
        secret=None if secret is None else secret.reveal(),
        role_ids=_role_ids(registered),
        date_created=date_text(client.created_at),
        date_modified=date_text(client.modified_at),
        created_by=reference_of(client.created_by),
        modified_by=reference_of(client.modified_by),
        authorized_grant_type=grant_type_text(client.grant_type, style),
        scope=list(client.scopes) or None,
        role_divisions=role_divisions_of(registered),
        state=client.state.value,
        date_to_delete=None if client.delete_at is None else date_text(client.delete_at),
        access_token_format=token_format_text(client.jwt_algorithm),
        self_uri=f"{CLIENTS}/{client.id}",
    )


def _role_ids(registered: RegisteredClient) -> list[str] | None:
    return list(dict.fromkeys(a.role_id for a in registered.assignments)) or None


def role_divisions_of(registered: RegisteredClient) -> list[schemas.RoleDivision] | None:
    """Writes the roles of a client; None where it has none."""
    return [
        schemas.RoleDivision(role_id=a.role_id, division_id=a.division_id)
        for a in registered.assignments
    ] or None


def reference_of(reference: Reference | None) -> schemas.EntityRef | None:
    """Writes who made or changed something; None for the server's own command line."""
    if reference is None or reference.kind is SubjectKind.SYSTEM:
        return None
    path = CLIENTS if reference.kind is SubjectKind.CLIENT else "/api/v2/users"
    return schemas.EntityRef(id=reference.id, self_uri=f"{path}/{reference.id}")
