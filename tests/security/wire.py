"""Bytes on a socket, exactly as an attacker would send them, and what came back."""

import contextlib
import json
import socket
from typing import Any, NamedTuple, Protocol

from tests.support.server import HOST

SECONDS = 5.0


class Listening(Protocol):
    """A server, wherever it runs."""

    port: int


class WireReply(NamedTuple):
    """One HTTP answer taken from a connection; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


def exchange(
    server: Listening, *pieces: bytes, wait_for_first: bool = False, end: bool = False
) -> bytes:
    """Sends pieces on one connection and reads until the server closes it.

    Args:
        server: a running server.
        pieces: what is sent, one after another.
        wait_for_first: read something after the first piece before the next one is sent.
        end: tell the server that nothing more will come.
    """
    got = b""
    with socket.create_connection((HOST, server.port), timeout=SECONDS) as connection:
        with contextlib.suppress(ConnectionError):
            for number, piece in enumerate(pieces):
                connection.sendall(piece)
                if number == 0 and wait_for_first:
                    got += connection.recv(65536)
            if end:
                connection.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError):
            while chunk := connection.recv(65536):
                got += chunk
    return got


def replies(got: bytes) -> list[WireReply]:
    """Takes the answers apart by their content-length; nothing may be left over."""
    found = []
    while got:
        head, blank, rest = got.partition(b"\r\n\r\n")
        assert blank, got
        first, *lines = head.decode("latin-1").split("\r\n")
        version, status, _ = first.split(" ", 2)
        assert version == "HTTP/1.1"
        headers = dict(line.lower().split(": ", 1) for line in lines)
        length = int(headers.get("content-length", "0"))
        assert len(rest) >= length, got
        if status != "100":
            found.append(WireReply(int(status), headers, rest[:length]))
        got = rest[length:]
    return found


def one_reply(server: Listening, *pieces: bytes, wait_for_first: bool = False) -> WireReply:
    """Sends pieces on one connection, and asserts that there is one answer, below 500."""
    found = replies(exchange(server, *pieces, wait_for_first=wait_for_first))
    assert len(found) == 1, found
    assert found[0].status < 500, found
    return found[0]


def platform_error(reply: WireReply) -> dict[str, Any]:
    """Asserts that an answer is the platform's error body."""
    body: dict[str, Any] = reply.json()
    assert reply.headers["content-type"] == "application/json"
    assert body["status"] == reply.status >= 400
    assert body["contextId"] == reply.headers["inin-correlation-id"]
    assert body["code"]
    assert isinstance(body["details"], list)
    assert isinstance(body["messageParams"], dict)
    return body
