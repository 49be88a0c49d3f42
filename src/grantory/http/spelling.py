"""How the names of response headers are spelled on the wire.

Their case means nothing (RFC 9110 section 5.1) and uvicorn lowers them all; but the platform's
Java and .NET SDKs look some names up letter by letter.
"""

from collections.abc import MutableMapping
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class _AsSpelled(bytes):
    """A name that goes out as it is written here."""

    def lower(self) -> "_AsSpelled":
        return self


_NAMES: Final = {
    name.lower(): _AsSpelled(name) for name in (b"ININ-Correlation-Id", b"Retry-After")
}


class SpellingCycle(RequestResponseCycle):
    """uvicorn's request and its answer, with names spelled as the platform spells them."""

    async def send(self, message: MutableMapping[str, Any]) -> None:  # type: ignore[override]
        """Takes a part of the answer (ASGI 3)."""
        if message["type"] == "http.response.start":
            headers = message["headers"]
            message["headers"] = [(_NAMES.get(name, name), value) for name, value in headers]
        await super().send(message)  # type: ignore[arg-type]
