"""OAuth clients and the rules about them (RFC 6749 section 2)."""

from enum import StrEnum

import msgspec

from grantory.domain.secret import ClientSecret
from grantory.domain.signing import MAX_JWT_LIFETIME, SigningAlgorithm

MIN_TOKEN_LIFETIME = 300
DEFAULT_TOKEN_LIFETIME = 86_400
MAX_TOKEN_LIFETIME = 172_800
MAX_MACHINE_TOKEN_LIFETIME = 38_880_000
"""Seconds. Machine clients may ask for 450 days: SCIM connectors cannot renew."""


class GrantType(StrEnum):
    """How a client gains tokens (RFC 6749 section 1.3, RFC 7522)."""

    AUTHORIZATION_CODE = "authorization_code"
    IMPLICIT = "implicit"
    CLIENT_CREDENTIALS = "client_credentials"
    PASSWORD = "password"
    SAML2_BEARER = "urn:ietf:params:oauth:grant-type:saml2-bearer"

    @property
    def acts_for_itself(self) -> bool:
        """Whether the client's own roles decide what its tokens may do."""
        return self is GrantType.CLIENT_CREDENTIALS

    @property
    def has_redirect_uris(self) -> bool:
        """Whether registered redirect URIs mean anything for this grant."""
        return self in _REDIRECTING


_REDIRECTING = frozenset({GrantType.AUTHORIZATION_CODE, GrantType.IMPLICIT, GrantType.SAML2_BEARER})


class ClientState(StrEnum):
    """Whether a client may gain tokens, and whether those it has are good."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    """No new tokens; those issued run out."""
    DISABLED = "disabled"
    """No new tokens, and those issued are refused."""


class SubjectKind(StrEnum):
    """What a subject of grants, or an author of a change, is."""

    CLIENT = "client"
    USER = "user"
    SYSTEM = "system"
    """A person at the command line of the server's own machine."""


class Reference(msgspec.Struct, frozen=True):
    """Who made or changed an entity."""

    kind: SubjectKind
    id: str


class Client(msgspec.Struct, frozen=True, kw_only=True):
    """An OAuth client of one organisation.

    Times are milliseconds since 1970 (UTC); ``access_token_lifetime`` is in seconds.
    """

    id: str
    organization_id: str
    name: str
    grant_type: GrantType
    created_at: int
    modified_at: int
    description: str | None = None
    state: ClientState = ClientState.ACTIVE
    access_token_lifetime: int = DEFAULT_TOKEN_LIFETIME
    redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    created_by: Reference | None = None
    modified_by: Reference | None = None
    delete_at: int | None = None
    jwt_algorithm: SigningAlgorithm | None = None
    """By which its access tokens are signed as JWTs (RFC 9068); None for opaque ones."""
    token_epoch: int = 1
    version: int = 1

    @property
    def may_gain_tokens(self) -> bool:
        """Whether new tokens may be issued to this client."""
        return gains_tokens(self.state, self.delete_at)

    @property
    def tokens_are_good(self) -> bool:
        """Whether tokens issued earlier are still accepted, as far as the state goes."""
        return self.state is not ClientState.DISABLED


def gains_tokens(state: ClientState, delete_at: int | None) -> bool:
    """Tells whether new tokens may be issued to a client in a state.

    Args:
        state: the client's.
        delete_at: when it is to be deleted; None where it is not.
    """
    return state is ClientState.ACTIVE and delete_at is None


class ClientRecord(msgspec.Struct, frozen=True):
    """A client with its live secrets, as the token endpoint needs it."""

    client: Client
    secrets: dict[str, ClientSecret]
    """By key id."""
    id_bytes: bytes
    """The client's id in 16 bytes, as tokens carry it."""


def longest_token_lifetime(grant_type: GrantType, *, as_jwt: bool = False) -> int:
    """Tells the longest access token lifetime that a grant type admits, in seconds.

    Args:
        grant_type: of the client.
        as_jwt: whether its tokens are JWTs.
    """
    if as_jwt:
        return MAX_JWT_LIFETIME
    if grant_type.acts_for_itself:
        return MAX_MACHINE_TOKEN_LIFETIME
    return MAX_TOKEN_LIFETIME


def ends_tokens(before: Client, after: Client) -> bool:
    """Tells whether a change must end every token that the client holds.

    Disabling ends them because the platform's model says so; another grant type because a
    token's rights were decided under the old one.
    """
    disabled = before.tokens_are_good and not after.tokens_are_good
    return disabled or before.grant_type is not after.grant_type
