"""What is read of an assertion that is right, in the forms in which they are really sent."""

import base64
import textwrap
from typing import Any

import pytest
from lxml import etree
from signxml.algorithms import SignatureMethod

from grantory.protocol.saml.encoding import MAX_DOCUMENT, decode_assertion
from grantory.protocol.saml.instants import read_instant
from grantory.protocol.saml.reading import claimed_issuer, read_assertion
from grantory.protocol.saml.refused import AssertionRefused
from grantory.protocol.saml.verified import VerifiedAssertion
from tests.support.runtime import START_MS
from tests.support.saml import (
    BEARER,
    EMAIL,
    ISSUER,
    PUBLIC_URL,
    TOKEN_URL,
    Element,
    How,
    a_provider,
    assertion,
    instant,
    response,
    signed_assertion,
    signer,
)

MINUTE = 60_000
DAY = 86_400_000


def read(element: Element, *, now: int = START_MS, **provider: Any) -> VerifiedAssertion:
    data = etree.tostring(element)
    assert claimed_issuer(data) == provider.get("issuer", ISSUER)
    return read_assertion(data, a_provider(**provider), PUBLIC_URL, now)


def refused(element: Element, **options: Any) -> str:
    with pytest.raises(AssertionRefused) as caught:
        read(element, **options)
    return str(caught.value)


def confirmation(**attributes: str) -> str:
    """A further SubjectConfirmation."""
    given = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return (
        f'<saml:SubjectConfirmation Method="{BEARER}">'
        f"<saml:SubjectConfirmationData{given}/></saml:SubjectConfirmation>"
    )


@pytest.mark.parametrize("size", range(1, 8))
def test_every_form_of_base64_is_decoded(size: int) -> None:
    data = b"\xfb\xff\xfe<>?"[:size] + b"\xff" * max(0, size - 6)
    plain, for_urls = base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()
    wrapped = "\r\n".join(textwrap.wrap(plain, 3))
    for text in (plain, for_urls, plain.rstrip("="), for_urls.rstrip("="), wrapped, f" {plain}\n"):
        assert decode_assertion(text) == data


def test_the_largest_document_is_decoded_and_no_larger_one() -> None:
    assert len(decode_assertion(base64.b64encode(b"x" * MAX_DOCUMENT).decode())) == MAX_DOCUMENT
    with pytest.raises(AssertionRefused, match="larger"):
        decode_assertion(base64.b64encode(b"x" * (MAX_DOCUMENT + 1)).decode())


@pytest.mark.parametrize("text", ["", "=", "A", "AA===", "AA=A", "A+/-_A%", "٣٣٣٣"])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(AssertionRefused, match="not base64"):
        decode_assertion(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.5Z", 1_500),
        ("1970-01-01T00:00:01.1234567Z", 1_123),
        ("1970-01-01T01:00:00+01:00", 0),
        (" 2027-01-15T08:00:00.000Z\n", START_MS),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000),
    ],
)
def test_a_time_is_read(text: str, expected: int) -> None:
    assert read_instant(text, "NotBefore") == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2027-01-15",
        "2027-01-15T08:00:00",
        "2027-01-15 08:00:00Z",
        "2027-13-15T08:00:00Z",
        "2027-01-15T08:00:60Z",
        "2027-01-15T24:00:00Z",
        "2027-01-15T08:00:00,5Z",
        "2027-W03-5T08:00:00Z",
        "٢٠٢٧-01-15T08:00:00Z",
        "12027-01-15T08:00:00Z",
        "-2027-01-15T08:00:00Z",
        "2027-01-15T08:00:00+99:99",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(AssertionRefused, match="NotBefore is no time"):
        read_instant(text, "NotBefore")


def test_an_assertion_is_read_whole() -> None:
    provider = a_provider()
    assert read(signed_assertion()) == VerifiedAssertion(
        provider=provider,
        assertion_id="_assertion-1",
        email=EMAIL,
        expires_at=START_MS + 6 * MINUTE,
    )


@pytest.mark.parametrize(
    "element",
    [
        response(signed_assertion()),
        response(assertion(), by=signer()),
        response(signed_assertion(), by=signer()),
    ],
    ids=["assertion signed", "response signed", "both signed"],
)
def test_an_assertion_in_a_response_is_read(element: Element) -> None:
    assert read(element).email == EMAIL


