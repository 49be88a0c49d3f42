"""What a client is to be: the arguments of create and update, and the bodies made of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Required, TypedDict

from grantory_sdk.models.clients import ClientState, GrantType, RoleDivision, TokenFormat
from grantory_sdk.requests import document_of


class _Further(TypedDict, total=False):
    access_token_validity_seconds: int | None
    description: str | None
    registered_redirect_uri: Sequence[str] | None
    role_ids: Sequence[str] | None
    role_divisions: Sequence[RoleDivision] | None
    scope: Sequence[str] | None
    state: ClientState | None
    date_to_delete: datetime | None
    access_token_format: TokenFormat | None


class OAuthClientFields(_Further, total=False):
    """The arguments of ``create`` and ``replace``."""

    name: Required[str]
    authorized_grant_type: Required[GrantType]


class OAuthClientChanges(_Further, total=False):
    """The arguments of ``update``; None removes what was there."""

    name: str
    authorized_grant_type: GrantType


NAMES: Final = frozenset(OAuthClientChanges.__annotations__) | frozenset(_Further.__annotations__)
_ONLY_ANSWERED: Final = (
    "id",
    "secret",
    "dateCreated",
    "dateModified",
    "createdBy",
    "modifiedBy",
    "selfUri",
)


def body_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The body that creates or replaces a client.

    Raises:
        TypeError: for a field that there is not.
    """
    document = document_of(fields, NAMES)
    return {name: value for name, value in document.items() if value is not None}


def changed_body(found: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The body that changes some fields of a client and leaves the rest.

    Args:
        found: the client as it was answered, with all that a newer server knows of it.
        changes: the fields to change; None removes one.

    Raises:
        TypeError: for a field that there is not.
    """
    document = {name: value for name, value in found.items() if name not in _ONLY_ANSWERED}
    if "role_ids" in changes and "role_divisions" not in changes:
        document.pop("roleDivisions", None)
    elif "role_divisions" in changes or document.get("roleDivisions"):
        document.pop("roleIds", None)  # the same roles without their divisions
    document.update(document_of(changes, NAMES))
    return {name: value for name, value in document.items() if value is not None}
