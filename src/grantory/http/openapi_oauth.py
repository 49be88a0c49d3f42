"""What ``/openapi.json`` says of the addresses outside the management API."""

from typing import Any, Final


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def _refused(description: str) -> dict[str, Any]:
    return {"description": description, "content": _json("OAuthError")}


_TEXT: Final = {"type": "string"}
OAUTH_SCHEMAS: Final[dict[str, Any]] = {
    "TokenRequest": {
        "type": "object",
        "properties": {
            "grant_type": {"type": "string", "enum": ["client_credentials"]},
            "client_id": {**_TEXT, "description": "Where no Basic header is sent"},
            "client_secret": {**_TEXT, "description": "Where no Basic header is sent"},
        },
        "required": ["grant_type"],
    },
    "Token": {
        "type": "object",
        "properties": {
            "access_token": _TEXT,
            "token_type": {"type": "string", "const": "bearer"},
            "expires_in": {"type": "integer", "minimum": 1, "description": "Seconds"},
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
"""The token endpoint, by RFC 6749 sections 4.4 and 5."""
