"""Reading an assertion, from its bytes to what it says: the order of the checks."""

from grantory.domain.trust import IdentityProvider
from grantory.protocol.saml.conditions import (
    check_conditions,
    check_end,
    check_kind,
    check_session,
)
from grantory.protocol.saml.document import issuer_of, parse
from grantory.protocol.saml.instants import LEEWAY_MS
from grantory.protocol.saml.refused import AssertionRefused
from grantory.protocol.saml.signature import signed_assertion
from grantory.protocol.saml.subject import check_bearer, read_email
from grantory.protocol.saml.verified import VerifiedAssertion

TOKEN_ENDPOINT = "/oauth/token"


def claimed_issuer(data: bytes) -> str:
    """Tells who an assertion says has issued it; nothing of it is verified yet.

    Raises:
        AssertionRefused: for a document that is refused whoever has issued it.
    """
    return issuer_of(parse(data).assertion)


def read_assertion(
    data: bytes, provider: IdentityProvider, public_url: str, now: int, prefix: str = ""
) -> VerifiedAssertion:
    """Verifies an assertion and everything that RFC 7522 section 3 asks for but its being new.

    Args:
        data: the document.
        provider: whom to trust.
        public_url: the server's address, without a slash at its end.
        now: milliseconds since 1970.
        prefix: what may stand before the token endpoint's path.

    Raises:
        AssertionRefused: with what is wrong, for the log.
    """
    endpoints = {public_url + TOKEN_ENDPOINT, public_url + prefix + TOKEN_ENDPOINT}
    assertion = signed_assertion(parse(data), provider.certificates, now)
    if issuer_of(assertion) != provider.issuer:
        raise AssertionRefused("the Issuer is another")
    assertion_id = check_kind(assertion, now)
    ends_at = check_conditions(
        assertion, frozenset({public_url, *endpoints, *provider.audiences}), now
    )
    recipients = frozenset({*endpoints, *provider.recipients})
    last = check_bearer(assertion, recipients, ends_at, now)
    check_end(last, now)
    check_session(assertion, now)
    return VerifiedAssertion(
        provider=provider,
        assertion_id=assertion_id,
        email=read_email(assertion, provider.email_attribute),
        expires_at=last + LEEWAY_MS,
    )
