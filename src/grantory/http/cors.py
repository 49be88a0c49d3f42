"""Which web pages may read answers: those of origins that are registered (Fetch standard).

What says the same to everybody, every page may read.

Answers never depend on cookies here, and no answer says that it may: a page shows its bearer
token, or the client's secret, itself. So what an origin is given is no right, only the leave to
read what the page was answered; a page of any other origin is answered the same and is not shown
it by the browser.
"""

import asyncio
import re
from collections import OrderedDict
from typing import Final

from grantory.domain.web_origin import is_origin
from grantory.errors import GrantoryError
from grantory.http.early_answers import REVOCATION_PATH, TOKEN_PATH
from grantory.http.oauth.jwks import JWKS, JWKS_OF
from grantory.http.oauth.metadata import METADATA_PATH
from grantory.http.request import Request
from grantory.http.response import NO_CONTENT, NO_STORE, Headers, Response
from grantory.ports.runtime import Clock
from grantory.ports.storage import Store

API_ROOT: Final = "/api/v2/"
_OAUTH: Final = (TOKEN_PATH, REVOCATION_PATH)
"""What a page calls that has tokens; introspection is for servers, which need no leave."""
_PUBLIC: Final = (METADATA_PATH, JWKS)
_PUBLIC_ROOT: Final = JWKS_OF.partition("{")[0]
EXPOSED: Final = (
    b"ININ-Correlation-Id, Retry-After, "
    b"inin-ratelimit-count, inin-ratelimit-allowed, inin-ratelimit-reset"
)
PREFLIGHT_SECONDS: Final = 600
REMEMBERED_SECONDS: Final = 5.0
"""On PostgreSQL every look-up is a round trip. An origin that is taken away can so be answered to
for some seconds more, which ends no right: its tokens end by themselves, and at once."""
MOST_REMEMBERED: Final = 256
PATIENCE_SECONDS: Final = 1.0
"""So long is a store waited for that has just failed to answer what was asked itself."""
MAX_NAMES: Final = 50
MAX_NAMES_LENGTH: Final = 2_048
_NAME: Final = re.compile(rb"(?!\*\Z)[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
VARY: Final = (b"vary", b"Origin")
_VARY_LINE: Final = b"vary: Origin\r\n"
_UNAVAILABLE: Final = 503


class Cors:
    """Says in headers to whom an answer may be shown.

    Args:
        store: knows the redirect URIs of every client.
        origins: those that the settings allow besides.
        clock: a monotonic clock.
    """

    def __init__(self, store: Store, origins: tuple[str, ...], clock: Clock) -> None:
        self._store = store
        self._origins = frozenset(origins)
        self._clock = clock
        self._until: OrderedDict[str, float] = OrderedDict()

    def covers(self, path: str) -> bool:
        """Tells whether pages may ask for an address at all: of the API, for a token or its end,
        or a document that is for everybody.

        Args:
            path: without the prefixes of a gateway.
        """
        return path in _OAUTH or path.startswith(API_ROOT) or _is_public(path)

    def lines_for_no_page(self, request: Request, path: str) -> bytes | None:
        """Gives the headers of an answer that no page asked for, as lines; else None."""
        if b"origin" in request.headers:
            return None
        if path in _OAUTH or path.startswith(API_ROOT):
            return _VARY_LINE
        return None if _is_public(path) else b""

    async def headers(self, request: Request, response: Response, path: str) -> Headers:
        """Gives the headers that an answer needs besides its own.

        A store that cannot tell whether an origin is registered counts as none that is.

        Args:
            request: what was asked.
            response: what is answered.
            path: the request's, without the prefixes of a gateway.
        """
        if _is_public(path):
            return ((b"access-control-allow-origin", b"*"), *_preflight(request, response))
        origin = _origin_of(request)
        patience = PATIENCE_SECONDS if response.status == _UNAVAILABLE else None
        if origin is None or not await self._knows(origin, patience):
            return (VARY,)
        allowed: Headers = (
            VARY,
            (b"access-control-allow-origin", origin.encode()),
            (b"access-control-expose-headers", EXPOSED),
        )
        return (*allowed, *_preflight(request, response))

    async def _knows(self, origin: str, patience: float | None) -> bool:
        if origin in self._origins:
            return True
        now = self._clock.monotonic()
        if now < self._until.get(origin, now):
            return True
        try:
            async with asyncio.timeout(patience):
                known = await self._store.read(lambda snapshot: snapshot.clients.has_origin(origin))
        except (GrantoryError, TimeoutError):
            return False
        if known:
            self._until[origin] = now + REMEMBERED_SECONDS
            self._until.move_to_end(origin)
            if len(self._until) > MOST_REMEMBERED:
                self._until.popitem(last=False)
        return known


def options_response(methods: str) -> Response:
    """Answers OPTIONS: 204, with the methods that the address takes."""
    return Response(NO_CONTENT, b"", (NO_STORE, (b"allow", methods.encode())))


def _is_public(path: str) -> bool:
    return path in _PUBLIC or path.startswith(_PUBLIC_ROOT)


def _origin_of(request: Request) -> str | None:
    """Reads the Origin header; ``null``, a malformed one and several are none."""
    if request.headers.get(b"origin") is None:
        return None
    found = [value for name, value in request.scope["headers"] if name == b"origin"]
    text = found[0].decode("latin-1")
    return text if len(found) == 1 and is_origin(text) else None


def _preflight(request: Request, response: Response) -> Headers:
    if request.method != "OPTIONS" or response.status != NO_CONTENT:
        return ()
    if b"access-control-request-method" not in request.headers:
        return ()
    methods = dict(response.headers)[b"allow"]
    names = _asked_names(request)
    asked: Headers = ((b"access-control-allow-headers", names),) if names else ()
    return (
        (b"access-control-allow-methods", methods),
        *asked,
        (b"access-control-max-age", b"%d" % PREFLIGHT_SECONDS),
    )


def _asked_names(request: Request) -> bytes:
    """Gives the header names that are asked for; nothing where they are too many, or malformed."""
    text = request.headers.get(b"access-control-request-headers", b"")
    if len(text) > MAX_NAMES_LENGTH:
        return b""
    names = [name.strip(b" \t") for name in text.split(b",")]
    if len(names) > MAX_NAMES or not all(_NAME.fullmatch(name) for name in names):
        return b""
    return b", ".join(names)
