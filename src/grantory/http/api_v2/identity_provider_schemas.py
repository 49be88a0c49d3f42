"""The platform's models of identity providers, as far as assertions go."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta

from grantory.http.api_v2.schemas import _PLAIN, Date, Name, Wire

_Issuer = Annotated[str, Meta(min_length=1, max_length=1_024, pattern=_PLAIN)]
_Attribute = Annotated[str, Meta(max_length=256, pattern=_PLAIN)]
_Text = Annotated[str, Meta(min_length=1, max_length=2_048, pattern=_PLAIN)]
_Pem = Annotated[str, Meta(min_length=1, max_length=16_384)]
_Texts = Annotated[list[_Text], Meta(max_length=20)]
MAX_VERSION: Final = 2_147_483_647


class CustomProviderRequest(Wire, kw_only=True):
    """What POST and PUT of an identity provider take; the answer's other fields are ignored.

    ``certificate`` and ``relyingPartyIdentifier`` are lists of one, for where the list is left
    out.
    """

    name: Name
    issuer_uri: _Issuer = msgspec.field(name="issuerURI")
    certificate: _Pem | None = None
    certificates: Annotated[list[_Pem], Meta(min_length=1, max_length=10)] | None = None
    relying_party_identifier: _Text | None = None
    audiences: _Texts | None = None
    recipients: _Texts | None = None
    email_attribute: _Attribute | None = None
    disabled: bool | None = None
    version: Annotated[int, Meta(ge=1, le=MAX_VERSION)] | None = None


class CustomProvider(Wire, kw_only=True):
    """An identity provider as it is answered."""

    id: str
    name: str
    issuer_uri: str = msgspec.field(name="issuerURI")
    certificate: str
    certificates: list[str]
    relying_party_identifier: str | None = None
    audiences: list[str]
    recipients: list[str]
    email_attribute: str | None = None
    disabled: bool
    date_created: Date
    date_modified: Date
    version: int
    self_uri: str
