"""Issuing access tokens, and telling whether one that is presented is still good."""

from hashlib import sha256
from typing import Final, Protocol

import msgspec

from grantory.domain.client import ClientRecord
from grantory.domain.organization import UserState
from grantory.domain.signing import MAX_JWT_LIFETIME
from grantory.domain.token import AccessToken, SigningKey
from grantory.errors import GrantoryError
from grantory.ports.hot_reads import HotReads
from grantory.ports.runtime import Clock, Random
from grantory.protocol.grants.decision import Decision
from grantory.protocol.jwt_codec import looks_like_jwt
from grantory.protocol.jwt_tokens import JwtTokens
from grantory.protocol.token_codec import MalformedToken, decode, encode, read_key_id

TOKEN_ID_BYTES: Final = 16
MOST_SKEW_SECONDS: Final = 300
"""So far the clocks of two nodes, or one that is put right, may lie apart."""
MOST_READ: Final = 4_096
"""So many tokens that were read are remembered: most are presented again and again."""
_SURPLUS_IDS: Final = 256
"""Made at once: to ask the system for each one costs more than to use it."""
LONGEST_READ: Final = 1_024
"""Longer ones are not: whoever has them made with hundreds of scopes is not to fill the memory."""


class TokenRefused(GrantoryError):
    """A presented access token is not good (any more); the text is for the log alone."""


class _Read(msgspec.Struct):
    """A token that was read."""

    token: AccessToken
    key: SigningKey | None
    """The one that its MAC fits; None for a JWT."""
    good_at: int | None = None
    """The generation of the memory by which it was good in every respect but its times."""


class TokenIssuer(Protocol):
    """Issues tokens; ``AccessTokens`` does."""

    async def make_ready(self, record: ClientRecord) -> bytes:
        """Has at hand what a token takes, before something is used up for it."""
        ...

    async def issue(self, record: ClientRecord, decision: Decision) -> tuple[str, int]:
        """Issues a token to a client."""
        ...