@pytest.mark.parametrize(
    "method",
    [
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.SHA256_RSA_MGF1,
        SignatureMethod.SHA512_RSA_MGF1,
    ],
)
def test_rsa_signatures_are_verified(method: SignatureMethod) -> None:
    assert read(signed_assertion(how=How(method=method))).email == EMAIL


@pytest.mark.parametrize(
    ("curve", "method"),
    [
        ("SECP256R1", SignatureMethod.ECDSA_SHA256),
        ("SECP384R1", SignatureMethod.ECDSA_SHA384),
        ("SECP521R1", SignatureMethod.ECDSA_SHA512),
    ],
)
def test_ecdsa_signatures_are_verified(curve: str, method: SignatureMethod) -> None:
    by = signer(curve=curve)
    element = signed_assertion(by, how=How(method=method))
    assert read(element, certificates=(by.certificate,)).email == EMAIL
    assert refused(element) == "no certificate fits the signature"


def test_each_certificate_of_a_provider_may_fit() -> None:
    pair = (signer("next").certificate, signer().certificate)
    assert read(signed_assertion(), certificates=pair).email == EMAIL
    assert read(signed_assertion(signer("next")), certificates=pair).email == EMAIL


def test_namespaces_that_only_values_use_are_kept() -> None:
    """As providers write ``xsi:type="xs:string"``: declared outside, listed for the digest."""
    spaces = (
        'xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    )
    typed = f'<saml:NameID xsi:type="xs:string">{EMAIL}</saml:NameID>'
    element = signed_assertion(spaces=spaces, name_id=typed, how=How(prefixes=["xs"]))
    assert read(response(element)).email == EMAIL


def test_the_email_attribute_stands_for_the_name() -> None:
    attributes = (("group", "one"), ("mail", f"\n {EMAIL}\n"), ("group", "two"))
    said: dict[str, Any] = {"name_id": "", "attributes": attributes}
    assert read(signed_assertion(**said), email_attribute="mail").email == EMAIL


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ((), "there is not exactly one e-mail attribute"),
        ((("Mail", EMAIL),), "there is not exactly one e-mail attribute"),
        ((("mail", EMAIL), ("mail", EMAIL)), "there is not exactly one e-mail attribute"),
        ((("mail", ""),), "the value of the e-mail attribute is empty or not plain text"),
        (
            (("mail", f"{EMAIL}<saml:x/>.evil.test"),),
            "the value of the e-mail attribute is empty or not plain text",
        ),
        (
            (("mail", f"{EMAIL}</saml:AttributeValue><saml:AttributeValue>{EMAIL}"),),
            "there is not exactly one AttributeValue",
        ),
        ((("mail", "Ann"),), "the subject is not named by an e-mail address"),
        ((("mail", "ann@example.com bob@example.com"),), "the subject is not named by an e-mail"),
        ((("mail", "a" * 250 + "@b.de"),), "the subject is not named by an e-mail address"),
    ],
)
def test_there_must_be_one_plain_email_attribute(
    attributes: tuple[tuple[str, str], ...], said: str
) -> None:
    element = signed_assertion(attributes=attributes)
    assert refused(element, email_attribute="mail").startswith(said)


@pytest.mark.parametrize(
    ("name_id", "said"),
    [
        ("", "there is not exactly one NameID"),
        (f"<saml:NameID>{EMAIL}</saml:NameID>" * 2, "there is not exactly one NameID"),
        (f"<NameID>{EMAIL}</NameID>", "there is not exactly one NameID"),
        ("<saml:NameID> </saml:NameID>", "NameID is empty or not plain text"),
        (f"<saml:NameID>{EMAIL}<x/></saml:NameID>", "NameID is empty or not plain text"),
        ("<saml:NameID>_transient</saml:NameID>", "the subject is not named by an e-mail address"),
    ],
)
def test_without_an_email_attribute_the_name_must_be_an_address(name_id: str, said: str) -> None:
    assert refused(signed_assertion(name_id=name_id)) == said


@pytest.mark.parametrize("audience", [PUBLIC_URL, TOKEN_URL, "urn:grantory:test"])
def test_an_audience_is_the_server_its_token_endpoint_or_listed(audience: str) -> None:
    element = signed_assertion(audiences=("https://other.example.com", audience))
    assert read(element, audiences=("urn:grantory:test",)).email == EMAIL


@pytest.mark.parametrize("audience", ["urn:grantory:test", PUBLIC_URL + "/", TOKEN_URL.upper()])
def test_another_audience_is_refused(audience: str) -> None:
    assert refused(signed_assertion(audiences=(audience,))) == "the Audience is another"


