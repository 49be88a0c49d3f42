"""``GET /metrics``: who may read it, and how often it is made."""

import asyncio
import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from typing import Final

from grantory.errors import ApiError
from grantory.http.errors import unauthenticated
from grantory.http.request import Network, Request, is_in
from grantory.http.response import NO_STORE, Response
from grantory.ports.metrics_text import MetricsText
from grantory.ports.runtime import Clock

METRICS: Final = "/metrics"
REMEMBERED_SECONDS: Final = 0.25
"""So old may a text be, and as much time passes in a process before it makes another one."""

Write = Callable[[bool], Awaitable[MetricsText]]
"""Makes the text, in OpenMetrics's form or the older one."""


class MetricsResource:
    """Answers those who may know, also under overload.

    Args:
        write: makes the text, which is good for 250 ms ...
        is_newest: ... unless another process tells something newer than what was made then.
        networks: whose addresses may read it.
        token: what a reader must present besides; empty for nothing.
        clock: the time.
        pause: waits for some seconds.
    """

    def __init__(
        self,
        write: Write,
        is_newest: Callable[[float], bool],
        networks: tuple[Network, ...],
        token: str,
        clock: Clock,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._write = write
        self._is_newest = is_newest
        self._networks = networks
        self._token = token.encode()
        self._clock = clock
        self._pause = pause
        self._remembered: dict[bool, MetricsText] = {}
        self._making: dict[bool, asyncio.Task[MetricsText]] = {}
        self._one_at_a_time = asyncio.Lock()
        self._make_again = float("-inf")

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
        # Whoever stands behind a proxy that does not say so would pass for the proxy itself.
        if request.hides_its_sender:
            raise _refused(
                "The metrics are not read through a proxy, unless it is among trusted_proxies and "
                "its X-Forwarded-For tells the address of whoever asks."
            )

    def _check_token(self, request: Request) -> None:
        if not self._token:
            return
        scheme, _, presented = (request.header(b"authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not presented.strip():
            raise unauthenticated(presented=False)
        if not hmac.compare_digest(presented.strip().encode("latin-1"), self._token):
            raise unauthenticated(presented=True, detail="not the token of the metrics")

    async def _text(self, *, openmetrics: bool) -> MetricsText:
        text = self._remembered.get(openmetrics)
        if text is not None and self._is_good(text):
            return text
        making = self._making.get(openmetrics)
        if making is not None and not making.done():
            text = await asyncio.shield(making)
            # It began before this reader came, whom another process may have told more.
            if self._is_newest(text.made):
                return text
            making = self._making[openmetrics]
        if making is None or making.done():
            making = asyncio.get_running_loop().create_task(self._make(openmetrics))
            making.add_done_callback(_look_at_its_failure)
            self._making[openmetrics] = making
        return await asyncio.shield(making)

    def _is_good(self, text: MetricsText) -> bool:
        # Whoever was told something newer, by another process, would see counters fall.
        is_recent = self._clock.monotonic() < text.made + REMEMBERED_SECONDS
        return is_recent and self._is_newest(text.made)

    async def _make(self, openmetrics: bool) -> MetricsText:
        async with self._one_at_a_time:
            # Else those who ask several processes by turns would have each make one all the time.
            early = self._make_again - self._clock.monotonic()
            if early > 0:
                await self._pause(early)
            self._make_again = self._clock.monotonic() + REMEMBERED_SECONDS
            text = await self._write(openmetrics)
        # What is remembered in the other form is older, and could be told to the same reader.
        self._remembered = {openmetrics: text}
        return text


def _refused(message: str) -> ApiError:
    return ApiError(403, "metrics.not.allowed", message)


def may_be_read(peer: str, readers: tuple[Network, ...], proxies: tuple[Network, ...]) -> bool:
    """Tells whether a question from an address may be one that is answered.

    Args:
        peer: whoever the connection is with.
        readers: whose addresses may read the metrics.
        proxies: those that are trusted.
    """
    return is_in(peer.partition("%")[0], (*readers, *proxies))


def networks_of(listed: tuple[str, ...]) -> tuple[Network, ...]:
    """Reads networks that the settings have checked."""
    return tuple(ipaddress.ip_network(network) for network in listed)


def _look_at_its_failure(making: "asyncio.Task[MetricsText]") -> None:
    """Keeps asyncio from reporting a failure when whoever asked has hung up."""
    if not making.cancelled():
        making.exception()