class AccessTokens:
    """Issues and verifies access tokens. Issuing writes nothing.

    Args:
        reads: what every request asks for.
        clock: the time.
        random: for the tokens' ids.
        jwts: writes and reads the tokens of clients that asked for JWTs; None where there are none.
    """

    def __init__(
        self, reads: HotReads, clock: Clock, random: Random, jwts: JwtTokens | None = None
    ) -> None:
        self._reads = reads
        self._jwts = jwts
        self._clock = clock
        self._random = random
        self._ids: list[bytes] = []
        """For tokens to come. They are no secrets: whatever is signed is not to be guessed."""
        self._read: dict[bytes, _Read] = {}
        """By the digest of its text."""

    async def make_ready(self, record: ClientRecord) -> bytes:
        """Has at hand what a token for a client takes, and a refresh token.

        Returns:
            The id of the organisation's newest key of opaque tokens.

        Raises:
            ApiError: 503 where it cannot be had; nothing was used up then.
        """
        client = record.client
        await self._reads.organization(client.organization_id)
        if self._jwts and client.jwt_algorithm:
            await self._jwts.make_ready(client.organization_id, client.jwt_algorithm)
        return (await self._reads.newest_signing_key(client.organization_id)).key_id

    async def issue(self, record: ClientRecord, decision: Decision) -> tuple[str, int]:
        """Issues a token to a client.

        Args:
            record: the client, as it was when its request was decided.
            decision: for whom it acts, and what the token is limited to.

        Returns:
            The token's text and its lifetime in seconds.

        Raises:
            GrantoryError: the refusal of the decision's vouch.
        """
        client = record.client
        family = decision.family
        if family is not None:  # what is in memory may be newer than what was decided on
            organization_epoch = family.epochs.organization
        else:
            organization = self._reads.remembered_organization(client.organization_id)
            if organization is None:
                organization = await self._reads.organization(client.organization_id)
            if organization is None:
                raise LookupError("a client without its organisation")
            organization_epoch = organization.token_epoch
        algorithm = client.jwt_algorithm if self._jwts else None
        lifetime = client.access_token_lifetime
        if algorithm is not None:
            lifetime = min(lifetime, MAX_JWT_LIFETIME)
        now = self._clock.now_ms() // 1000
        user = decision.user
        token = AccessToken(
            token_id=self._token_id(),
            organization_id=client.organization_id,
            client_id=client.id,
            user_id=None if user is None else user.id,
            issued_at=now,
            expires_at=now + lifetime,
            organization_epoch=organization_epoch,
            client_epoch=client.token_epoch,
            user_epoch=0 if user is None else user.token_epoch,
            scopes=decision.scopes,
            family_id=None if family is None else family.id,
            family_epoch=0 if family is None else family.epoch,
        )
        if self._jwts and algorithm:
            text = await self._jwts.write(token, algorithm)
            if decision.vouch is not None:
                await decision.vouch.require_after_jwt(self._reads)
            return text, lifetime
        key = self._reads.remembered_signing_key(client.organization_id)
        if key is None:
            key = await self._reads.newest_signing_key(client.organization_id)
        if decision.vouch is not None:
            await decision.vouch.require_after_opaque(self._reads, key.key_id)
        return encode(token, key, record.id_bytes), lifetime

    def _token_id(self) -> bytes:
        if not self._ids:
            made = self._random.token_bytes(TOKEN_ID_BYTES * _SURPLUS_IDS)
            starts = range(0, len(made), TOKEN_ID_BYTES)
            self._ids = [made[start : start + TOKEN_ID_BYTES] for start in starts]
        return self._ids.pop()

    async def verify(self, presented: str) -> AccessToken:
        """Tells what a presented token says, if it is good now, in either form.

        The caller has refreshed the hot reads in this turn of the event loop.

        Raises:
            TokenRefused: for any token that is not good, whatever the reason.
        """
        generation = self._reads.generation
        digest = sha256(presented.encode("utf-8", "surrogatepass")).digest()
        read = self._read.get(digest)
        if read is not None and read.good_at == generation:
            self._check_times(read.token)
            return read.token
        if read is None or not await self._is_as_read(read):
            read = await self._read_anew(presented, digest)
        self._check_times(read.token)
        await self._check_epochs(read.token)
        if await self._reads.is_denied(read.token.token_id):
            raise TokenRefused("ended")
        if self._reads.generation == generation:  # as long as nothing is heard of, it stays good
            read.good_at = generation
        return read.token

    async def check_not_ended(self, token: AccessToken) -> None:
        """Looks at a token again that was verified before; that it has expired since is no matter.

        The caller has refreshed the hot reads in this turn of the event loop.

        Raises:
            TokenRefused: when somebody has ended it since.
        """
        await self._check_epochs(token)
        if await self._reads.is_denied(token.token_id):
            raise TokenRefused("ended")

    async def _is_as_read(self, read: _Read) -> bool:
        """Tells whether a token's key is the very one that it was compared with."""
        return read.key is not None and await self._reads.signing_key(read.key.key_id) is read.key

    async def _read_anew(self, presented: str, digest: bytes) -> _Read:
        self._read.pop(digest, None)  # another may have been faster
        try:
            if self._jwts is not None and looks_like_jwt(presented):
                read = _Read(await self._jwts.read(presented), None)
            else:
                key_id, raw = read_key_id(presented)
                key = await self._reads.signing_key(key_id)
                if key is None:
                    raise TokenRefused("unknown key")
                read = _Read(decode(raw, key), key)
        except MalformedToken as error:
            raise TokenRefused(f"malformed: {error}") from None
        if len(presented) <= LONGEST_READ:
            if len(self._read) >= MOST_READ:
                del self._read[next(iter(self._read))]
            self._read[digest] = read
        return read

    def _check_times(self, token: AccessToken) -> None:
        now = self._clock.now_ms() // 1000
        if token.expires_at <= now:
            raise TokenRefused("expired")
        if token.issued_at > now + MOST_SKEW_SECONDS:
            raise TokenRefused("issued in the future")

    async def _check_epochs(self, token: AccessToken) -> None:
        record = await self._reads.client(token.client_id)
        if record is None or record.client.organization_id != token.organization_id:
            raise TokenRefused("client gone")
        client = record.client
        if not client.tokens_are_good or client.token_epoch != token.client_epoch:
            raise TokenRefused("client's tokens ended")
        organization = await self._reads.organization(token.organization_id)
        if organization is None or organization.token_epoch != token.organization_epoch:
            raise TokenRefused("organisation's tokens ended")
        if token.user_id is not None:
            user = await self._reads.user(token.user_id)
            if (
                user is None
                or user.organization_id != token.organization_id
                or user.state is not UserState.ACTIVE
                or user.token_epoch != token.user_epoch
            ):
                raise TokenRefused("user's tokens ended")
        if token.family_id is not None:
            family = await self._reads.family(token.family_id)
            if family is None or not family.is_live or family.epoch != token.family_epoch:
                raise TokenRefused("ended with what it came from")
