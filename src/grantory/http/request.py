"""An HTTP request as the handlers see it."""

import ipaddress
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final
from urllib.parse import parse_qsl

from grantory.errors import ApiError, FieldProblem, invalid

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_QUERY: Final = 8_192
MAX_QUERY_PARAMETERS: Final = 100
_SINGLE: Final = (
    b"authorization",
    b"content-type",
    b"content-length",
    b"content-encoding",
    b"host",
)
_FORWARDING: Final = (b"forwarded", b"x-real-ip", b"via")
_X_FORWARDED: Final = b"x-forwarded-"
_WITH_PORT: Final = re.compile(r"([0-9.]+|\[([0-9a-fA-F:.]+)\])(:[0-9]{1,5})?")
"""What some proxies write: an address and the port that the caller's connection came from."""


class ClientGone(Exception):
    """The client went away before its request was whole."""


class BodyTooLarge(Exception):
    """The body is larger than the operation takes."""


class Request:
    """What came in, read when it is asked for.

    Args:
        scope: the ASGI scope.
        receive: the ASGI channel of the body.
        correlation_id: the id that the answer and every log line of this request carry.
        trusted_proxies: networks whose ``X-Forwarded-For`` is believed.
        whole_body: takes the body where all of it is here already.
    """

    __slots__ = (
        "_address",
        "_query",
        "_receive",
        "_trusted",
        "_whole_body",
        "correlation_id",
        "grant_type",
        "headers",
        "method",
        "path",
        "route",
        "scope",
        "waited",
    )

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        correlation_id: str,
        trusted_proxies: tuple[Network, ...],
        whole_body: Callable[[], bytes | None] | None = None,
    ) -> None:
        self.scope = scope
        self._receive = receive
        self._whole_body = whole_body
        self._address: str | None = None
        self._query: dict[str, list[str]] | None = None
        self._trusted = trusted_proxies
        self.correlation_id = correlation_id
        self.grant_type = ""
        """What a token is asked for with, once that was read; to be counted."""
        self.route = ""
        """The template of its address, once that was found."""
        self.waited = False
        """Whether the body has come later than in the turn of the event loop it was asked for."""
        self.method: str = scope["method"]
        self.path: str = scope["raw_path"].decode("latin-1")
        self.headers: dict[bytes, bytes] = dict(scope["headers"])

    @property
    def repeats_a_header(self) -> bool:
        """Whether a header that must be single came more than once."""
        names = [name for name, _ in self.scope["headers"]]
        return any(names.count(name) > 1 for name in _SINGLE)

    def header(self, name: bytes) -> str | None:
        """Returns a header by its lower-case name."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    @property
    def media_type(self) -> str:
        """The media type of the body in lower case, without parameters; empty for none."""
        return (self.header(b"content-type") or "").partition(";")[0].strip().lower()

    @property
    def address(self) -> str:
        """The client's network address, past the proxies that are trusted."""
        address = self._address
        if address is None:
            address = self._address = self._find_address() if self._trusted else self._peer
        return address

    def _find_address(self) -> str:
        peer = self._peer
        if not self.is_past_proxies:
            return peer
        forwarded = b",".join(
            value for name, value in self.scope["headers"] if name == b"x-forwarded-for"
        )
        address = peer
        for hop in reversed(forwarded.decode("latin-1").split(",")):
            candidate = _address_of(hop.strip())
            if not candidate:
                break
            address = candidate
            if not is_in(candidate, self._trusted):
                break
        return address

    @property
    def _peer(self) -> str:
        client = self.scope.get("client")
        address: str = client[0] if client else ""
        return address.partition("%")[0] if "%" in address else address

    @property
    def is_past_proxies(self) -> bool:
        """Whether it came from a proxy that is trusted."""
        return bool(self._trusted) and is_in(self._peer, self._trusted)

    @property
    def hides_its_sender(self) -> bool:
        """Whether a proxy sent it, by its headers, and none that is trusted told for whom.

        A trusted one tells it in ``X-Forwarded-For``: an address that is no trusted proxy's.
        """
        is_forwarded = any(
            name in _FORWARDING or name.startswith(_X_FORWARDED) for name in self.headers
        )
        if not is_forwarded:
            return False
        return not self.is_past_proxies or is_in(self.address, self._trusted)

    def comes_from(self, networks: tuple[Network, ...]) -> bool:
        """Tells whether the client's address, past the trusted proxies, is in some networks."""
        return is_in(self.address, networks)

    def body_at_hand(self, limit: int) -> bytes | None:
        """Takes the whole body, if all of it is here; else None, and ``body`` reads it.

        Raises:
            BodyTooLarge: for one that is larger than the limit, in bytes.
        """
        body = None if self._whole_body is None else self._whole_body()
        if body is not None and len(body) > limit:
            raise BodyTooLarge
        return body

    async def body(self, limit: int) -> bytes:
        """Reads the whole body.

        Args:
            limit: the most bytes that are taken.

        Raises:
            BodyTooLarge: as soon as it is known.
            ClientGone: when it never comes whole.
        """
        declared = self.headers.get(b"content-length")
        if declared is not None and declared.isdigit() and int(declared[:20]) > limit:
            raise BodyTooLarge
        body, more = await self._part()
        if not more and len(body) <= limit:
            return body
        chunks, size = [body], len(body)
        while more and size <= limit:
            body, more = await self._part()
            chunks.append(body)
            size += len(body)
        if size > limit:
            raise BodyTooLarge
        return body if len(chunks) == 1 else b"".join(chunks)

    async def _part(self) -> tuple[bytes, bool]:
        message = await self._receive()
        if message["type"] != "http.request":
            raise ClientGone
        if message.get("waited", True):  # another server does not say
            self.waited = True
        return message.get("body", b""), message.get("more_body", False)

    async def gone(self) -> None:
        """Waits until the client goes away."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def query(self) -> dict[str, list[str]]:
        """Reads the query string; a parameter may come several times.

        Raises:
            ApiError: 400 when it is too long, too full or not UTF-8.
        """
        if self._query is None:
            self._query = self._read_query()
        return self._query

    def _read_query(self) -> dict[str, list[str]]:
        raw: bytes = self.scope["query_string"]
        if not raw:
            return {}
        if len(raw) > MAX_QUERY:
            raise ApiError(400, "bad.request", f"The query is longer than {MAX_QUERY} bytes.")
        try:
            pairs = parse_qsl(
                raw.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=MAX_QUERY_PARAMETERS,
            )
        except ValueError:
            raise ApiError(400, "bad.request", "The query is malformed or too long.") from None
        found: dict[str, list[str]] = {}
        for name, value in pairs:
            if "\x00" in value:
                raise invalid(FieldProblem(name[:64], "invalid.value", "must not hold NUL"))
            found.setdefault(name, []).append(value)
        return found


def is_in(address: str, networks: tuple[Network, ...]) -> bool:
    """Tells whether an address is in some networks; what is no address is in none."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    # On a socket for both families an IPv4 client comes as ::ffff:192.0.2.1.
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(parsed in network for network in networks)


def _address_of(hop: str) -> str:
    """Reads one entry of ``X-Forwarded-For``.

    Args:
        hop: an address; or one with a port, an IPv6 address in brackets then.

    Returns:
        The address, of 45 characters at most, as it was written; empty where there is none. One
        with a zone is none: a zone means nothing beyond its machine, and may be anything.
    """
    with_port = _WITH_PORT.fullmatch(hop)
    address = (with_port[2] or with_port[1]) if with_port else hop
    if "%" in address:
        return ""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if with_port and with_port[2] and parsed.version == 4:
        return ""
    return address
