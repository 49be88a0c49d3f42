"""Identity providers whose SAML assertions an organisation believes (RFC 7522)."""

import msgspec


class IdentityProvider(msgspec.Struct, frozen=True, kw_only=True):
    """An issuer of assertions that one organisation trusts. Times in milliseconds since 1970."""

    id: str
    organization_id: str
    name: str
    issuer: str
    """Must equal an assertion's Issuer."""
    certificates: tuple[str, ...]
    """PEM; a signature must verify with the key of one of them."""
    audiences: tuple[str, ...] = ()
    """Further accepted audiences; the token endpoint's address and the server's always are."""
    recipients: tuple[str, ...] = ()
    """Further accepted recipients of the subject's confirmation."""
    email_attribute: str = ""
    """The attribute that holds the user's e-mail address; empty for the NameID."""
    enabled: bool = True
    created_at: int
    modified_at: int
    version: int = 1


class UsedAssertion(msgspec.Struct, frozen=True, kw_only=True):
    """An assertion that was used and counts no more. ``expires_at`` in ms since 1970."""

    organization_id: str
    digest: bytes
    """Of issuer and assertion id."""
    expires_at: int
