"""Authenticating a client by exactly one method, at an even pace for right and wrong ids.

Whoever fails has cost the same work whether the client exists or not: one look into memory, one
look-up in the store, two comparisons of digests; with a secret that nobody was ever given, told by
its checksum, one look into memory and one comparison.
"""

from collections.abc import Collection
from hashlib import sha256
from typing import Final

from grantory.domain.client import ClientRecord, GrantType
from grantory.domain.secret import ClientSecret, digest_of, key_id_in, key_id_of, matches
from grantory.errors import OAuthError, RefusalReason
from grantory.ports.hot_reads import HotReads
from grantory.ports.runtime import Clock
from grantory.protocol.client_auth import METHODS
from grantory.protocol.client_auth.caller import Caller
from grantory.protocol.client_auth.presented import PresentedSecret
from grantory.protocol.throttle import FailureThrottle
from grantory.protocol.token_request import TokenRequest

_NOBODY: Final = bytes(32)
_NEVER: Final = (None, None)
MAX_CLIENT_ID: Final = 64
MOST_PROVEN: Final = 4_096
LONGEST_PROVEN: Final = 512
_IN_FORM: Final = frozenset({"client_id", "client_secret"})


class ClientAuthenticator:
    """Tells which client sends a request."""

    def __init__(self, reads: HotReads, throttle: FailureThrottle, clock: Clock) -> None:
        self._reads = reads
        self._throttle = throttle
        self._clock = clock
        self._proven: dict[bytes, tuple[ClientRecord, ClientSecret]] = {}
        """By the digest of an Authorization header: the client as it was, and which of its secrets
        the header had. It counts only as long as memory holds that very record."""
        self._header_of: dict[str, bytes] = {}
        """One for each client, however often it changes, or spells its header in another way."""

    async def authenticate(
        self, request: TokenRequest, *, public: Collection[GrantType] = ()
    ) -> Caller:
        """Returns the client whose secret the request carries.

        Args:
            request: the token request.
            public: the grant types whose clients may name themselves without a secret; an
                empty one counts as none.

        Raises:
            OAuthError: ``invalid_request`` for two methods at once, ``invalid_client`` (401)
                for none or a wrong secret, the same for an unknown client; ``invalid_request``
                with ``rate limit exceeded;`` after too many failures, which official clients
                wait for.
        """
        header = _digest_of_header(request)
        proven = None if header is None else self._recognise(header, request.address)
        if proven is not None:
            return Caller(proven, is_authenticated=True)
        presented = _single(request, admits_public=bool(public))
        client_id = presented.client_id[:MAX_CLIENT_ID].lower()
        wait = self._throttle.wait_seconds(client_id, request.address)
        if wait is not None:
            raise OAuthError(
                "invalid_request",
                f"rate limit exceeded; too many failed attempts, try again in {wait} seconds",
                retry_after=wait,
                detail="throttled",
                reason=RefusalReason.THROTTLED,
                client_id=client_id,
                organization_id=self._organization_of(client_id),
            )
        if public and not presented.secret:
            record = await self._find_public(presented, public)
        else:
            record = await self._find(presented)
        if record is None:
            self._throttle.failed(client_id, request.address)
            raise OAuthError(
                "invalid_client",
                "authentication failed",
                status=401,
                challenge=True,
                reason=RefusalReason.WRONG_SECRET,
                client_id=client_id,
                organization_id=self._organization_of(client_id),
            )
        if header is not None:
            self._remember(header, record, presented)
        return Caller(record, bool(presented.secret))

    def _recognise(self, header: bytes, address: str) -> ClientRecord | None:
        """Returns the client that has proved itself by this header, if all is as it was then.

        It is looked up by its SHA-256, so the time that this takes tells nothing of a header.
        """
        record, secret = self._proven.get(header, _NEVER)
        if record is None or secret is None:
            return None
        client_id = record.client.id
        if self._reads.remembered_client(client_id) is not record:
            self._forget(client_id)
            return None
        if self._throttle.wait_seconds(client_id, address) is not None:
            return None
        return record if secret.is_live(self._clock.now_ms()) else None

    def _remember(self, header: bytes, record: ClientRecord, presented: PresentedSecret) -> None:
        key_id = key_id_in(presented.secret)
        secret = None if key_id is None else record.secrets.get(key_id)
        if secret is not None:
            client_id = record.client.id
            self._forget(client_id)
            if len(self._proven) >= MOST_PROVEN:
                self._forget(next(iter(self._header_of)))
            self._proven[header] = record, secret
            self._header_of[client_id] = header

    def _forget(self, client_id: str) -> None:
        header = self._header_of.pop(client_id, None)
        if header is not None:
            del self._proven[header]

    def _organization_of(self, client_id: str) -> str:
        """Tells whose client this is, where memory knows: it must cost the same for any id."""
        record = self._reads.remembered_client(client_id)
        return "" if record is None else record.client.organization_id

    async def _find_public(
        self, presented: PresentedSecret, public: Collection[GrantType]
    ) -> ClientRecord | None:
        if not _may_be_known(presented.client_id):
            return None
        record = await self._reads.client(presented.client_id.lower())
        if record is None or record.client.grant_type not in public:
            return None  # who must have a secret is as unknown without one as nobody at all
        return record

    async def _find(self, presented: PresentedSecret) -> ClientRecord | None:
        key_id = key_id_in(presented.secret)
        if key_id is None or not _may_be_known(presented.client_id):
            return None
        digest = digest_of(presented.secret)
        client_id = presented.client_id.lower()
        record = self._reads.remembered_client(client_id)
        if self._fits(record, key_id, digest):
            return record
        # Known or not, whoever asks: the store is asked about nothing that we cannot have issued.
        if key_id_of(presented.secret) is None:
            return None
        record = await self._reads.load_client(client_id)
        return record if self._fits(record, key_id, digest) else None

    def _fits(self, record: ClientRecord | None, key_id: str, digest: bytes) -> bool:
        secret = None if record is None else record.secrets.get(key_id)
        right = matches(digest, _NOBODY if secret is None else secret.digest)
        return right and secret is not None and secret.is_live(self._clock.now_ms())


def _digest_of_header(request: TokenRequest) -> bytes | None:
    """Digests the header of a request that names its client in no other way."""
    header = request.authorization
    if header is None or len(header) > LONGEST_PROVEN or not _IN_FORM.isdisjoint(request.form):
        return None
    return sha256(header.encode("utf-8", "surrogatepass")).digest()


def _may_be_known(client_id: str) -> bool:
    """Tells whether a store can be asked for a client; PostgreSQL cannot even look for a NUL."""
    return len(client_id) <= MAX_CLIENT_ID and "\x00" not in client_id


def _single(request: TokenRequest, *, admits_public: bool) -> PresentedSecret:
    used = [found for found in (method.detect(request) for method in METHODS) if found]
    if len(used) > 1:
        raise OAuthError("invalid_request", "the client authenticated in more than one way")
    named = request.form.get("client_id")
    if not used and admits_public and named is not None:
        return PresentedSecret(named, "")
    if not used:
        raise OAuthError(
            "invalid_client",
            "client authentication is missing",
            status=401,
            challenge=True,
            reason=RefusalReason.NO_CREDENTIALS,
        )
    presented = used[0]
    if named is not None and named.lower() != presented.client_id.lower():
        raise OAuthError("invalid_request", "client_id differs from the authenticated client")
    return presented
