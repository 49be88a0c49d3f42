"""For whom an assertion is, and that whoever sends it may (RFC 7522 section 3, items 4 and 5)."""

from collections.abc import Container
from typing import Final

import msgspec

from grantory.protocol.saml.document import Element, only_child, text_of
from grantory.protocol.saml.instants import is_ahead, is_past, read_instant
from grantory.protocol.saml.names import BEARER, saml
from grantory.protocol.saml.refused import AssertionRefused

MAX_EMAIL: Final = 254


class _Confirmation(msgspec.Struct, frozen=True):
    """What must hold for the bearer of an assertion."""

    recipient: str
    starts_at: int
    expires_at: int | None


def check_bearer(
    assertion: Element, recipients: Container[str], ends_at: int | None, now: int
) -> int:
    """Finds a confirmation that lets the bearer of the assertion use it here and now.

    Args:
        assertion: with a ``Subject``.
        recipients: the addresses for which it may be.
        ends_at: when its ``Conditions`` end, in milliseconds since 1970.
        now: the time.

    Returns:
        When it ends by the confirmation that ends last, be it this one or not; milliseconds
        since 1970.

    Raises:
        AssertionRefused: where there is no such confirmation, or one without an end.
    """
    elements = only_child(assertion, "Subject").findall(saml("SubjectConfirmation"))
    found = [_read(element) for element in elements if element.get("Method") == BEARER]
    if not found:
        raise AssertionRefused("no SubjectConfirmation is for the bearer")
    ends = [_first(confirmation.expires_at, ends_at) for confirmation in found]
    here = [
        (confirmation, end)
        for confirmation, end in zip(found, ends, strict=True)
        if confirmation.recipient in recipients
    ]
    if not here:
        raise AssertionRefused("the Recipient is another")
    if all(is_past(end, now) for _, end in here):
        raise AssertionRefused("NotOnOrAfter has passed")
    if not any(not is_past(end, now) and not is_ahead(each.starts_at, now) for each, end in here):
        raise AssertionRefused("NotBefore of the SubjectConfirmationData is to come")
    return max(ends)


def _first(one: int | None, other: int | None) -> int:
    ends = [end for end in (one, other) if end is not None]
    if not ends:
        raise AssertionRefused("NotOnOrAfter is missing")
    return min(ends)


def _read(confirmation: Element) -> _Confirmation:
    data = only_child(confirmation, "SubjectConfirmationData")
    starts_at, expires_at = data.get("NotBefore"), data.get("NotOnOrAfter")
    return _Confirmation(
        data.get("Recipient", ""),
        0 if starts_at is None else read_instant(starts_at, "NotBefore"),
        None if expires_at is None else read_instant(expires_at, "NotOnOrAfter"),
    )


def read_email(assertion: Element, attribute: str) -> str:
    """Returns the e-mail address of whom an assertion is about.

    Args:
        assertion: as it was signed.
        attribute: the name of the attribute that holds it; empty for the ``NameID``.

    Raises:
        AssertionRefused: where there is not exactly one.
    """
    if attribute:
        email = text_of(_only_value(assertion, attribute), "the value of the e-mail attribute")
    else:
        email = text_of(only_child(only_child(assertion, "Subject"), "NameID"), "NameID")
    local, at, domain = email.rpartition("@")
    plain = email.isprintable() and " " not in email and len(email) <= MAX_EMAIL
    if not (local and at and domain and plain):
        raise AssertionRefused("the subject is not named by an e-mail address")
    return email


def _only_value(assertion: Element, name: str) -> Element:
    found = [
        attribute
        for attribute in assertion.iterfind(f"{saml('AttributeStatement')}/{saml('Attribute')}")
        if attribute.get("Name") == name
    ]
    if len(found) != 1:
        raise AssertionRefused("there is not exactly one e-mail attribute")
    return only_child(found[0], "AttributeValue")
