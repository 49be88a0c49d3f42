"""The public keys of JWT access tokens, for whoever verifies them offline (RFC 7517)."""

from typing import Final

from grantory.http.request import Request
from grantory.http.response import JSON, Headers, Response
from grantory.ports.hot_reads import HotReads

JWKS: Final = "/.well-known/jwks.json"
JWKS_OF: Final = "/oauth/jwks/{organizationId}"
MAX_AGE_SECONDS: Final = 600
"""A key is published for longer than this before it signs, and a removed one is believed for so
long by whoever keeps to it."""
EMPTY_MAX_AGE_SECONDS: Final = 60
"""Where there are no keys: the next one signs at once."""
_NO_KEYS: Final = b'{"keys":[]}'


def _headers(seconds: int) -> Headers:
    return (JSON, (b"cache-control", b"public, max-age=%d" % seconds))


_HEADERS: Final = _headers(MAX_AGE_SECONDS)
_EMPTY_HEADERS: Final = _headers(EMPTY_MAX_AGE_SECONDS)


class JwksResource:
    """Answers with every published key there is at this moment.

    Args:
        reads: knows the keys.
    """

    def __init__(self, reads: HotReads) -> None:
        self._reads = reads

    async def all(self, _request: Request) -> Response:
        """Answers the keys of every organisation."""
        await self._reads.catch_up()
        return _answer((await self._reads.jwt_keys()).published)

    async def of_organization(self, request: Request) -> Response:
        """Answers the keys of one organisation; none for one that is not there."""
        organization_id = request.path.rpartition("/")[2].lower()
        await self._reads.catch_up()
        keys = await self._reads.jwt_keys()
        return _answer(keys.published_of(organization_id))


def _answer(keys: bytes) -> Response:
    return Response(200, keys, _EMPTY_HEADERS if keys == _NO_KEYS else _HEADERS)
