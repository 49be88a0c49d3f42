"""``/.well-known/oauth-authorization-server``: what there is here (RFC 8414)."""

from typing import Any, Final

import msgspec

from grantory.domain.scopes import SCOPES
from grantory.http.api_viewer import DOCS
from grantory.http.early_answers import INTROSPECTION_PATH, REVOCATION_PATH, TOKEN_PATH
from grantory.http.login.flow import AUTHORIZE
from grantory.http.oauth.jwks import JWKS
from grantory.http.request import Request
from grantory.http.response import JSON, Headers, Response
from grantory.protocol import pkce
from grantory.protocol.authorization.answers import ResponseMode
from grantory.protocol.client_auth import METHODS
from grantory.protocol.client_auth.bearer import SCHEME

METADATA_PATH: Final = "/.well-known/oauth-authorization-server"
_HEADERS: Final[Headers] = (JSON, (b"cache-control", b"public, max-age=3600"))
_SECRETS: Final = [method.name for method in METHODS]
_OR_NONE: Final = [*_SECRETS, "none"]
"""A client that is registered for codes may name itself alone, with a verifier (RFC 7636)."""


class MetadataResource:
    """Answers one document, always the same.

    Args:
        issuer: the server's address, an origin.
        grant_types: what can be asked for at the token endpoint.
        implicit: whether a token can be asked for at the authorization endpoint.
        prefix: what stands before the addresses at the gateway through which they are reached.
    """

    def __init__(
        self, issuer: str, grant_types: tuple[str, ...], *, implicit: bool, prefix: str = ""
    ) -> None:
        start = issuer + prefix
        document: dict[str, Any] = {
            "issuer": issuer,
            "authorization_endpoint": start + AUTHORIZE,
            "token_endpoint": start + TOKEN_PATH,
            "jwks_uri": start + JWKS,
            "introspection_endpoint": start + INTROSPECTION_PATH,
            "revocation_endpoint": start + REVOCATION_PATH,
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code", "token"] if implicit else ["code"],
            "response_modes_supported": list(ResponseMode),
            "grant_types_supported": [*grant_types, "implicit"] if implicit else [*grant_types],
            "token_endpoint_auth_methods_supported": _OR_NONE,
            "introspection_endpoint_auth_methods_supported": [*_SECRETS, SCHEME],
            "revocation_endpoint_auth_methods_supported": _OR_NONE,
            "code_challenge_methods_supported": [pkce.METHOD],
            "authorization_response_iss_parameter_supported": True,
            "service_documentation": issuer + DOCS,
        }
        self._body = msgspec.json.encode(document)

    async def answer(self, _request: Request) -> Response:
        """Answers the document."""
        return Response(200, self._body, _HEADERS)
