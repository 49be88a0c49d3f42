"""How each client writes a request, down to the order and spelling of its headers.

Taken from what the Go and Java SDKs put on a wire, and from the sources of ``gc``, the .NET SDK
and the HTTP clients beneath them.
"""

from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

from tests.compat.wire.raw_http import (
    CLIENT_CREDENTIALS,
    FORM_TYPE,
    JSON_TYPE,
    RawReply,
    basic,
    compact,
    exchange,
    lines,
)
from tests.support.server import RunningServer

BODIED = ("POST", "PUT", "PATCH")


class Writer(ABC):
    """One client; ``login`` and ``call`` make the bytes of a request, ``form`` those of a form."""

    @abstractmethod
    def login(
        self, port: int, client_id: str, secret: str, *more: str, form: bytes = CLIENT_CREDENTIALS
    ) -> bytes:
        """A request for a token, with further headers at its end."""

    @abstractmethod
    def call(self, port: int, start: str, token: str, content: bytes = b"", *more: str) -> bytes:
        """A call of the API: ``start`` is ``METHOD path``; no token sends what it then sends."""

    @abstractmethod
    def form(self, **fields: str) -> bytes:
        """The fields of a login, in the order and with the escapes of the client."""

    def public_login(self, port: int, form: bytes) -> bytes:
        """A request for a token by a client that names itself in the form alone."""
        start, _, rest = self.login(port, "", "", form=form).partition(b"\r\nAuthorization: ")
        return start + b"\r\n" + rest.partition(b"\r\n")[2]

    def written(self, document: Any) -> bytes:
        """A document as the client's serialiser writes it."""
        return compact(document)

    def ask(
        self, server: RunningServer, start: str, document: Any = None, *, token: str | None = None
    ) -> RawReply:
        """One call, by default with a new token of the first client."""
        content = b"" if document is None else self.written(document)
        bearer = server.token() if token is None else token
        return exchange(server.port, self.call(server.port, start, bearer, content))


class Go(Writer):
    """The Go SDK 188, with Go's own HTTP client."""

    def login(
        self, port: int, client_id: str, secret: str, *more: str, form: bytes = CLIENT_CREDENTIALS
    ) -> bytes:
        return lines(
            "POST /oauth/token",
            f"Host: 127.0.0.1:{port}",
            "User-Agent: Go-http-client/1.1",
            "Connection: close",
            f"Content-Length: {len(form)}",
            f"Authorization: {basic(client_id, secret)}",
            f"Content-Type: {FORM_TYPE}",
            "Accept-Encoding: gzip",
            *more,
            body=form,
        )

    def call(self, port: int, start: str, token: str, content: bytes = b"", *more: str) -> bytes:
        return lines(
            start,
            f"Host: 127.0.0.1:{port}",
            "User-Agent: Go-http-client/1.1",
            "Connection: close",
            *([f"Content-Length: {len(content)}"] if start.startswith(BODIED) else []),
            "Accept: application/json",
            *([f"Authorization: Bearer {token}"] if token else []),
            f"Content-Type: {JSON_TYPE}",
            *([] if start.startswith("HEAD") else ["Accept-Encoding: gzip"]),
            *more,
            body=content,
        )

    def form(self, **fields: str) -> bytes:
        return sorted_form(fields)

    def written(self, document: Any) -> bytes:
        content = compact(document)
        for letter in b"&<>":  # Go escapes these, and leaves other letters alone
            content = content.replace(bytes([letter]), b"\\u%04x" % letter)
        return content


class Java(Writer):
    """The Java SDK 198.1.0, with Apache's HTTP client, which keeps its connections."""

    def login(
        self, port: int, client_id: str, secret: str, *more: str, form: bytes = CLIENT_CREDENTIALS
    ) -> bytes:
        return lines(
            "POST /oauth/token",
            f"Authorization: {basic(client_id, secret)}",
            "purecloud-sdk: 198.1.0",
            "User-Agent: PureCloud SDK/java",
            f"Content-Type: {FORM_TYPE}",
            f"Content-Length: {len(form)}",
            f"Host: 127.0.0.1:{port}",
            "Connection: Keep-Alive",
            "Accept-Encoding: gzip,deflate",
            *more,
            body=form,
        )

    def call(self, port: int, start: str, token: str, content: bytes = b"", *more: str) -> bytes:
        return lines(
            start,
            *([f"Authorization: Bearer {token}"] if token else []),
            "Accept: application/json",
            "purecloud-sdk: 198.1.0",
            "User-Agent: PureCloud SDK/java",
            f"Content-Type: {JSON_TYPE}",
            *([f"Content-Length: {len(content)}"] if start.startswith(BODIED) else []),
            f"Host: 127.0.0.1:{port}",
            "Connection: Keep-Alive",
            "Accept-Encoding: gzip,deflate",
            *more,
            body=content,
        )

    def form(self, **fields: str) -> bytes:
        # Java leaves the asterisk alone, and escapes the tilde.
        written = urlencode(fields, safe="*", quote_via=quote_plus)
        return written.replace("~", "%7E").encode()


