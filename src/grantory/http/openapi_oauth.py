"""What ``/openapi.json`` says of the addresses outside the management API."""

from typing import Any, Final

from grantory.domain.signing import SigningAlgorithm
from grantory.http.oauth.jwks import JWKS, JWKS_OF, MAX_AGE_SECONDS
from grantory.http.oauth.metadata import METADATA_PATH
from grantory.http.openapi_texts import IDS
from grantory.protocol.grants import GRANTS
from grantory.protocol.introspection import PERMISSIONS


def json_of(name: str) -> dict[str, Any]:
    """Describes content in JSON by the name of its model."""
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def refused(description: str) -> dict[str, Any]:
    """Describes an answer with OAuth's error body."""
    return {"description": description, "content": json_of("OAuthError")}


TEXT: Final = {"type": "string"}
_SECONDS: Final = {"type": "integer", "minimum": 1}
_ADDRESSES: Final = (
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "introspection_endpoint",
    "revocation_endpoint",
    "service_documentation",
)
_LISTS: Final = (
    "scopes_supported",
    "response_types_supported",
    "response_modes_supported",
    "grant_types_supported",
    "token_endpoint_auth_methods_supported",
    "introspection_endpoint_auth_methods_supported",
    "revocation_endpoint_auth_methods_supported",
    "code_challenge_methods_supported",
)
OAUTH_SCHEMAS: Final[dict[str, Any]] = {
    "TokenRequest": {
        "type": "object",
        "properties": {
            "grant_type": {"type": "string", "enum": [grant.name for grant in GRANTS]},
            "client_id": {**TEXT, "description": "Where no Basic header is sent"},
            "client_secret": {**TEXT, "description": "Where no Basic header is sent"},
            "code": {**TEXT, "description": "With authorization_code"},
            "redirect_uri": {**TEXT, "description": "As the code was asked for with"},
            "code_verifier": {**TEXT, "description": "Of a code with a challenge (RFC 7636)"},
            "refresh_token": {**TEXT, "description": "With refresh_token"},
            "username": {**TEXT, "description": "With password: an e-mail address"},
            "password": {**TEXT, "description": "With password"},
            "assertion": {**TEXT, "description": "With saml2-bearer, in base64 (RFC 7522)"},
            "orgName": {**TEXT, "description": "With saml2-bearer: the client's organisation"},
            "scope": {**TEXT, "description": "Less than the client is registered for"},
        },
        "required": ["grant_type"],
    },
    "Token": {
        "type": "object",
        "properties": {
            "access_token": TEXT,
            "token_type": {"type": "string", "const": "bearer"},
            "expires_in": {"type": "integer", "minimum": 1, "description": "Seconds"},
            "refresh_token": {**TEXT, "description": "To whoever acts for a person, by secret"},
        },
        "required": ["access_token", "token_type", "expires_in"],
    },
    "AboutToken": {
        "type": "object",
        "properties": {
            "token": {**TEXT, "description": "An access token or a refresh token"},
            "token_type_hint": {**TEXT, "description": "access_token or refresh_token, if known"},
            "client_id": {**TEXT, "description": "Where no Basic header is sent"},
            "client_secret": {**TEXT, "description": "Where no Basic header is sent"},
        },
        "required": ["token"],
    },
    "Introspection": {
        "type": "object",
        "description": "Without active being true there is nothing else.",
        "properties": {
            "active": {"type": "boolean"},
            "client_id": {**TEXT, "description": "To whom it was issued"},
            "sub": {**TEXT, "description": "The user's id; the client's when it acts for itself"},
            "org_id": {**TEXT, "description": "The id of the organisation"},
            "iss": {**TEXT, "description": "The server's address"},
            "exp": {**_SECONDS, "description": "When it expires, in seconds since 1970 (UTC)"},
            "iat": {**_SECONDS, "description": "When it was issued, likewise"},
            "aud": {
                "oneOf": [TEXT, {"type": "array", "items": TEXT}],
                "description": "For whom an access token is",
            },
            "token_type": {
                "type": "string",
                "const": "Bearer",
                "description": "Of an access token; a refresh token has none",
            },
            "jti": {**TEXT, "description": "The id of an access token, 16 bytes in base64url"},
            "scope": {**TEXT, "description": "Left out where it is not limited to scopes"},
            "username": {**TEXT, "description": "The user's e-mail address, where there is one"},
        },
        "required": ["active"],
    },
    "AuthorizationServer": {
        "type": "object",
        "properties": {
            **dict.fromkeys(_ADDRESSES, TEXT),
            **{name: {"type": "array", "items": TEXT} for name in _LISTS},
            "authorization_response_iss_parameter_supported": {"type": "boolean"},
        },
        "required": [*_ADDRESSES, *_LISTS, "authorization_response_iss_parameter_supported"],
    },
    "JwkSet": {
        "type": "object",
        "properties": {"keys": {"type": "array", "items": {"$ref": "#/components/schemas/Jwk"}}},
        "required": ["keys"],
    },
    "Jwk": {
        "type": "object",
        "properties": {
            "kid": {**TEXT, "description": "As the header of a JWT names its key"},
            "alg": {"type": "string", "enum": [each.value for each in SigningAlgorithm]},
            "use": {"type": "string", "const": "sig"},
            "kty": {"type": "string", "enum": ["OKP", "EC", "RSA"]},
            "crv": {"type": "string", "enum": ["Ed25519", "P-256"]},
            **{name: {**TEXT, "description": "In base64url"} for name in "xyne"},
        },
        "required": ["kid", "alg", "use", "kty"],
    },
    "OAuthError": {
        "type": "object",
        "properties": {
            "error": TEXT,
            "description": TEXT,
            "error_description": TEXT,
        },
        "required": ["error", "description", "error_description"],
    },
}
AWAY: Final = "The server cannot answer now."
SLOW: Final = "The request came too slowly."
LONG: Final = "The line and headers of the request are too large."
_FORM: Final = "application/x-www-form-urlencoded"


