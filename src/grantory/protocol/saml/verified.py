"""What is left of an assertion when everything about it was found right."""

import msgspec

from grantory.domain.trust import IdentityProvider


class VerifiedAssertion(msgspec.Struct, frozen=True, kw_only=True):
    """What an assertion says, by an identity provider that the organisation trusts."""

    provider: IdentityProvider
    """As it was when the signature was verified."""
    assertion_id: str
    email: str
    expires_at: int
    """Milliseconds since 1970, leeway included: from then on it is refused for its age."""
