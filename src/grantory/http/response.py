"""HTTP responses: a body of known length, or a stream."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, ClassVar, Final, Protocol

import msgspec

from grantory.http.request import Send

Headers = tuple[tuple[bytes, bytes], ...]
JSON: Final = (b"content-type", b"application/json")
NO_STORE: Final = (b"cache-control", b"no-store")
OAUTH_HEADERS: Final = (JSON, NO_STORE, (b"pragma", b"no-cache"))
"""Of the token endpoint's answers (RFC 6749 section 5.1)."""
COMMON: Final[tuple[Headers, ...]] = ((JSON, NO_STORE), OAUTH_HEADERS, (NO_STORE,))
"""What so many answers have that it is written once."""
STREAM_SECONDS: Final = 86_400
"""In a day even 5 kB/s are 400 MB; what takes longer is read by nobody (docs/adr/0016)."""
SLICE_BYTES: Final = 262_144
_encode = msgspec.json.Encoder().encode


class Exchange(Protocol):
    """What can take a whole answer at once; that of our own server does."""

    def answer(self, status: int, headers: Headers, lines: bytes, body: bytes) -> bool:
        """Sends a whole answer, if nothing is in its way."""
        ...


class Response(msgspec.Struct, eq=False):
    """A status, headers and a body."""

    is_whole: ClassVar[bool] = True
    """Whether all of it is here, and it holds nothing that is to be let go of."""
    status: int
    body: bytes = b""
    headers: Headers = COMMON[0]
    lines: bytes = b""
    """Further headers, as lines: of numbers, ids and our own words, which nobody needs to check."""
    error_code: str = ""
    detail: str = ""
    client_id: str = ""
    organization_id: str = ""

    def answers(self, exchange: Exchange) -> bool:
        """Sends it at once, if it is whole and can be; else ``send`` has to.

        Args:
            exchange: with our own server.
        """
        if not self.is_whole or len(self.body) > SLICE_BYTES:
            return False
        return exchange.answer(self.status, self.headers, self.lines, self.body)

    async def send(self, send: Send, *, head: bool) -> None:
        """Sends it.

        Args:
            send: the ASGI channel.
            head: whether the request was HEAD, which gets no body.

        Raises:
            BrokenOff: by the connection, when the reader stalls.
        """
        length = (b"content-length", str(len(self.body)).encode())
        headers = self._all_headers()
        if self.status != NO_CONTENT:
            headers.append(length)
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        if len(self.body) <= SLICE_BYTES or head:
            await send({"type": "http.response.body", "body": b"" if head else self.body})
            return
        for start in range(0, len(self.body), SLICE_BYTES):
            part = self.body[start : start + SLICE_BYTES]
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def _all_headers(self) -> list[tuple[bytes, bytes]]:
        further = (line.partition(b": ") for line in self.lines.splitlines())
        return [*self.headers, *((name.lower(), value) for name, _, value in further)]

    async def close(self) -> None:
        """Lets go of what the answer held; called once, unless it is whole: sent or not."""


class BrokenOff(Exception):
    """An answer could not be sent whole; the connection is cut, so that nobody takes it for one."""


NO_CONTENT: Final = 204


class StreamedResponse(Response, kw_only=True):
    """A response whose body is made while it is sent.

    A reader that takes a day in all is dropped, and so is one that went away; the connection
    itself drops one that takes nothing for 30 seconds. An error in the middle cuts it, too, so that
    half a list is never taken for a whole one.

    ``chunks`` is the body, closed at the end; ``gone`` waits until the client goes away; ``done``
    is called at the end, whatever happened.
    """

    is_whole: ClassVar[bool] = False
    chunks: AsyncGenerator[bytes, None]
    gone: Callable[[], Coroutine[Any, Any, None]]
    done: Callable[[], None]

    async def send(self, send: Send, *, head: bool) -> None:
        """Sends it, chunk by chunk.

        Raises:
            BrokenOff: when the reader stalls, goes away, or takes too long.
        """
        headers = self._all_headers()
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        gone = asyncio.get_running_loop().create_task(self.gone())
        try:
            async with asyncio.timeout(STREAM_SECONDS):
                async for chunk in self.chunks:
                    if head:
                        break
                    if gone.done():
                        raise BrokenOff("the reader went away")
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except TimeoutError:
            raise BrokenOff("the reader took too long") from None
        finally:
            gone.cancel()
        await send({"type": "http.response.body", "body": b""})

    async def close(self) -> None:
        """Ends the making of chunks."""
        self.done()
        await self.chunks.aclose()


def json_response(value: Any, status: int = 200) -> Response:
    """Makes a JSON response from structs, dictionaries and lists."""
    return Response(status, _encode(value))


def empty_response(status: int) -> Response:
    """Makes a response without a body."""
    return Response(status, b"", (NO_STORE,))
