"""When and for whom an assertion counts (RFC 7522 section 3; SAML 2.0 core, section 2.5)."""

from collections.abc import Container
from typing import Final

from grantory.protocol.saml.document import Element, only_child, text_of
from grantory.protocol.saml.instants import LEEWAY_MS, is_ahead, is_past, read_instant
from grantory.protocol.saml.names import saml
from grantory.protocol.saml.refused import AssertionRefused

MAX_AGE_MS: Final = 86_400_000
"""An assertion may end a day from now at most: for so long it must be known to be used."""
MAX_ID: Final = 256
_KNOWN: Final = frozenset(
    {saml("AudienceRestriction"), saml("OneTimeUse"), saml("ProxyRestriction")}
)
"""Each counts once here in any case, and nothing is handed on by this server."""


def check_kind(assertion: Element, now: int) -> str:
    """Checks version and time of issue, and returns the id.

    Raises:
        AssertionRefused: for another version, an assertion of the future, or no id.
    """
    if assertion.get("Version") != "2.0":
        raise AssertionRefused("the Version is not 2.0")
    if is_ahead(read_instant(assertion.get("IssueInstant", ""), "IssueInstant"), now):
        raise AssertionRefused("IssueInstant is to come")
    assertion_id = assertion.get("ID", "")
    if not 0 < len(assertion_id) <= MAX_ID:
        raise AssertionRefused("the ID is missing or too long")
    return assertion_id


def check_conditions(assertion: Element, audiences: Container[str], now: int) -> int | None:
    """Checks the conditions.

    Args:
        assertion: as it was signed.
        audiences: as which this server may be meant.
        now: milliseconds since 1970.

    Returns:
        When they end, in milliseconds since 1970; None where they do not say.

    Raises:
        AssertionRefused: for one that does not hold, or is not known.
    """
    conditions = only_child(assertion, "Conditions")
    if any(condition.tag not in _KNOWN for condition in conditions):
        raise AssertionRefused("a condition is not known")
    restrictions = conditions.findall(saml("AudienceRestriction"))
    if not restrictions:
        raise AssertionRefused("AudienceRestriction is missing")
    for restriction in restrictions:  # all of them must hold
        named = [text_of(each, "Audience") for each in restriction.iterfind(saml("Audience"))]
        if not any(audience in audiences for audience in named):
            raise AssertionRefused("the Audience is another")
    start, end = conditions.get("NotBefore"), conditions.get("NotOnOrAfter")
    if start is not None and is_ahead(read_instant(start, "NotBefore"), now):
        raise AssertionRefused("NotBefore is to come")
    if end is None:
        return None
    ends_at = read_instant(end, "NotOnOrAfter")
    if is_past(ends_at, now):
        raise AssertionRefused("NotOnOrAfter has passed")
    return ends_at


def check_end(ends_at: int, now: int) -> None:
    """Refuses an assertion that counts for longer than a day from now.

    Raises:
        AssertionRefused: then.
    """
    if ends_at > now + MAX_AGE_MS + LEEWAY_MS:
        raise AssertionRefused("NotOnOrAfter is more than a day away")


def check_session(assertion: Element, now: int) -> None:
    """Refuses an assertion whose subject's session at the identity provider has ended.

    Raises:
        AssertionRefused: then.
    """
    for statement in assertion.iterfind(saml("AuthnStatement")):
        end = statement.get("SessionNotOnOrAfter")
        if end is not None and is_past(read_instant(end, "SessionNotOnOrAfter"), now):
            raise AssertionRefused("SessionNotOnOrAfter has passed")
