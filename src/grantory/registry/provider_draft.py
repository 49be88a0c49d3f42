"""What an identity provider is wanted to be, and what is wrong with that."""

from typing import Final

import msgspec

from grantory.crypto.certificates import Certificate, read_certificate
from grantory.domain.trust import IdentityProvider
from grantory.errors import FieldProblem

MAX_NAME: Final = 100
MAX_ISSUER: Final = 1_024
MAX_ADDRESS: Final = 2_048
MAX_ATTRIBUTE: Final = 256
MOST_CERTIFICATES: Final = 10
MOST_ADDRESSES: Final = 20


class ProviderDraft(msgspec.Struct, frozen=True, kw_only=True):
    """The wanted contents of an identity provider, all of them.

    ``version`` is the one that the caller saw; None for whichever there is.
    """

    name: str
    issuer: str
    certificates: tuple[str, ...]
    """PEM, or the base64 inside it."""
    audiences: tuple[str, ...] = ()
    recipients: tuple[str, ...] = ()
    email_attribute: str = ""
    enabled: bool = True
    version: int | None = None


class CheckedDraft(msgspec.Struct, frozen=True):
    """A draft that is good but for the time of its certificates."""

    draft: ProviderDraft
    certificates: tuple[Certificate, ...]

    def expired(self, now: int) -> list[FieldProblem]:
        """Names the certificates that have expired.

        Args:
            now: milliseconds since 1970.
        """
        return [
            FieldProblem("certificates", "invalid.value", f"must not hold an expired one ({n})")
            for n, certificate in enumerate(self.certificates, 1)
            if certificate.expires_at <= now
        ]

    def applied_to(self, provider: IdentityProvider) -> IdentityProvider:
        """Gives the provider its wanted contents; id, times and version stay."""
        draft = self.draft
        return msgspec.structs.replace(
            provider,
            name=draft.name,
            issuer=draft.issuer,
            certificates=tuple(dict.fromkeys(each.pem for each in self.certificates)),
            audiences=tuple(dict.fromkeys(draft.audiences)),
            recipients=tuple(dict.fromkeys(draft.recipients)),
            email_attribute=draft.email_attribute,
            enabled=draft.enabled,
        )


def check_draft(draft: ProviderDraft) -> tuple[CheckedDraft, list[FieldProblem]]:
    """Looks at every field, and reads the certificates.

    Returns:
        The draft, and what is wrong with it.
    """
    problems: list[FieldProblem] = []
    for field, text, most in (("name", draft.name, MAX_NAME), ("issuer", draft.issuer, MAX_ISSUER)):
        if not _is_plain(text, most):
            problems.append(_problem(field, f"must be 1 to {most} printable characters"))
    for field, listed in (("audiences", draft.audiences), ("recipients", draft.recipients)):
        if len(listed) > MOST_ADDRESSES:
            problems.append(_problem(field, f"must have at most {MOST_ADDRESSES} entries"))
        if not all(_is_plain(text, MAX_ADDRESS) for text in listed):
            problems.append(
                _problem(field, f"must hold texts of 1 to {MAX_ADDRESS} printable characters")
            )
    if draft.email_attribute and not _is_plain(draft.email_attribute, MAX_ATTRIBUTE):
        text = f"must be at most {MAX_ATTRIBUTE} printable characters"
        problems.append(_problem("email_attribute", text))
    certificates: list[Certificate] = []
    if not 1 <= len(draft.certificates) <= MOST_CERTIFICATES:
        problems.append(_problem("certificates", f"must be 1 to {MOST_CERTIFICATES} certificates"))
    for number, pem in enumerate(draft.certificates[:MOST_CERTIFICATES], 1):
        try:
            certificates.append(read_certificate(pem))
        except ValueError as error:
            problems.append(_problem("certificates", f"{error} ({number})"))
    return CheckedDraft(draft, tuple(certificates)), problems


def _problem(field: str, text: str) -> FieldProblem:
    return FieldProblem(field, "invalid.value", text)


def _is_plain(text: str, most: int) -> bool:
    return 0 < len(text) <= most and text.isprintable() and text == text.strip()
