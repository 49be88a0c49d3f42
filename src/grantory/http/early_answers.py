"""Answers that a connection gives by itself, without the application."""

import uuid
from typing import Any, Final

import msgspec

TOKEN_PATH: Final = "/oauth/token"
_LOOKS: Final = ("GET", "HEAD", "OPTIONS")
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
    return method not in _LOOKS and not path.endswith(TOKEN_PATH)


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


def refusal(status: int, reason: str, code: str, message: str) -> bytes:
    """Writes the answer to what cannot be served, after which the connection is closed."""
    correlation_id = str(uuid.uuid4())
    body = msgspec.json.encode(error_body(status, code, message, correlation_id))
    return _head(status, reason, _CLOSE, body, correlation_id) + body


def overloaded(path: str, *, head: bool, keep_alive: bool) -> bytes:
    """Writes the 503 for what would be answered too late.

    Args:
        path: tells which of the two kinds of body the caller expects.
        head: whether the method is HEAD, whose answers have no body.
        keep_alive: whether the connection goes on.
    """
    start, body = _OVERLOADED_TOKEN if path.endswith(TOKEN_PATH) else _OVERLOADED_API
    answer = start if head else start + body
    answer = answer.replace(_CORRELATION, str(uuid.uuid4()).encode())
    return answer if keep_alive else answer.replace(b"\r\n", b"\r\n" + _CLOSE, 1)


def overloaded_start(path: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The same answer for ASGI: its headers, and its body."""
    answer = overloaded(path, head=False, keep_alive=True)
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
    more = b"".join((b"retry-after: 1\r\ncache-control: no-store\r\n", *headers))
    encoded = msgspec.json.encode(body)
    return _head(503, "Service Unavailable", more, encoded, _CORRELATION.decode()), encoded


_OVERLOADED_API: Final = _overload_answer(
    error_body(503, "service.unavailable", _TOO_MUCH, _CORRELATION.decode())
)
_OVERLOADED_TOKEN: Final = _overload_answer(
    {
        "error": "temporarily_unavailable",
        "description": _TOO_MUCH,
        "error_description": _TOO_MUCH,
    },
    b"pragma: no-cache\r\n",
)
