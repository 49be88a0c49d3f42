"""A request to the authorization endpoint, read strictly (RFC 6749 sections 4.1.1 and 4.2.1)."""

import re
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from grantory.domain.client import Client, ClientRecord
from grantory.domain.organization import Organization
from grantory.domain.redirect_match import is_registered
from grantory.errors import OAuthError
from grantory.ports.hot_reads import HotReads
from grantory.protocol import pkce
from grantory.protocol.authorization.answers import (
    NowhereToGo,
    ResponseMode,
    ResponseType,
    ReturnAddress,
)
from grantory.protocol.scopes import granted_scopes

MAX_QUERY: Final = 8_192
MAX_PARAMETERS: Final = 64
MAX_CLIENT_ID: Final = 64
_PRINTABLE: Final = re.compile(r"[\x21-\x7e]*", re.ASCII)
"""It goes on into pages and into the header Location."""
_DECIDE_THE_ADDRESS: Final = ("client_id", "redirect_uri")


class AuthorizationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks a person for."""

    record: ClientRecord
    organization: Organization
    response_type: ResponseType
    address: ReturnAddress
    redirect_uri: str | None
    """As it was sent; the token request must repeat it."""
    scopes: tuple[str, ...]
    challenge: str | None
    login_hint: str
    """An e-mail address; official clients put an organisation behind a colon."""
    prompt: frozenset[str]

    @property
    def client(self) -> Client:
        """The client."""
        return self.record.client


class _Query(NamedTuple):
    values: dict[str, str]
    repeated: frozenset[str]


class RequestReader:
    """Reads authorization requests.

    Args:
        reads: knows the clients.
        issuer: the server's address (RFC 9207), which goes with every answer.
        implicit_is_allowed: what the settings say of the implicit grant.
    """

    def __init__(self, reads: HotReads, issuer: str, *, implicit_is_allowed: bool) -> None:
        self._reads = reads
        self._issuer = issuer
        self._implicit_is_allowed = implicit_is_allowed

    async def read(self, query: str) -> AuthorizationRequest:
        """Reads the query string of a request.

        Args:
            query: as it came, at most 8,192 characters.

        Raises:
            NowhereToGo: where the client or its address is not known.
            SentBack: for whatever else is wrong.
        """
        values, repeated = _parsed(query)
        await self._reads.refresh()
        record, organization = await self._client(values, repeated)
        client = record.client
        target = _target(values.get("redirect_uri"), client)
        response_type = values.get("response_type", "")
        known = response_type in tuple(ResponseType)
        kind = ResponseType(response_type) if known else ResponseType.CODE
        state = None if "state" in repeated else values.get("state")
        mode = _mode(None if "response_mode" in repeated else values.get("response_mode"), kind)
        address = ReturnAddress(target, mode or kind.default_mode, state, self._issuer)
        if repeated:
            raise address.refusal("invalid_request", "a parameter was sent more than once")
        if not known:
            text = "the response type must be code or token"
            error = "unsupported_response_type" if response_type else "invalid_request"
            raise address.refusal(error, text)
        if mode is None:
            text = "the response mode must be query or fragment, and fragment for a token"
            raise address.refusal("invalid_request", text)
        self._check_client(client, kind, address)
        _check_names(values, organization, address)
        try:
            scopes = granted_scopes(values.get("scope"), client)
        except OAuthError as error:
            raise address.refusal(error.error, error.description) from None
        return AuthorizationRequest(
            record=record,
            organization=organization,
            response_type=kind,
            address=address,
            redirect_uri=values.get("redirect_uri"),
            scopes=scopes,
            challenge=_challenge(values, kind, address),
            login_hint=values.get("login_hint", "").partition(":")[0],
            prompt=frozenset(values.get("prompt", "").split()),
        )

    async def _client(
        self, values: dict[str, str], repeated: frozenset[str]
    ) -> tuple[ClientRecord, Organization]:
        if repeated.intersection(_DECIDE_THE_ADDRESS):
            raise NowhereToGo("client_id or redirect_uri was sent more than once")
        client_id = values.get("client_id", "")
        if not client_id:
            raise NowhereToGo("client_id is missing")
        if len(client_id) > MAX_CLIENT_ID or "\x00" in client_id:
            raise NowhereToGo("the client is not known here")
        record = await self._reads.client(client_id.lower())
        if record is None:
            raise NowhereToGo("the client is not known here")
        organization = await self._reads.organization(record.client.organization_id)
        if organization is None:
            raise LookupError("a client without its organisation")
        return record, organization

    def _check_client(self, client: Client, kind: ResponseType, address: ReturnAddress) -> None:
        if not client.may_gain_tokens:
            raise address.refusal("unauthorized_client", "the client gains no tokens now")
        if client.grant_type is not kind.grant_type:
            text = "the client is not registered for this response type"
            raise address.refusal("unauthorized_client", text)
        if kind is ResponseType.TOKEN and not self._implicit_is_allowed:
            text = "the implicit grant is turned off on this server"
            raise address.refusal("unauthorized_client", text)


def _parsed(query: str) -> _Query:
    if len(query) > MAX_QUERY:
        raise NowhereToGo(f"the request is longer than {MAX_QUERY} characters")
    if not _PRINTABLE.fullmatch(query):
        raise NowhereToGo("the request is malformed")
    try:
        pairs = parse_qsl(
            query, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
        )
    except ValueError:
        raise NowhereToGo("the request is malformed") from None
    names = [name for name, _ in pairs]
    if any("\x00" in value for _, value in pairs):
        raise NowhereToGo("the request holds a NUL character")
    repeated = frozenset(name for name in names if names.count(name) > 1)
    return _Query({name: value for name, value in pairs if value}, repeated)


def _target(asked: str | None, client: Client) -> str:
    if asked is None:
        if len(client.redirect_uris) == 1:
            return client.redirect_uris[0]
        raise NowhereToGo("redirect_uri is missing")
    if not is_registered(asked, client.redirect_uris):
        raise NowhereToGo("redirect_uri is not registered for this client")
    return asked


def _mode(asked: str | None, kind: ResponseType) -> ResponseMode | None:
    """Tells where the answer stands; None where the client asks for what is not to be had.

    A token stands in no query: that is sent to servers, and kept by their logs.
    """
    if asked is None:
        return kind.default_mode
    if asked not in tuple(ResponseMode):
        return None
    mode = ResponseMode(asked)
    return None if kind is ResponseType.TOKEN and mode is ResponseMode.QUERY else mode


def _check_names(
    values: dict[str, str], organization: Organization, address: ReturnAddress
) -> None:
    """Looks at ``org`` and ``provider``, which come together.

    Whoever logs in does so here: there is no other provider that a browser could be sent to.
    """
    named = values.get("org")
    if (named is None) != (values.get("provider") is None):
        raise address.refusal("invalid_request", "org and provider come together")
    if named is not None and not organization.is_named(named):
        raise address.refusal("invalid_request", "org is not the client's organisation")


def _challenge(values: dict[str, str], kind: ResponseType, address: ReturnAddress) -> str | None:
    challenge, method = values.get("code_challenge"), values.get("code_challenge_method")
    if challenge is None:
        if method is not None:
            raise address.refusal("invalid_request", "code_challenge is missing")
        return None
    if kind is not ResponseType.CODE:
        raise address.refusal("invalid_request", "code_challenge goes with the response type code")
    if method != pkce.METHOD:
        raise address.refusal("invalid_request", "code_challenge_method must be S256")
    if not pkce.is_challenge(challenge):
        text = "code_challenge must be 43 characters of base64url"
        raise address.refusal("invalid_request", text)
    return challenge
