"""The platform's models: what requests must look like, and what answers do."""

import re
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from grantory.domain.client import ClientState, GrantType
from grantory.http.api_v2.dates import read_date
from grantory.http.api_v2.grant_types import SPELLINGS, read_grant_type
from grantory.http.api_v2.token_formats import TokenFormat, read_token_format
from grantory.http.json_body import Codes, ListBody


def read_state(text: str) -> ClientState:
    """Reads a client's state, in any case."""
    try:
        return ClientState(text.lower())
    except ValueError:
        raise ValueError("must be one of active, inactive, disabled") from None


def read_language(text: str) -> str:
    """Reads a language tag such as ``en-us``."""
    if len(text) > 35 or _LANGUAGE.fullmatch(text) is None:
        raise ValueError("must be a language tag such as en-us")
    return text


def read_country(text: str) -> str:
    """Reads a country's code of two letters."""
    if len(text) != 2 or not (text.isascii() and text.isalpha()):
        raise ValueError("must be a country code of two letters such as US")
    return text.upper()


_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*")
# Without the last part a pattern lets a line feed stand at the end.
# C0 and C1 controls, separators of lines, and what turns the direction of text.
UNSEEN = r"\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_PLAIN = rf"^[^\x00-\x1f{UNSEEN}]*$(?!\n)"
_LINES = rf"^[^\x00-\x08\x0b\x0c\x0e-\x1f{UNSEEN}]*$(?!\n)"


def plain_text(least: int, most: int) -> Meta:
    """Describes a text of one line, by its length."""
    return Meta(min_length=least, max_length=most, pattern=_PLAIN)


Name = Annotated[str, plain_text(1, 200)]
Description = Annotated[str, Meta(max_length=2000, pattern=_LINES)]
Id = Annotated[str, plain_text(1, 64)]
Short = Annotated[str, Meta(max_length=200, pattern=_PLAIN)]
GrantTypeText = Annotated[
    GrantType,
    Codes(
        missing="grant.type.required",
        invalid="bad.grant.type",
        read=read_grant_type,
        schema={"type": "string", "enum": list(SPELLINGS)},
    ),
]
_STATES = {"type": "string", "enum": [state.value for state in ClientState]}
StateText = Annotated[ClientState | None, Codes(read=read_state, schema=_STATES)]
_FORMATS = {"type": "string", "enum": [form.value for form in TokenFormat]}
TokenFormatText = Annotated[TokenFormat | None, Codes(read=read_token_format, schema=_FORMATS)]
_DATE = {"type": "string", "format": "date-time"}
DateText = Annotated[int | None, Codes(invalid="invalid.date", read=read_date, schema=_DATE)]


def one_of(*values: str) -> Meta:
    """Describes the texts that an answer may hold."""
    return Meta(extra_json_schema={"enum": list(values)})


Date = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
GrantTypeSpelling = Annotated[str, one_of(*SPELLINGS)]
ClientStateText = Annotated[str, one_of(*ClientState)]
LanguageText = Annotated[
    str | None, Codes(read=read_language, schema={"type": "string", "maxLength": 35})
]
CountryText = Annotated[
    str | None,
    Codes(read=read_country, schema={"type": "string", "pattern": "^[A-Za-z]{2}$"}),
]


class Wire(msgspec.Struct, rename="camel", omit_defaults=True):
    """A model on the wire: camel-case names, absent fields left out."""


class ErrorDetail(Wire, kw_only=True):
    """What is wrong with one field."""

    error_code: str
    field_name: str


class Limit(Wire, kw_only=True):
    """A limit that was exceeded."""

    key: str
    namespace: Annotated[str, one_of("auth.api")]
    value: int


class ErrorBody(Wire, kw_only=True):
    """Every error of the management API."""

    message: str
    code: str
    status: int
    message_params: dict[str, str]
    context_id: str
    details: list[ErrorDetail]
    errors: list[dict[str, Any]]
    limit: Limit | None = None


class RoleDivision(Wire, kw_only=True):
    """A role in a division; ``*`` is every division."""

    role_id: Id
    division_id: Id


class OAuthClientRequest(Wire, kw_only=True):
    """What POST and PUT of a client take; the answer's other fields are ignored."""

    name: Name
    authorized_grant_type: GrantTypeText
    access_token_validity_seconds: int | None = None
    description: Description | None = None
    registered_redirect_uri: (
        Annotated[list[Annotated[str, Meta(max_length=2048)]], Meta(max_length=100)] | None
    ) = None
    role_ids: Annotated[list[Id], Meta(max_length=200)] | None = None
    role_divisions: Annotated[list[RoleDivision], Meta(max_length=200)] | None = None
    scope: Annotated[list[Annotated[str, Meta(max_length=100)]], Meta(max_length=200)] | None = None
    state: StateText = None
    date_to_delete: DateText = None
    access_token_format: TokenFormatText = None
    """Grantory's own. Left out, or null as an SDK may send what it leaves out, it stays."""


