"""The SAML bearer grant (RFC 7522): an identity provider's word for who somebody is."""

import hashlib
from typing import ClassVar, Final

from grantory.domain.client import Client, GrantType
from grantory.domain.organization import User, UserState
from grantory.domain.trust import IdentityProvider, UsedAssertion
from grantory.errors import OAuthError, RefusalReason
from grantory.ports.runtime import Clock
from grantory.ports.storage import Snapshot, Store, Transaction
from grantory.protocol.client_auth.caller import Caller
from grantory.protocol.grants.decision import Decision
from grantory.protocol.saml.encoding import decode_assertion
from grantory.protocol.saml.refused import AssertionRefused
from grantory.protocol.saml.threads import AssertionThreads
from grantory.protocol.saml.verified import VerifiedAssertion
from grantory.protocol.scopes import granted_scopes
from grantory.protocol.token_request import TokenRequest

_DIGEST_PREFIX: Final = b"grantory saml assertion\x00"


class Saml2Bearer:
    """Acts for the user whom an assertion names; each assertion counts once.

    There is no refresh token (RFC 7521 section 4.1).

    Args:
        store: holds providers, users and the assertions that were used.
        clock: the time of day.
        public_url: the server's address, for which an assertion must be; without a slash at
            its end.
        threads: reads assertions.
        prefix: what may stand before the token endpoint's path.
    """

    name: ClassVar = GrantType.SAML2_BEARER.value
    grant_type: ClassVar = GrantType.SAML2_BEARER
    admits_public: ClassVar = False
    uses_up: ClassVar = True

    def __init__(
        self,
        store: Store,
        clock: Clock,
        public_url: str,
        threads: AssertionThreads,
        prefix: str = "",
    ) -> None:
        self._store = store
        self._clock = clock
        self._public_url = public_url
        self._threads = threads
        self._prefix = prefix

    async def decide(self, request: TokenRequest, caller: Caller) -> Decision:
        """Allows what the client is registered for, for the user of an assertion.

        Raises:
            OAuthError: ``invalid_request`` without an assertion, ``invalid_scope`` for a scope
                beyond the registered ones, ``invalid_grant`` for everything else that is wrong;
                what that is, only the log is told.
            ApiError: 503 when too many assertions are read at once.
        """
        client = caller.record.client
        text = request.required("assertion")
        scopes = granted_scopes(request.form.get("scope"), client)
        try:
            verified = await self._verify(text, request.form.get("orgName"), client)
            user = await self._store.write(lambda transaction: _consume(transaction, verified))
        except AssertionRefused as refused:
            raise OAuthError(
                "invalid_grant",
                "the assertion is not valid, not meant for this server, or was used before",
                detail=f"assertion: {refused}",
                reason=RefusalReason.ASSERTION,
            ) from None
        return Decision(scopes=scopes, user=user)

    async def _verify(self, text: str, org_name: str | None, client: Client) -> VerifiedAssertion:
        data = decode_assertion(text)
        issuer = await self._threads.claimed_issuer(data)
        provider = await self._store.read(
            lambda snapshot: _find_provider(snapshot, client.organization_id, org_name, issuer)
        )
        now = self._clock.now_ms()
        return await self._threads.read(data, provider, self._public_url, now, self._prefix)


def _find_provider(
    snapshot: Snapshot, organization_id: str, org_name: str | None, issuer: str
) -> IdentityProvider:
    if org_name is not None:
        organization = snapshot.organizations.get(organization_id)
        if organization is None or not organization.is_named(org_name):
            raise AssertionRefused("orgName is not that of the client's organisation")
    provider = snapshot.trust.by_issuer(organization_id, issuer)
    if provider is None:
        raise AssertionRefused("the Issuer is not trusted by the client's organisation")
    if not provider.enabled:
        raise AssertionRefused("the identity provider is disabled")
    return provider


def _consume(transaction: Transaction, verified: VerifiedAssertion) -> User:
    """Uses an assertion up, where its issuer is still trusted as when it was verified."""
    provider = verified.provider
    organization_id = provider.organization_id
    if transaction.trust.hold(organization_id, provider.id) != provider:
        raise AssertionRefused("the identity provider was changed in this moment")
    user = transaction.users.find_by_email(organization_id, verified.email)
    # Letters that are alike but for their case are not always one person's.
    alike = user is not None and verified.email.isascii() and user.email.isascii()
    if user is None or not (alike or verified.email == user.email):
        raise AssertionRefused("no user has the e-mail address")
    if user.state is not UserState.ACTIVE:
        raise AssertionRefused("the user is inactive")
    used = UsedAssertion(
        organization_id=organization_id,
        digest=digest_of_assertion(provider.issuer, verified.assertion_id),
        expires_at=verified.expires_at,
    )
    if not transaction.trust.use(used):
        raise AssertionRefused("it was used before")
    return user


def digest_of_assertion(issuer: str, assertion_id: str) -> bytes:
    """Makes the digest by which an assertion is known to be used; neither part can hold NUL."""
    parts = f"{issuer}\x00{assertion_id}".encode()
    return hashlib.sha256(_DIGEST_PREFIX + parts).digest()
