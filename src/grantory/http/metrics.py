"""``GET /metrics``: who may read it, and how often it is made."""

import asyncio
import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from grantory.errors import ApiError
from grantory.http.errors import unauthenticated
from grantory.http.request import Network, Request
from grantory.http.response import NO_STORE, Response
from grantory.ports.runtime import Clock

METRICS: Final = "/metrics"
REMEMBERED_SECONDS: Final = 0.25
_FORWARDED: Final = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via")


class Text(Protocol):
    """What a reader is told: the body, its content type, and when it was added up."""

    @property
    def body(self) -> bytes: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def made(self) -> float: ...  # noqa: D102


Write = Callable[[bool], Awaitable[Text]]
"""Makes the text, in OpenMetrics's form or the older one."""


class MetricsResource:
    """Answers those who may know, also under overload.

    Args:
        write: makes the text, which is good for 250 ms ...
        is_newest: ... unless another process has made one after this moment.
        networks: whose addresses may read it.
        token: what a reader must present besides; empty for nothing.
        clock: the time.
    """

    def __init__(
        self,
        write: Write,
        is_newest: Callable[[float], bool],
        networks: tuple[Network, ...],
        token: str,
        clock: Clock,
    ) -> None:
        self._write = write
        self._is_newest = is_newest
        self._networks = networks
        self._token = token.encode()
        self._clock = clock
        self._remembered: dict[bool, Text] = {}
        self._making: dict[bool, asyncio.Task[Text]] = {}

    async def answer(self, request: Request) -> Response:
        """Answers with the text.

        Raises:
            ApiError: 403 for an address, 401 for a token that is not good.
        """
        self._check_address(request)
        self._check_token(request)
        accepted = request.header(b"accept") or ""
        text = await self._text(openmetrics="application/openmetrics-text" in accepted)
        return Response(200, text.body, ((b"content-type", text.kind.encode()), NO_STORE))

    def _check_address(self, request: Request) -> None:
        if not request.comes_from(self._networks):
            raise _refused("This address may not read the metrics: see metrics.allowed_networks.")
        # Whoever a proxy speaks for that is not trusted would pass for the proxy itself.
        if not request.is_past_proxies and any(name in request.headers for name in _FORWARDED):
            raise _refused(
                "The metrics are not read through a proxy that is not among trusted_proxies."
            )

    def _check_token(self, request: Request) -> None:
        if not self._token:
            return
        scheme, _, presented = (request.header(b"authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not presented.strip():
            raise unauthenticated(presented=False)
        if not hmac.compare_digest(presented.strip().encode("latin-1"), self._token):
            raise unauthenticated(presented=True, detail="not the token of the metrics")

    async def _text(self, *, openmetrics: bool) -> Text:
        text = self._remembered.get(openmetrics)
        if text is not None and self._is_good(text):
            return text
        making = self._making.get(openmetrics)
        if making is None or making.done():
            making = asyncio.get_running_loop().create_task(self._make(openmetrics))
            making.add_done_callback(_look_at_its_failure)
            self._making[openmetrics] = making
        return await asyncio.shield(making)

    def _is_good(self, text: Text) -> bool:
        # Whoever was told something newer, by another process, would see counters fall.
        is_recent = self._clock.monotonic() < text.made + REMEMBERED_SECONDS
        return is_recent and self._is_newest(text.made)

    async def _make(self, openmetrics: bool) -> Text:
        text = await self._write(openmetrics)
        self._remembered[openmetrics] = text
        return text


def _refused(message: str) -> ApiError:
    return ApiError(403, "metrics.not.allowed", message)


def networks_of(listed: tuple[str, ...]) -> tuple[Network, ...]:
    """Reads networks that the settings have checked."""
    return tuple(ipaddress.ip_network(network) for network in listed)


def _look_at_its_failure(making: "asyncio.Task[Text]") -> None:
    """Keeps asyncio from reporting a failure when whoever asked has hung up."""
    if not making.cancelled():
        making.exception()