class EntityRef(Wire, kw_only=True):
    """DomainEntityRef and NamedEntity: an entity by id."""

    id: str
    name: str | None = None
    self_uri: str | None = None


class OAuthClient(Wire, kw_only=True):
    """A client as it is answered."""

    id: str
    name: str
    access_token_validity_seconds: int
    description: str | None = None
    registered_redirect_uri: list[str] | None = None
    secret: str | None = None
    role_ids: list[str] | None = None
    date_created: Date
    date_modified: Date
    created_by: EntityRef | None = None
    modified_by: EntityRef | None = None
    authorized_grant_type: GrantTypeSpelling
    scope: list[str] | None = None
    role_divisions: list[RoleDivision] | None = None
    state: ClientStateText
    date_to_delete: Date | None = None
    access_token_format: str | None = None
    """Grantory's own; left out for opaque tokens, so that the SDKs' models see nothing new."""
    self_uri: str

    def __repr__(self) -> str:
        return f"OAuthClient(id={self.id!r})"


class OrgOAuthClient(Wire, kw_only=True):
    """A client inside TokenInfo."""

    id: str
    name: str
    date_created: Date
    date_modified: Date
    created_by: EntityRef | None = None
    modified_by: EntityRef | None = None
    authorized_grant_type: GrantTypeSpelling
    scope: list[str] | None = None
    role_divisions: list[RoleDivision] | None = None
    state: ClientStateText
    date_to_delete: Date | None = None
    organization: EntityRef


class TokenInfo(Wire, kw_only=True):
    """What a token is for."""

    organization: EntityRef
    home_organization: EntityRef
    authorized_scope: list[str]
    o_auth_client: OrgOAuthClient = msgspec.field(name="OAuthClient")


class Organization(Wire, kw_only=True):
    """The caller's organisation; clients dereference ``defaultCountryCode``."""

    id: str
    name: str
    default_language: str
    default_country_code: str
    third_party_org_name: str
    domain: str
    version: int
    state: Annotated[str, one_of("active")]
    product_platform: Annotated[str, one_of("PureCloud")]
    features: dict[str, bool]
    scope_enforcement: bool | None = None
    """Grantory's own; left out where it is off, so that the SDKs' models see nothing new."""
    self_uri: str


class OrganizationRequest(Wire, kw_only=True):
    """What PUT of the organisation takes; what is left out stays, other fields are ignored."""

    name: Name | None = None
    default_language: LanguageText = None
    default_country_code: CountryText = None
    scope_enforcement: bool | None = None
    version: Annotated[int, Meta(ge=1, le=2_147_483_647)] | None = None


class Product(Wire, kw_only=True):
    """DomainOrganizationProduct."""

    id: str


class IdleTokenTimeout(Wire, kw_only=True):
    """Whether tokens end when they are not used; here they never do."""

    enable_idle_token_timeout: bool
    inactivity_timeout_groups_enabled: bool


class IdleTokenTimeoutRequest(Wire, kw_only=True):
    """What PUT of the idle timeout would take."""

    idle_token_timeout_seconds: int | None = None
    enable_idle_token_timeout: bool | None = None


class OAuthScope(Wire, kw_only=True):
    """A scope."""

    id: str
    description: str
    self_uri: str


class OAuthScopeListing(Wire, kw_only=True):
    """Every scope; there are no pages."""

    total: int
    entities: list[OAuthScope]
    self_uri: str


class PermissionPolicy(Wire, kw_only=True):
    """DomainPermissionPolicy, in requests and answers."""

    domain: Short
    entity_name: Short
    policy_name: Short | None = None
    policy_description: Description | None = None
    action_set: Annotated[list[Short], Meta(max_length=200)]
    named_resources: Annotated[list[Short], Meta(max_length=200)] | None = None
    allow_conditions: bool | None = None
    resource_condition_node: dict[str, Any] | None = None


class RoleRequest(Wire, kw_only=True):
    """What POST and PUT of a role take."""

    name: Name
    description: Description | None = None
    default_role_id: Short | None = None
    permissions: Annotated[list[Short], Meta(max_length=1000)] | None = None
    permission_policies: Annotated[list[PermissionPolicy], Meta(max_length=500)] | None = None


class RolePatch(Wire, kw_only=True):
    """What PATCH of a role takes; what is left out stays."""

    name: Name | None = None
    description: Description | None = None
    permissions: Annotated[list[Short], Meta(max_length=1000)] | None = None
    permission_policies: Annotated[list[PermissionPolicy], Meta(max_length=500)] | None = None


