"""Introspection (RFC 7662): what a token is for, told to whoever may know.

An access token is told of to its own client, and to clients of its organisation that hold
``oauth:token:introspect``. All of that is decided from memory, as exactly as a call with the
token. A refresh token is told of to its own client alone: a resource server has no use for one, and
could take it for an access token.
"""

from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from grantory.domain.client import Client, ClientRecord
from grantory.domain.token import AccessToken
from grantory.errors import OAuthError
from grantory.ports.hot_reads import HotReads
from grantory.ports.runtime import Clock
from grantory.ports.storage import Snapshot, Store
from grantory.protocol.access_tokens import LONGEST_READ, AccessTokens, TokenRefused
from grantory.protocol.client_auth.active import require_active
from grantory.protocol.client_auth.bearer import SCHEME, BearerOrSecret
from grantory.protocol.jwt_codec import Recipients
from grantory.protocol.refresh_tokens import Generation, RefreshTokens
from grantory.protocol.scopes import remaining_scopes
from grantory.protocol.standing import user_as_then
from grantory.protocol.token_request import TokenRequest

PERMISSIONS: Final = ("oauth:token:introspect",)
"""Of which a client needs one to be told of other clients' tokens, in whatever division."""
REFRESH_TOKEN_HINT: Final = "refresh_token"


class ActiveToken(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What is told of a token that is good (RFC 7662 section 2.2), under its own names.

    ``exp`` and ``iat`` are in seconds since 1970 (UTC).
    """

    active: bool
    client_id: str
    sub: str
    """The user for whom the client acts; the client's own id when it acts for itself."""
    org_id: str
    """The organisation: a name of Grantory's own."""
    iss: str
    exp: int
    iat: int
    aud: str | tuple[str, ...] = ""
    """For whom an access token is, in whatever form it is; a refresh token is for nobody else."""
    token_type: str = ""
    """``Bearer`` for an access token; a refresh token has none."""
    jti: str = ""
    """The token's id in base64url, as a JWT has it; a refresh token has none."""
    scope: str = ""
    """Names with spaces between them; left out where the token is not limited to scopes."""
    username: str = ""
    """The user's e-mail address, where the client acts for one."""


class Introspected(msgspec.Struct, frozen=True):
    """An answer, and who asked."""

    record: ClientRecord
    answer: bytes | None
    """An ``ActiveToken`` in JSON; None where it is not good, or not for the client to know of."""
    detail: str = ""
    """Why it is none; for the log alone."""


_Find = Callable[[str, Client], Awaitable[bytes | str]]
_encode: Final = msgspec.json.Encoder().encode
MOST_TOLD: Final = 4_096
"""Of so many tokens it is remembered what was told: most are asked about again and again."""


class IntrospectionEndpoint:
    """Answers introspection requests.

    Args:
        reads: what every request asks for.
        authenticator: tells which client asks.
        tokens: verifies access tokens.
        refresh_tokens: reads refresh tokens.
        store: holds the families of refresh tokens.
        clock: the time.
        recipients: who issues tokens, and for whom.
    """

    def __init__(
        self,
        *,
        reads: HotReads,
        authenticator: BearerOrSecret,
        tokens: AccessTokens,
        refresh_tokens: RefreshTokens,
        store: Store,
        clock: Clock,
        recipients: Recipients,
    ) -> None:
        self._reads = reads
        self._authenticator = authenticator
        self._tokens = tokens
        self._refresh_tokens = refresh_tokens
        self._store = store
        self._clock = clock
        self._recipients = recipients
        self._order: tuple[_Find, ...] = (self._access_token, self._refresh_token)
        self._hinted: tuple[_Find, ...] = (self._refresh_token, self._access_token)
        self._told: dict[bytes, tuple[AccessToken, str, bytes]] = {}
        """By a token's id: the token as it was read then, the user's name, and what was told."""

    async def answer(self, request: TokenRequest) -> Introspected:
        """Tells of the token that the request names.

        Raises:
            OAuthError: with the code of RFC 6749 section 5.2, or RFC 6750 section 3.1.
        """
        if not self._reads.is_fresh():
            await self._reads.refresh()
        record = (await self._authenticator.authenticate(request)).record
        client = record.client
        try:
            require_active(client)
            presented = request.required("token")
        except OAuthError as error:
            error.client_id, error.organization_id = client.id, client.organization_id
            raise
        hinted = request.form.get("token_type_hint") == REFRESH_TOKEN_HINT
        details = []
        for find in self._hinted if hinted else self._order:
            found = await find(presented, client)
            if not isinstance(found, str):
                return Introspected(record, found)
            details.append(found)
        return Introspected(record, None, "; ".join(details))

    async def _access_token(self, presented: str, client: Client) -> bytes | str:
        try:
            token = await self._tokens.verify(presented)
        except TokenRefused as error:
            return f"access token: {error}"
        if token.organization_id != client.organization_id:
            return "access token: another organisation's"
        if token.client_id != client.id:
            rights = await self._reads.rights(client.id)
            if not rights.allows_any(PERMISSIONS):
                return f"access token: whoever asks lacks {PERMISSIONS[0]}"
        username = ""
        if token.user_id is not None:
            user = await self._reads.user(token.user_id)
            if user is None:
                return "access token: user gone"
            username = user.email
        told = self._told.get(token.token_id)
        if told is not None and told[0] is token and told[1] == username:
            return told[2]
        answer = _encode(self._active(token, username))
        if len(presented) > LONGEST_READ:  # and so read anew each time
            return answer
        if len(self._told) >= MOST_TOLD:
            del self._told[next(iter(self._told))]
        self._told[token.token_id] = token, username, answer
        return answer

    def _active(self, token: AccessToken, username: str) -> ActiveToken:
        return ActiveToken(
            active=True,
            client_id=token.client_id,
            sub=token.subject_id,
            org_id=token.organization_id,
            iss=self._recipients.issuer,
            exp=token.expires_at,
            iat=token.issued_at,
            aud=self._recipients.audience_of(token.organization_id),
            token_type=SCHEME,
            jti=urlsafe_b64encode(token.token_id).rstrip(b"=").decode(),
            scope=" ".join(token.scopes),
            username=username,
        )

    async def _refresh_token(self, presented: str, client: Client) -> bytes | str:
        read = await self._refresh_tokens.read(presented)
        if read is None or read.organization_id != client.organization_id:
            return "refresh token: none of this organisation"
        now = self._clock.now_ms()
        return await self._store.read(lambda snapshot: self._live(snapshot, read, client, now))

    def _live(self, snapshot: Snapshot, read: Generation, client: Client, now: int) -> bytes | str:
        """Asks the store: a memory hears of no rotation."""
        family = snapshot.families.get(read.family_id)
        if family is None or family.client_id != client.id:
            return "refresh token: another client's, or gone"
        if not family.is_live or now >= family.expires_at or read.number != family.generation:
            return "refresh token: ended, expired or replaced"
        organization_id, user_id = family.organization_id, family.user_id
        user = user_as_then(snapshot, organization_id, client.id, user_id, family.epochs)
        scopes = remaining_scopes(family.scopes, client)
        if user is None or scopes is None:
            return "refresh token: user, client or scopes ended meanwhile"
        told = ActiveToken(
            active=True,
            client_id=client.id,
            sub=user.id,
            org_id=organization_id,
            iss=self._recipients.issuer,
            exp=family.expires_at // 1000,
            iat=family.rotated_at // 1000,
            scope=" ".join(scopes),
            username=user.email,
        )
        return _encode(told)