def test_every_restriction_of_the_audience_must_hold() -> None:
    other = "<saml:AudienceRestriction><saml:Audience>{}</saml:Audience></saml:AudienceRestriction>"
    assert read(signed_assertion(conditions=other.format(PUBLIC_URL))).email == EMAIL
    said = refused(signed_assertion(conditions=other.format("https://other.example.com")))
    assert said == "the Audience is another"


@pytest.mark.parametrize("condition", ["OneTimeUse", "ProxyRestriction"])
def test_known_conditions_hold_in_any_case(condition: str) -> None:
    assert read(signed_assertion(conditions=f"<saml:{condition}/>")).email == EMAIL


@pytest.mark.parametrize("condition", ["<saml:Condition/>", "<OneTimeUse/>", "<saml:NotBefore/>"])
def test_an_unknown_condition_is_refused(condition: str) -> None:
    assert refused(signed_assertion(conditions=condition)) == "a condition is not known"


def test_a_recipient_is_the_token_endpoint_or_listed() -> None:
    platform = "https://login.mypurecloud.com/saml"
    element = signed_assertion(recipient=platform)
    assert refused(element) == "the Recipient is another"
    assert read(element, recipients=(platform,)).email == EMAIL
    assert refused(signed_assertion(recipient=PUBLIC_URL)) == "the Recipient is another"


def test_one_of_several_confirmations_suffices_and_the_last_to_end_counts() -> None:
    later = instant(START_MS + 60 * MINUTE)
    more = [
        confirmation(Recipient="https://other.example.com", NotOnOrAfter=later),
        confirmation(Recipient=TOKEN_URL, NotOnOrAfter=later, NotBefore=later),
    ]
    found = read(signed_assertion(subject="".join(more), ends=None))
    assert found.expires_at == START_MS + 61 * MINUTE
    # What one that does not count says of time is no way around what the conditions say.
    assert read(signed_assertion(subject="".join(more))).expires_at == START_MS + 6 * MINUTE


def test_the_times_of_a_confirmation_count() -> None:
    starts: dict[str, Any] = {"confirmation_starts": START_MS + 2 * MINUTE}
    assert refused(signed_assertion(**starts)).startswith("NotBefore of the SubjectConfirmation")
    assert read(signed_assertion(**starts), now=START_MS + MINUTE).email == EMAIL
    bare = signed_assertion(subject=confirmation(Recipient=TOKEN_URL), ends=None)
    assert refused(bare) == "NotOnOrAfter is missing"
    assert read(signed_assertion(confirmation_ends=None)).email == EMAIL
    assert read(signed_assertion(ends=None, not_before=None)).email == EMAIL


def test_clocks_may_differ_by_a_minute() -> None:
    ahead = signed_assertion(not_before=START_MS + MINUTE, issued=START_MS + MINUTE)
    assert read(ahead).email == EMAIL
    assert refused(ahead, now=START_MS - 1) == "IssueInstant is to come"
    late = signed_assertion(ends=START_MS, confirmation_ends=START_MS, session_ends=START_MS)
    assert read(late, now=START_MS + MINUTE - 1).expires_at == START_MS + MINUTE
    assert refused(late, now=START_MS + MINUTE) == "NotOnOrAfter has passed"


def test_an_assertion_ends_within_a_day() -> None:
    def lasting(end: int) -> Element:
        return signed_assertion(ends=None, confirmation_ends=end)

    assert read(lasting(START_MS + DAY + MINUTE)).email == EMAIL
    assert refused(lasting(START_MS + DAY + MINUTE + 1)) == "NotOnOrAfter is more than a day away"


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"version": "1.1"}, "the Version is not 2.0"),
        ({"id": "x" * 257}, "the ID is missing or too long"),
        ({"issuer": "x" * 1_025}, "the Issuer is too long"),
        ({"issuer": ""}, "Issuer is empty or not plain text"),
        ({"inside": "<saml:Conditions/>"}, "there is not exactly one Conditions"),
        ({"inside": "<saml:Subject/>"}, "there is not exactly one Subject"),
        ({"inside": f"<saml:Issuer>{ISSUER}</saml:Issuer>"}, "there is not exactly one Issuer"),
    ],
)
def test_what_must_be_there_once_is_there_once(said: dict[str, Any], text: str) -> None:
    data = etree.tostring(signed_assertion(**said))
    with pytest.raises(AssertionRefused) as caught:
        read_assertion(data, a_provider(), PUBLIC_URL, START_MS)
    assert str(caught.value) == text