class Role(Wire, kw_only=True):
    """DomainOrganizationRole."""

    id: str
    name: str
    description: str | None = None
    default_role_id: str | None = None
    permissions: list[str]
    permission_policies: list[PermissionPolicy]
    user_count: int
    role_needs_update: bool
    default: bool
    base: bool
    self_uri: str


class Division(Wire, kw_only=True):
    """AuthzDivision; the one that stands for all has no address."""

    id: str
    name: str
    description: str | None = None
    home_division: bool
    object_counts: dict[str, int] | None = None
    self_uri: str | None = None


class DivisionRequest(Wire, kw_only=True):
    """What POST and PUT of a division take; the answer's other fields are ignored."""

    name: Name
    description: Description | None = None


class DivisionRestoreRequest(Wire, kw_only=True):
    """What the restoring of a division takes; what is left out stays as it was."""

    name: Name | None = None
    description: Description | None = None


class DivisionCursorListing(Wire, kw_only=True):
    """AuthzDivisionCursorListing."""

    entities: list[Division]
    next_uri: str | None = None
    previous_uri: str | None = None
    self_uri: str


class GrantPolicy(Wire, kw_only=True):
    """AuthzGrantPolicy."""

    domain: str
    entity_name: str
    actions: list[str]
    condition: str | None = None


class GrantRole(Wire, kw_only=True):
    """AuthzGrantRole."""

    id: str
    name: str
    description: str | None = None
    policies: list[GrantPolicy]
    default: bool
    self_uri: str


class Grant(Wire, kw_only=True):
    """AuthzGrant."""

    subject_id: str
    division: Division
    role: GrantRole
    grant_made_at: Date


class Subject(Wire, kw_only=True):
    """AuthzSubject; clients dereference ``grants``."""

    id: str
    name: str
    grants: list[Grant]
    version: int
    self_uri: str


class RoleDivisionGrants(Wire, kw_only=True):
    """Roles in divisions, to be given to a subject or taken from it."""

    grants: Annotated[list[RoleDivision], Meta(max_length=200)]


class SubjectDivisions(Wire, kw_only=True):
    """Subjects that are to hold a role, and the divisions in which they do."""

    subject_ids: Annotated[list[Id], Meta(max_length=200)]
    division_ids: Annotated[list[Id], Meta(max_length=200)]


class RoleIdList(ListBody):
    """The ids of the roles that a user is to hold."""

    body: Annotated[list[Id], Meta(max_length=200)]


class DomainRole(Wire, kw_only=True):
    """A role that a user holds."""

    id: str
    name: str


class UserAuthorization(Wire, kw_only=True):
    """A user's roles with what they allow."""

    roles: list[DomainRole]
    unused_roles: list[DomainRole]
    permissions: list[str]
    permission_policies: list[PermissionPolicy]


class Permission(Wire, kw_only=True):
    """DomainPermission."""

    domain: str
    entity_type: str
    action: str
    label: str
    allows_conditions: bool
    division_aware: bool


class PermissionCollection(Wire, kw_only=True):
    """DomainPermissionCollection: the permissions of a domain, by entity."""

    id: str
    name: str
    domain: str
    permission_map: dict[str, list[Permission]]
    self_uri: str


PLATFORM_NAMES = {
    "CustomProviderEntityListing": "IdentityProviderEntityListing",
    "Division": "AuthzDivision",
    "DivisionCursorListing": "AuthzDivisionCursorListing",
    "DivisionEntityListing": "AuthzDivisionEntityListing",
    "EntityRef": "DomainEntityRef",
    "ErrorDetail": "Detail",
    "Grant": "AuthzGrant",
    "GrantPolicy": "AuthzGrantPolicy",
    "GrantRole": "AuthzGrantRole",
    "OAuthScopeEntityListing": "OAuthScopeListing",
    "GrantEntityListing": "AuthzDivisionGrantEntityListing",
    "Permission": "DomainPermission",
    "PermissionCollection": "DomainPermissionCollection",
    "PermissionPolicy": "DomainPermissionPolicy",
    "Product": "DomainOrganizationProduct",
    "ProductEntityListing": "OrganizationProductEntityListing",
    "Role": "DomainOrganizationRole",
    "RoleEntityListing": "OrganizationRoleEntityListing",
    "RolePatch": "DomainOrganizationRoleUpdate",
    "RoleRequest": "DomainOrganizationRoleCreate",
    "Subject": "AuthzSubject",
    "UserDivision": "Division",
}
"""The SDKs' names of these models."""
