"""What ``/openapi.json`` says of the addresses outside the management API."""

from typing import Any, Final

from grantory.protocol.grants import GRANTS


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _refused(description: str) -> dict[str, Any]:
    return {"description": description, "content": _json("OAuthError")}


_TEXT: Final = {"type": "string"}
OAUTH_SCHEMAS: Final[dict[str, Any]] = {
    "TokenRequest": {
        "type": "object",
        "properties": {
            "grant_type": {"type": "string", "enum": [grant.name for grant in GRANTS]},
            "client_id": {**_TEXT, "description": "Where no Basic header is sent"},
            "client_secret": {**_TEXT, "description": "Where no Basic header is sent"},
            "code": {**_TEXT, "description": "With authorization_code"},
            "redirect_uri": {**_TEXT, "description": "As the code was asked for with"},
            "code_verifier": {**_TEXT, "description": "Of a code with a challenge (RFC 7636)"},
            "refresh_token": {**_TEXT, "description": "With refresh_token"},
            "username": {**_TEXT, "description": "With password: an e-mail address"},
            "password": {**_TEXT, "description": "With password"},
            "assertion": {**_TEXT, "description": "With saml2-bearer, in base64 (RFC 7522)"},
            "orgName": {**_TEXT, "description": "With saml2-bearer: the client's organisation"},
            "scope": {**_TEXT, "description": "Less than the client is registered for"},
        },
        "required": ["grant_type"],
    },
    "Token": {
        "type": "object",
        "properties": {
            "access_token": _TEXT,
            "token_type": {"type": "string", "const": "bearer"},
            "expires_in": {"type": "integer", "minimum": 1, "description": "Seconds"},
            "refresh_token": {**_TEXT, "description": "To whoever acts for a person, by secret"},
        },
        "required": ["access_token", "token_type", "expires_in"],
    },
    "OAuthError": {
        "type": "object",
        "properties": {
            "error": _TEXT,
            "description": _TEXT,
            "error_description": _TEXT,
        },
        "required": ["error", "description", "error_description"],
    },
}
_FORM: Final = "application/x-www-form-urlencoded"
OAUTH_PATHS: Final[dict[str, Any]] = {
    "/oauth/token": {
        "post": {
            "operationId": "postOauthToken",
            "summary": "Get a token (RFC 6749)",
            "tags": ["token"],
            "security": [{"client": []}, {}],
            "requestBody": {
                "required": True,
                "content": {_FORM: {"schema": {"$ref": "#/components/schemas/TokenRequest"}}},
            },
            "responses": {
                "200": {"description": "A token.", "content": _json("Token")},
                "400": _refused(
                    "The request is not valid, or not allowed to this client; or there were too "
                    "many failures, and Retry-After tells when to come again."
                ),
                "401": _refused("The client is unknown, or its secret is wrong."),
                "413": _refused("The body is too large."),
                "503": _refused("The server cannot answer now."),
            },
        }
    },
}
"""The token endpoint, by RFC 6749 sections 4 to 6."""
