"""Signing access tokens as JWTs, and reading those that are presented."""

from typing import Final

from grantory.crypto.jwt_keys import JwtKey, is_a_header
from grantory.domain.signing import SigningAlgorithm
from grantory.domain.token import AccessToken
from grantory.errors import ApiError, StorageUnavailable
from grantory.ports.hot_reads import HotReads
from grantory.ports.keys import JwtKeySource
from grantory.ports.runtime import Clock
from grantory.protocol.jwt_codec import Recipients, decode_jwt, encode_jwt, take_apart
from grantory.protocol.token_codec import MalformedToken

_BAD_REQUEST: Final = 400
_NO_ROOM: Final = (
    "There is no key for this client's tokens, and the server publishes as many as it can: "
    "set the client to opaque tokens."
)


class JwtTokens:
    """Writes and reads JWTs by the keys of their organisations.

    Args:
        reads: knows the keys.
        clock: tells which of them signs.
        source: makes the first key of an organisation, where there is none.
        recipients: for whom the tokens are.
    """

    def __init__(
        self, reads: HotReads, clock: Clock, source: JwtKeySource, recipients: Recipients
    ) -> None:
        self._reads = reads
        self._clock = clock
        self._source = source
        self._recipients = recipients

    async def write(self, token: AccessToken, algorithm: SigningAlgorithm) -> str:
        """Writes and signs a token.

        Raises:
            ApiError: 503 where there is no key, and the server publishes as many as it can.
            StorageUnavailable: where a key was removed as soon as it was made.
        """
        keys = self._reads.remembered_jwt_keys()
        if keys is None:
            keys = await self._reads.jwt_keys()
        key = keys.signer(token.organization_id, algorithm, self._clock.now_ms())
        if key is None:
            key = await self._new_signer(token.organization_id, algorithm)
        return encode_jwt(token, key, self._recipients)

    async def make_ready(self, organization_id: str, algorithm: SigningAlgorithm) -> None:
        """Has a key at hand that signs.

        Raises:
            ApiError: as ``write``.
        """
        if await self._signer(organization_id, algorithm) is None:
            await self._new_signer(organization_id, algorithm)

    async def _new_signer(self, organization_id: str, algorithm: SigningAlgorithm) -> JwtKey:
        """Makes a key where all were removed, to end every token."""
        await self._make_key(organization_id, algorithm)
        await self._reads.catch_up()
        key = await self._signer(organization_id, algorithm)
        if key is None:  # and was removed again
            raise StorageUnavailable("a key that was just made is not there")
        return key

    async def _make_key(self, organization_id: str, algorithm: SigningAlgorithm) -> None:
        try:
            await self._source.ensure(organization_id, algorithm)
        except ApiError as error:
            if error.status != _BAD_REQUEST:
                raise
            # Whoever asks for a token can mend nothing by asking otherwise.
            raise ApiError(503, "service.unavailable", _NO_ROOM, detail=str(error)) from None

    async def _signer(self, organization_id: str, algorithm: SigningAlgorithm) -> JwtKey | None:
        keys = await self._reads.jwt_keys()
        return keys.signer(organization_id, algorithm, self._clock.now_ms())

    async def read(self, presented: str) -> AccessToken:
        """Tells what a JWT says whose signature is good; it may have expired, or been ended.

        Raises:
            MalformedToken: for any other text.
            StorageUnavailable: where nobody tells whether there is a newer key.
        """
        parts = take_apart(presented)
        key = (await self._reads.jwt_keys()).of_header(parts.header)
        if key is None and is_a_header(parts.header):
            # A first key signs at once, and another process may have made it within the lease.
            await self._reads.catch_up()
            key = (await self._reads.jwt_keys()).of_header(parts.header)
        if key is None:
            raise MalformedToken("header, or unknown key")
        return decode_jwt(parts, key, self._recipients)
