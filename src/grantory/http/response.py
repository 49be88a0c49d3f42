"""HTTP responses: a body of known length, or a stream."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec

from grantory.http.request import Send

Headers = tuple[tuple[bytes, bytes], ...]
JSON: Final = (b"content-type", b"application/json")
NO_STORE: Final = (b"cache-control", b"no-store")
STALL_SECONDS: Final = 30
_encode = msgspec.json.Encoder().encode


class Response:
    """A status, headers and a body."""

    __slots__ = (
        "body",
        "client_id",
        "detail",
        "error_code",
        "headers",
        "organization_id",
        "status",
    )

    def __init__(self, status: int, body: bytes = b"", headers: Headers = (JSON, NO_STORE)) -> None:
        self.status = status
        self.body = body
        self.headers = headers
        self.error_code = ""
        self.detail = ""
        self.client_id = ""
        self.organization_id = ""

    async def send(self, send: Send, correlation: tuple[bytes, bytes], *, head: bool) -> None:
        """Sends it.

        Args:
            send: the ASGI channel.
            correlation: the header with the correlation id.
            head: whether the request was HEAD, which gets no body.
        """
        length = (b"content-length", str(len(self.body)).encode())
        headers = [*self.headers, correlation]
        if self.status != NO_CONTENT:
            headers.append(length)
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if head else self.body})


NO_CONTENT: Final = 204


class StreamedResponse(Response):
    """A response whose body is made while it is sent.

    A reader that takes nothing for 30 seconds is dropped, and an error in the middle breaks
    the connection off, so that half a list is never taken for a whole one.
    """

    __slots__ = ("_chunks",)

    def __init__(self, status: int, chunks: AsyncIterator[bytes]) -> None:
        super().__init__(status)
        self._chunks = chunks

    async def send(self, send: Send, correlation: tuple[bytes, bytes], *, head: bool) -> None:  # noqa: ARG002
        """Sends it, chunk by chunk."""
        headers = [*self.headers, correlation]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        async for chunk in self._chunks:
            async with asyncio.timeout(STALL_SECONDS):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


def json_response(value: Any, status: int = 200) -> Response:
    """Makes a JSON response from structs, dictionaries and lists."""
    return Response(status, _encode(value))


def empty_response(status: int) -> Response:
    """Makes a response without a body."""
    return Response(status, b"", (NO_STORE,))
