"""Requests as bytes, for clients that run in no process here, and answers as they were sent."""

import base64
import contextlib
import http.client
import json
import socket
from typing import Any, NamedTuple, Self

from tests.support.server import HOST

SECONDS = 30.0
JSON_TYPE = "application/json"
FORM_TYPE = "application/x-www-form-urlencoded"
CLIENT_CREDENTIALS = b"grant_type=client_credentials"


class RawReply(NamedTuple):
    """One answer; header names in the spelling that was on the wire."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)

    def exactly(self, name: str) -> str | None:
        """A header under just this spelling, for clients that look it up that way."""
        return dict(self.headers).get(name)

    def header(self, name: str) -> str | None:
        """A header in any spelling."""
        return {key.lower(): value for key, value in self.headers}.get(name.lower())


class Connection:
    """One connection to a server, on which requests are sent as they are; a context manager."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((HOST, port), timeout=SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, request: bytes) -> RawReply:
        """Send a whole request, and read its answer and no more."""
        # A server that refuses a body need not read it to its end: the answer counts.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._socket.sendall(request)
        return self._read(request.partition(b" ")[0].decode("ascii"))

    def send_expecting(self, request: bytes) -> tuple[bool, RawReply]:
        """Send a request that has ``Expect: 100-continue``, its body only when it is asked for.

        Returns:
            Whether the body was asked for, and the answer.
        """
        head, blank, body = request.partition(b"\r\n\r\n")
        self._socket.sendall(head + blank)
        start = self._socket.recv(12, socket.MSG_PEEK | socket.MSG_WAITALL)
        asked = start == b"HTTP/1.1 100"
        if asked:
            self._socket.sendall(body)
        return asked, self._read(request.partition(b" ")[0].decode("ascii"))

    def _read(self, method: str) -> RawReply:
        response = http.client.HTTPResponse(self._socket, method=method)
        response.begin()  # which passes over a 100
        body = response.read()
        return RawReply(response.status, list(response.headers.items()), body)


def exchange(port: int, request: bytes) -> RawReply:
    """One request on a connection of its own."""
    with Connection(port) as connection:
        return connection.send(request)


def lines(start: str, *headers: str, body: bytes = b"") -> bytes:
    """A request from its first line, its headers and its body."""
    return "\r\n".join([f"{start} HTTP/1.1", *headers, "", ""]).encode("latin-1") + body


def compact(document: Any) -> bytes:
    """JSON as most serialisers write it: no blanks, letters as they are."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def basic(client_id: str, client_secret: str, encoding: str = "utf-8") -> str:
    """The value of an Authorization header, in the encoding that a client uses."""
    return "Basic " + base64.b64encode(f"{client_id}:{client_secret}".encode(encoding)).decode()


def assert_platform_error(reply: RawReply, status: int, code: str) -> None:
    """What the strictest decoders need of an error: JSON, and each field of its own kind."""
    assert reply.status == status, reply
    assert reply.header("Content-Type") == JSON_TYPE
    assert reply.header("Content-Encoding") is None
    document = reply.json()
    assert (document["status"], document["code"]) == (status, code)
    assert isinstance(document["message"], str)
    assert document["message"]
    assert isinstance(document["messageParams"], dict)
    assert all(isinstance(value, str) for value in document["messageParams"].values())
    assert document["contextId"] == reply.header("ININ-Correlation-Id")
    for name in ("details", "errors"):
        assert isinstance(document[name], list)
        assert all(isinstance(item, dict) for item in document[name])
    for detail in document["details"]:
        assert all(isinstance(value, str) for value in detail.values())


def assert_login_error(reply: RawReply, status: int, error: str) -> None:
    """What every client needs of a refused login: JSON with three texts, the last two equal."""
    assert reply.status == status, reply
    assert reply.header("Content-Type") == JSON_TYPE
    document = reply.json()
    assert document["error"] == error
    assert isinstance(document["error_description"], str)
    assert document["error_description"] == document["description"] != ""


def assert_token(reply: RawReply) -> str:
    """What every client needs of a login: exactly 200, and fields of their own kinds."""
    assert reply.status == 200, reply
    assert reply.header("Content-Type") == JSON_TYPE
    assert reply.header("ININ-Correlation-Id")
    document = reply.json()
    assert type(document["expires_in"]) is int
    assert document["token_type"].lower() == "bearer"
    token = document["access_token"]
    assert isinstance(token, str)
    assert not set(token) & set('+% "\\')  # one client decodes it twice
    return token
