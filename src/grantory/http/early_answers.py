"""Answers that a connection gives by itself, without the application."""

import uuid
from typing import Any, Final

import msgspec

TOKEN_PATH: Final = "/oauth/token"
INTROSPECTION_PATH: Final = "/oauth/introspect"
REVOCATION_PATH: Final = "/oauth/revoke"
OAUTH_ROOT: Final = "/oauth/"
WELL_KNOWN: Final = "/.well-known/"
_CHANGING_LOOKS: Final = ("/oauth/authorize", "/logout")
"""Plain links, by which people come to a code or end their session."""
_LOOKS: Final = ("GET", "HEAD", "OPTIONS")
_NO_CHANGES: Final = (TOKEN_PATH, INTROSPECTION_PATH)
"""Answered from memory, though they are sent by POST."""
_CLOSE: Final = b"connection: close\r\n"
_CORRELATION: Final = b"c" * 36
_TOO_MUCH: Final = (
    "The server has more to do than it can right now; nothing was done. Try again in a second."
)


def is_change(method: str, path: str) -> bool:
    """Tells whether a request is to change something in the store.

    Args:
        method: the HTTP method.
        path: without the query, which may hold anything.
    """
    if path.endswith(_CHANGING_LOOKS):
        return True
    return method not in _LOOKS and not path.endswith(_NO_CHANGES)


def is_oauth(path: str, login_prefix: str) -> bool:
    """Tells whether errors at an address have OAuth's body (RFC 6749), and not the platform's.

    Args:
        path: without the query.
        login_prefix: what may stand before OAuth's addresses.
    """
    return path.startswith(OAUTH_ROOT) or (
        bool(login_prefix) and path.startswith(login_prefix + OAUTH_ROOT)
    )


def error_body(status: int, code: str, message: str, correlation_id: str) -> dict[str, Any]:
    """Makes the platform's error body for what no handler has seen."""
    return {
        "message": message,
        "code": code,
        "status": status,
        "messageParams": {},
        "contextId": correlation_id,
        "details": [],
        "errors": [],
    }


def refusal(status: int, reason: str, code: str, message: str, *, oauth: bool) -> bytes:
    """Writes the answer to what cannot be served, after which the connection is closed.

    Args:
        status: the HTTP status.
        reason: its phrase.
        code: the platform's error code.
        message: a sentence.
        oauth: whether the body is OAuth's.
    """
    correlation_id = str(uuid.uuid4())
    if oauth:
        document = oauth_body("invalid_request", message)
    else:
        document = error_body(status, code, message, correlation_id)
    body = msgspec.json.encode(document)
    return _head(status, reason, _CLOSE, body, correlation_id) + body


def oauth_body(error: str, description: str) -> dict[str, Any]:
    """Makes OAuth's error body, with ``description`` for older clients."""
    return {"error": error, "description": description, "error_description": description}


def overloaded(*, oauth: bool, head: bool, keep_alive: bool) -> bytes:
    """Writes the 503 for what would be answered too late.

    Args:
        oauth: whether the body is OAuth's.
        head: whether the method is HEAD, whose answers have no body.
        keep_alive: whether the connection goes on.
    """
    start, body = _OVERLOADED_OAUTH if oauth else _OVERLOADED_API
    answer = start if head else start + body
    answer = answer.replace(_CORRELATION, str(uuid.uuid4()).encode())
    return answer if keep_alive else answer.replace(b"\r\n", b"\r\n" + _CLOSE, 1)


def overloaded_start(*, oauth: bool) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The same answer for ASGI: its headers, and its body."""
    answer = overloaded(oauth=oauth, head=False, keep_alive=True)
    start, _, body = answer.partition(b"\r\n\r\n")
    lines = [line.split(b": ", 1) for line in start.split(b"\r\n")[1:]]
    return [(name.lower(), value) for name, value in lines], body


def _head(status: int, reason: str, headers: bytes, body: bytes, correlation_id: str) -> bytes:
    head = (
        f"HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\n"
        f"ININ-Correlation-Id: {correlation_id}\r\ncontent-length: {len(body)}\r\n"
    )
    return head.encode() + headers + b"\r\n"


def _overload_answer(body: dict[str, Any], *headers: bytes) -> tuple[bytes, bytes]:
    more = b"".join((b"Retry-After: 1\r\ncache-control: no-store\r\n", *headers))
    encoded = msgspec.json.encode(body)
    return _head(503, "Service Unavailable", more, encoded, _CORRELATION.decode()), encoded


_OVERLOADED_API: Final = _overload_answer(
    error_body(503, "service.unavailable", _TOO_MUCH, _CORRELATION.decode())
)
_OVERLOADED_OAUTH: Final = _overload_answer(
    oauth_body("temporarily_unavailable", _TOO_MUCH),
    b"pragma: no-cache\r\n",
)
