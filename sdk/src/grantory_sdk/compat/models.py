"""The generated SDK's models of OAuth clients: attributes to be read and set."""

from datetime import datetime
from typing import Any

import msgspec

from grantory_sdk.masking import masked, shown


class Model(msgspec.Struct, rename="camel", omit_defaults=True):
    """What these models have in common; what is not set is None."""

    def to_dict(self) -> dict[str, Any]:
        """The attributes by name, and those of what is in them."""
        return {name: _plain(getattr(self, name)) for name in self.__struct_fields__}

    def to_json(self) -> str:
        """The JSON that is sent."""
        return msgspec.json.encode(self).decode()

    def to_str(self) -> str:
        """What is shown: all but secrets."""
        return repr(self)

    def __repr__(self) -> str:
        return shown(type(self).__name__, self._by_name())

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """What ``rich`` prints, which would not ask for ``repr``."""
        return masked(self._by_name())

    def _by_name(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__struct_fields__}


class DomainEntityRef(Model):
    """Something else, by its id."""

    id: str | None = None
    name: str | None = None
    self_uri: str | None = None


UriReference = DomainEntityRef


class RoleDivision(Model):
    """A role in a division."""

    role_id: str | None = None
    division_id: str | None = None


class OAuthClientRequest(Model):
    """What a client is to be."""

    name: str | None = None
    authorized_grant_type: str | None = None
    access_token_validity_seconds: int | None = None
    description: str | None = None
    registered_redirect_uri: list[str] | None = None
    role_ids: list[str] | None = None
    role_divisions: list[RoleDivision] | None = None
    scope: list[str] | None = None
    state: str | None = None
    date_to_delete: datetime | None = None


class OAuthClient(OAuthClientRequest):
    """A client; it may also be sent, as the oldest SDKs do."""

    id: str | None = None
    secret: str | None = None
    date_created: datetime | None = None
    date_modified: datetime | None = None
    created_by: DomainEntityRef | None = None
    modified_by: DomainEntityRef | None = None
    self_uri: str | None = None


OAuthClientListing = OAuthClient


class OAuthClientEntityListing(Model):
    """Clients."""

    entities: list[OAuthClient] | None = None
    page_size: int | None = None
    page_number: int | None = None
    total: int | None = None
    page_count: int | None = None
    first_uri: str | None = None
    next_uri: str | None = None
    previous_uri: str | None = None
    last_uri: str | None = None
    self_uri: str | None = None


def _plain(value: Any) -> Any:
    if isinstance(value, Model):
        return value.to_dict()
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value