class DotNet(Writer):
    """The .NET SDK 270.0.0, with RestSharp 112."""

    def login(
        self, port: int, client_id: str, secret: str, *more: str, form: bytes = CLIENT_CREDENTIALS
    ) -> bytes:
        return lines(
            "POST /oauth/token",
            f"Host: 127.0.0.1:{port}",
            "Accept: application/json",
            f"Authorization: {basic(client_id, secret, 'iso-8859-1')}",
            "User-Agent: PureCloud SDK/dotnet",
            "Accept-Encoding: gzip, deflate, br",
            f"Content-Type: {FORM_TYPE}; charset=utf-8",
            f"Content-Length: {len(form)}",
            *more,
            body=form,
        )

    def call(self, port: int, start: str, token: str, content: bytes = b"", *more: str) -> bytes:
        return lines(
            start,
            f"Host: 127.0.0.1:{port}",
            "Accept: application/json",
            *([f"Authorization: Bearer {token}"] if token else []),
            "purecloud-sdk: 270.0.0",
            "User-Agent: PureCloud SDK/dotnet",
            "Accept-Encoding: gzip, deflate, br",
            *([f"Content-Type: {JSON_TYPE}; charset=utf-8"] if content else []),
            *([f"Content-Length: {len(content)}"] if start.startswith(BODIED) else []),
            *more,
            body=content,
        )

    def form(self, **fields: str) -> bytes:
        return urlencode(fields, quote_via=quote, safe="").encode()  # a blank becomes %20


class Gc(Writer):
    """The command line ``gc`` 166.0.0, with Go's HTTP client and bodies of no known length."""

    def login(
        self, port: int, client_id: str, secret: str, *more: str, form: bytes = CLIENT_CREDENTIALS
    ) -> bytes:
        return lines(
            "POST /oauth/token",
            f"Host: 127.0.0.1:{port}",
            "User-Agent: PureCloud SDK/go-cli",
            "Connection: close",
            "Transfer-Encoding: chunked",
            f"Authorization: {basic(client_id, secret)}",
            f"Content-Type: {FORM_TYPE}",
            "Purecloud-Sdk: 166.0.0",
            "Accept-Encoding: gzip",
            *more,
            body=in_chunks(form),
        )

    def call(self, port: int, start: str, token: str, content: bytes = b"", *more: str) -> bytes:
        empty = ["Content-Length: 0"] if start.startswith(BODIED) else []
        return lines(
            start,
            f"Host: 127.0.0.1:{port}",
            "User-Agent: PureCloud SDK/go-cli",
            "Connection: close",
            *(["Transfer-Encoding: chunked"] if content else empty),
            "Accept: application/json",
            f"Authorization: Bearer {token}",
            "Cache-Control: no-cache",
            f"Content-Type: {JSON_TYPE}",
            "Purecloud-Sdk: 166.0.0",
            *([] if start.startswith("HEAD") else ["Accept-Encoding: gzip"]),
            *more,
            body=in_chunks(content) if content else b"",
        )

    def form(self, **fields: str) -> bytes:
        return sorted_form(fields)


def sorted_form(fields: dict[str, str]) -> bytes:
    """A form as Go's library writes it: by name, a blank as a plus."""
    return urlencode(sorted(fields.items()), quote_via=quote_plus).encode()


def in_chunks(content: bytes) -> bytes:
    """A body in one chunk and the empty one that ends it."""
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content)


WRITERS: dict[str, Writer] = {"go": Go(), "java": Java(), "dotnet": DotNet(), "gc": Gc()}