def _form(name: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {"required": True, "content": {_FORM: {"schema": schema}}}


_ERRORS: Final = {
    "400": refused(
        "The request is not valid, or not allowed to this client; or there were too "
        "many failures, and Retry-After tells when to come again."
    ),
    "401": refused("The client is unknown, or its secret is wrong."),
    "408": refused(SLOW),
    "413": refused("The body is too large."),
    "431": refused(LONG),
    "503": refused(AWAY),
}
NOT_OAUTHS: Final = {
    "408": {"description": SLOW, "content": json_of("ErrorBody")},
    "431": {"description": LONG, "content": json_of("ErrorBody")},
}
"""At the addresses that are not below ``/oauth/``."""


_KEPT: Final = f"They may be kept for {MAX_AGE_SECONDS} seconds. There are none where no client of "
_KEYS: Final = {"description": "The keys.", "content": json_of("JwkSet")}
OAUTH_PATHS: Final[dict[str, Any]] = {
    "/oauth/token": {
        "post": {
            "operationId": "postOauthToken",
            "summary": "Get a token (RFC 6749)",
            "tags": ["token"],
            "security": [{"client": []}, {}],
            "requestBody": _form("TokenRequest"),
            "responses": {
                "200": {"description": "A token.", "content": json_of("Token")},
                **_ERRORS,
            },
        }
    },
    "/oauth/introspect": {
        "post": {
            "operationId": "postOauthIntrospect",
            "summary": "What a token is for (RFC 7662)",
            "description": "For the token's own client, and, where it is an access token, for "
            "clients of its organisation that hold oauth:token:introspect. To all others no token "
            "is active.",
            "x-permissions": list(PERMISSIONS),
            "tags": ["token"],
            "security": [{"client": []}, {"bearer": []}, {}],
            "requestBody": _form("AboutToken"),
            "responses": {
                "200": {
                    "description": "What it is for, or that it is not active.",
                    "content": json_of("Introspection"),
                },
                **_ERRORS,
            },
        }
    },
    "/oauth/revoke": {
        "post": {
            "operationId": "postOauthRevoke",
            "summary": "End a token (RFC 7009)",
            "description": "For the token's own client; one of the grant CODE or TOKEN may name "
            "itself alone, for access tokens. A refresh token ends with all that has come of the "
            "same login.",
            "tags": ["token"],
            "security": [{"client": []}, {}],
            "requestBody": _form("AboutToken"),
            "responses": {
                "200": {"description": "It is ended, or was not good for this client before."},
                **_ERRORS,
            },
        }
    },
    METADATA_PATH: {
        "get": {
            "operationId": "getOauthAuthorizationServer",
            "summary": "What there is here (RFC 8414)",
            "tags": ["token"],
            "security": [],
            "responses": {
                "200": {
                    "description": "The document.",
                    "content": json_of("AuthorizationServer"),
                },
                **NOT_OAUTHS,
            },
        }
    },
    JWKS: {
        "get": {
            "operationId": "getJwks",
            "summary": "The public keys of every organisation's JWT access tokens (RFC 7517)",
            "description": _KEPT + "the server gets JWTs.",
            "tags": ["token"],
            "security": [],
            "responses": {
                "200": _KEYS,
                **NOT_OAUTHS,
                "503": {"description": AWAY, "content": json_of("ErrorBody")},
            },
        }
    },
    JWKS_OF: {
        "get": {
            "operationId": "getOauthJwks",
            "summary": "The public keys of one organisation's JWT access tokens (RFC 7517)",
            "description": _KEPT + "this organisation gets JWTs, and of one that is not there.",
            "tags": ["token"],
            "security": [],
            "parameters": [
                {
                    "name": "organizationId",
                    "in": "path",
                    "required": True,
                    "description": IDS["organizationId"],
                    "schema": TEXT,
                }
            ],
            "responses": {
                "200": _KEYS,
                "404": refused("Nothing is at this address."),
                "408": refused(SLOW),
                "431": refused(LONG),
                "503": refused(AWAY),
            },
        }
    },
}
"""OAuth's own endpoints, by RFC 6749 sections 4 to 6 and those that are named."""
