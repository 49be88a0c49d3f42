"""What ``/openapi.json`` says of the addresses that people are sent to."""

from typing import Any, Final

from grantory.http.login.flow import AUTHORIZE
from grantory.http.login.logout import LOGOUT
from grantory.http.openapi_oauth import AWAY, LONG, NOT_OAUTHS, SLOW, TEXT, json_of, refused
from grantory.protocol.authorization.answers import ResponseMode, ResponseType
from grantory.protocol.pkce import METHOD


def _page(description: str) -> dict[str, Any]:
    return {"description": description, "content": {"text/html": {"schema": TEXT}}}


def _asked(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": {**TEXT, **schema},
    }


_BACK: Final = {"Location": {"required": True, "schema": TEXT}}
LOGIN_PATHS: Final[dict[str, Any]] = {
    AUTHORIZE: {
        "get": {
            "operationId": "getOauthAuthorize",
            "summary": "Where a client sends people to log in and consent (RFC 6749)",
            "description": "For browsers. What is wrong is told to the client once its address is "
            "known to be good, or else to the person. Other parameters are ignored.",
            "tags": ["login"],
            "security": [],
            "parameters": [
                {**_asked("client_id", "The client's id"), "required": True},
                {
                    **_asked(
                        "response_type",
                        "What it asks for: a code or, by the implicit grant, a token",
                        enum=list(ResponseType),
                    ),
                    "required": True,
                },
                _asked("redirect_uri", "Where to send people back to; the only one if left out"),
                _asked("state", "Given back as it came"),
                _asked(
                    "response_mode",
                    "In what part of redirect_uri the answer stands: by default in the query, and "
                    "for a token always in the fragment",
                    enum=list(ResponseMode),
                ),
                _asked("scope", "Some of the client's scopes; all of them if left out"),
                _asked("code_challenge", "The challenge to a verifier (RFC 7636)"),
                _asked("code_challenge_method", "How it was made", enum=[METHOD]),
                _asked("prompt", "login asks for the password in any case, none asks for nothing"),
                _asked("login_hint", "The e-mail address of who is to log in"),
                _asked("org", "The client's organisation; together with provider"),
                _asked("provider", "Anything; together with org"),
            ],
            "responses": {
                "200": _page("The page on which a person logs in, or consents."),
                "303": {
                    "description": "Back to the client, with what it asked for or an error.",
                    "headers": _BACK,
                },
                "400": _page("The client, or where it wants people to be sent, is not known."),
                "408": refused(SLOW),
                "431": refused(LONG),
                "503": {
                    "description": AWAY,
                    "content": {**_page("")["content"], **json_of("OAuthError")},
                },
            },
        }
    },
    LOGOUT: {
        "get": {
            "operationId": "getLogout",
            "summary": "Ends a person's session in this browser, and the tokens that came of it",
            "tags": ["login"],
            "security": [],
            "parameters": [
                _asked("client_id", "The id of the client from which the person comes"),
                _asked("redirect_uri", "Where to go on to: one that the client has registered"),
            ],
            "responses": {
                "200": _page("The page that says so."),
                "303": {"description": "On to redirect_uri.", "headers": _BACK},
                "400": _page("The session is ended; redirect_uri is not known for this client."),
                **NOT_OAUTHS,
                "503": {
                    "description": AWAY,
                    "content": {**_page("")["content"], **json_of("ErrorBody")},
                },
            },
        }
    },
}
"""The forms of these pages go to addresses that are of no use to others."""
