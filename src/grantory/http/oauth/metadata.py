"""``/.well-known/oauth-authorization-server``: what there is here (RFC 8414)."""

from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from grantory.domain.scopes import SCOPES
from grantory.http.api_viewer import DOCS
from grantory.http.early_answers import INTROSPECTION_PATH, REVOCATION_PATH, TOKEN_PATH
from grantory.http.login.flow import AUTHORIZE
from grantory.http.request import Request
from grantory.http.response import JSON, Headers, Response
from grantory.protocol import pkce
from grantory.protocol.client_auth import METHODS
from grantory.protocol.client_auth.bearer import SCHEME

METADATA_PATH: Final = "/.well-known/oauth-authorization-server"
_HEADERS: Final[Headers] = (
    JSON,
    (b"cache-control", b"public, max-age=3600"),
    (b"access-control-allow-origin", b"*"),
)
"""It says the same to everybody, so that every page may read it."""
_SECRETS: Final = [method.name for method in METHODS]
_OR_NONE: Final = [*_SECRETS, "none"]
"""A client that is registered for codes may name itself alone, with a verifier (RFC 7636)."""


class MetadataResource:
    """Answers one document, always the same.

    Args:
        issuer: the server's address, without a slash at its end.
        grant_types: what can be asked for at the token endpoint.
        implicit: whether a token can be asked for at the authorization endpoint.
        jwks_path: where the keys are by which signed tokens are verified; empty where there are
            none.
    """

    def __init__(
        self, issuer: str, grant_types: tuple[str, ...], *, implicit: bool, jwks_path: str = ""
    ) -> None:
        keys = {"jwks_uri": issuer + jwks_path} if jwks_path else {}
        document: dict[str, Any] = {
            "issuer": issuer,
            "authorization_endpoint": issuer + AUTHORIZE,
            "token_endpoint": issuer + TOKEN_PATH,
            **keys,
            "introspection_endpoint": issuer + INTROSPECTION_PATH,
            "revocation_endpoint": issuer + REVOCATION_PATH,
            "scopes_supported": list(SCOPES),
            "response_types_supported": ["code", "token"] if implicit else ["code"],
            "response_modes_supported": ["query", "fragment"] if implicit else ["query"],
            "grant_types_supported": [*grant_types, "implicit"] if implicit else [*grant_types],
            "token_endpoint_auth_methods_supported": _OR_NONE,
            "introspection_endpoint_auth_methods_supported": [*_SECRETS, SCHEME],
            "revocation_endpoint_auth_methods_supported": _OR_NONE,
            "code_challenge_methods_supported": [pkce.METHOD],
            "authorization_response_iss_parameter_supported": True,
            "service_documentation": issuer + DOCS,
        }
        self._body = msgspec.json.encode(document)
        self.path = METADATA_PATH + urlsplit(issuer).path
        """Where it is: what follows the issuer's host comes after it (section 3.1)."""

    async def answer(self, _request: Request) -> Response:
        """Answers the document."""
        return Response(200, self._body, _HEADERS)
