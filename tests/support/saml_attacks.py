"""Assertions that are forged, altered, stolen or stale, each made from a genuine one.

The tables name, for each attack, what the log is told of it.
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any, Final

from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod

from tests.support.runtime import START_MS
from tests.support.saml import (
    EMAIL,
    SPACES,
    Element,
    How,
    assertion,
    response,
    signed_assertion,
    signer,
)

VICTIM: Final = "admin@example.com"


def the_assertion(root: Element) -> Element:
    (found,) = root.findall("saml:Assertion", SPACES)
    return found


def the_signature(element: Element) -> Element:
    (found,) = element.findall("ds:Signature", SPACES)
    return found


def evil(genuine: Element, new_id: str = "_evil-1") -> Element:
    """A copy that names somebody else, without a signature, by another id."""
    copy = deepcopy(genuine)
    for signature in copy.findall(".//ds:Signature", SPACES) + copy.findall("ds:Signature", SPACES):
        parent = signature.getparent()
        if parent is not None:
            parent.remove(signature)
    (name,) = copy.findall(".//saml:NameID", SPACES)
    name.text = VICTIM
    copy.set("ID", new_id)
    return copy


def bare(genuine: Element) -> Element:
    """The genuine element, its signature taken out."""
    copy = deepcopy(genuine)
    copy.remove(the_signature(copy))
    return copy


def xsw1() -> Element:
    """A forged response holds the signature, and that the genuine response."""
    genuine = response(assertion(), by=signer())
    forged = evil(genuine)
    the_assertion(forged).set("ID", "_evil-2")
    signature = deepcopy(the_signature(genuine))
    signature.append(bare(genuine))
    forged.insert(0, signature)
    return forged


def xsw2() -> Element:
    """A forged response holds the genuine one, and beside it its signature."""
    genuine = response(assertion(), by=signer())
    forged = evil(genuine)
    the_assertion(forged).set("ID", "_evil-2")
    forged.insert(0, bare(genuine))
    forged.insert(1, deepcopy(the_signature(genuine)))
    return forged


def xsw3() -> Element:
    """A forged assertion stands before the genuine one."""
    genuine = signed_assertion()
    return response(evil(genuine), genuine)


def xsw4() -> Element:
    """A forged assertion holds the genuine one."""
    genuine = signed_assertion()
    forged = evil(genuine)
    forged.append(genuine)
    return response(forged)


def xsw5() -> Element:
    """The signed assertion is altered; the genuine one stands at the end, without signature."""
    genuine = signed_assertion()
    forged = evil(genuine)
    forged.insert(1, deepcopy(the_signature(genuine)))
    return response(forged, bare(genuine))


def xsw6() -> Element:
    """The signed assertion is altered; its signature holds the genuine one."""
    genuine = signed_assertion()
    forged = evil(genuine)
    signature = deepcopy(the_signature(genuine))
    signature.append(bare(genuine))
    forged.insert(1, signature)
    return response(forged)


def xsw7() -> Element:
    """Extensions hold the forged assertion, before the genuine one."""
    genuine = signed_assertion()
    extensions = etree.Element(f"{{{SPACES['samlp']}}}Extensions")
    extensions.append(evil(genuine, genuine.get("ID", "")))
    return response(extensions, genuine)


def xsw8() -> Element:
    """The signed assertion is altered; an Object in its signature holds the genuine one."""
    genuine = signed_assertion()
    forged = evil(genuine)
    signature = deepcopy(the_signature(genuine))
    hidden = etree.SubElement(signature, f"{{{SPACES['ds']}}}Object")
    hidden.append(bare(genuine))
    forged.insert(1, signature)
    return response(forged)


def altered(change: Callable[[Element], None], **said: Any) -> Element:
    genuine = signed_assertion(**said)
    change(genuine)
    return genuine


def set_name(element: Element) -> None:
    (name,) = element.findall(".//saml:NameID", SPACES)
    name.text = VICTIM


def set_text(path: str, text: str) -> Callable[[Element], None]:
    def change(element: Element) -> None:
        (found,) = element.findall(path, SPACES)
        found.text = text

    return change


def set_attribute(path: str, name: str, value: str) -> Callable[[Element], None]:
    def change(element: Element) -> None:
        element.findall(path, SPACES)[0].set(name, value)

    return change


def split_name(element: Element) -> None:
    """``ann@example.com<!-- -->.evil.test`` as some parsers read it: up to the comment."""
    (name,) = element.findall(".//saml:NameID", SPACES)
    name.text = EMAIL
    comment = etree.Comment(" ")
    comment.tail = ".evil.test"
    name.append(comment)


def as_text(element: Element) -> bytes:
    return etree.tostring(element)


def with_prolog(prolog: str, element: Element) -> bytes:
    return prolog.encode() + as_text(element)


def moved_signature() -> Element:
    genuine = signed_assertion()
    signature = the_signature(genuine)
    genuine.remove(signature)
    outer = response(genuine)
    outer.insert(0, signature)
    return outer


def doubled(path: str) -> Callable[[Element], None]:
    def change(element: Element) -> None:
        (found,) = element.findall(path, SPACES)
        parent = found.getparent()
        assert parent is not None
        parent.append(deepcopy(found))

    return change


def hidden_object(element: Element) -> None:
    etree.SubElement(the_signature(element), f"{{{SPACES['ds']}}}Object")


def signature_below(element: Element) -> None:
    (subject,) = element.findall("saml:Subject", SPACES)
    subject.append(deepcopy(the_signature(element)))


WRAPPED: Final = (xsw1, xsw2, xsw3, xsw4, xsw5, xsw6, xsw7, xsw8)
FILE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
LAUGHS = "<!DOCTYPE a [<!ENTITY x0 'ha'>{}]>".format(
    "".join(f"<!ENTITY x{n} '{f'&x{n - 1};' * 10}'>" for n in range(1, 12))
)
EXTERNAL = '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/evil.dtd">'
PARAMETER = '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:9/x">%p;]>'
UTF_7 = b'<?xml version="1.0" encoding="UTF-7"?>'
UTF_16 = '<?xml version="1.0" encoding="UTF-16"?>'
HOUR_AGO, IN_AN_HOUR = START_MS - 3_600_000, START_MS + 3_600_000

Build = Callable[[], Element | bytes]
SIGNATURES: dict[str, tuple[Build, str]] = {
    "no signature": (assertion, "it is not signed"),
    "a response without any": (lambda: response(assertion()), "it is not signed"),
    "altered": (lambda: altered(set_name), "no certificate fits the signature"),
    "signature of another assertion": (
        lambda: altered(set_attribute(".", "ID", "_evil-1")),
        "the Reference is not to the element that holds the Signature",
    ),
    "response with the signature of its assertion": (
        moved_signature,
        "the Reference is not to the element that holds the Signature",
    ),
    "another key": (
        lambda: signed_assertion(signer("attacker")),
        "no certificate fits the signature",
    ),
    "another key, the provider's certificate in KeyInfo": (
        lambda: signed_assertion(signer("attacker"), how=How(key_info_of=signer())),
        "no certificate fits the signature",
    ),
    "another key, which is in KeyValue": (
        lambda: signed_assertion(signer("attacker"), how=How(key_value=True)),
        "no certificate fits the signature",
    ),
    "SHA-1 signature": (
        lambda: signed_assertion(how=How(method=SignatureMethod.RSA_SHA1)),
        "the signature is of an algorithm that is not allowed: RSA_SHA1",
    ),
    "SHA-1 digest": (
        lambda: signed_assertion(how=How(digest=DigestAlgorithm.SHA1)),
        "the digest is of an algorithm that is not allowed: SHA1",
    ),
    "unknown algorithm": (
        lambda: altered(set_attribute(".//ds:SignatureMethod", "Algorithm", "urn:secret")),
        "the signature is of an algorithm that is not allowed: that is not known",
    ),
    "HMAC with the certificate as its key": (
        lambda: altered(
            set_attribute(".//ds:SignatureMethod", "Algorithm", SignatureMethod.HMAC_SHA256.value)
        ),
        "the signature is of an algorithm that is not allowed: HMAC_SHA256",
    ),
    "canonicalisation with comments": (
        lambda: signed_assertion(
            how=How(c14n=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0_WITH_COMMENTS)
        ),
        "the Transforms are not the two that are allowed",
    ),
    "a further transform": (
        lambda: altered(
            set_attribute(
                ".//ds:Transform[2]", "Algorithm", "http://www.w3.org/TR/1999/REC-xpath-19991116"
            )
        ),
        "the Transforms are not the two that are allowed",
    ),
    "a second reference": (
        lambda: altered(doubled(".//ds:Reference")),
        "the Signature does not consist of CanonicalizationMethod, SignatureMethod, Reference here",
    ),
    "two signatures": (lambda: altered(doubled("ds:Signature")), "an element has two signatures"),
    "reference to the whole document": (
        lambda: altered(set_attribute(".//ds:Reference", "URI", "")),
        "the Reference is not to the element that holds the Signature",
    ),
    "an id that comes twice": (
        lambda: altered(set_attribute("saml:Subject", "ID", "_assertion-1")),
        "an ID comes twice",
    ),
    "an id that comes twice, by another name": (
        lambda: altered(set_attribute("saml:Subject", "Id", "_assertion-1")),
        "an ID comes twice",
    ),
    "an Object in the signature": (
        lambda: altered(hidden_object),
        "the Signature does not consist of SignedInfo, SignatureValue here",
    ),
    "broken signature value": (
        lambda: altered(set_text(".//ds:SignatureValue", "%%%")),
        "no certificate fits the signature",
    ),
    "no signature value": (
        lambda: altered(set_text(".//ds:SignatureValue", "")),
        "no certificate fits the signature",
    ),
    "a signature elsewhere": (
        lambda: altered(signature_below),
        "a Signature stands where none may stand",
    ),
}
DOCUMENTS: dict[str, tuple[Build, str]] = {
    "comment in NameID": (
        lambda: altered(split_name, email=EMAIL + ".evil.test"),
        "it has comments, entities or processing instructions",
    ),
    "comment before the root": (
        lambda: with_prolog("<!-- x -->", signed_assertion()),
        "it has comments or processing instructions",
    ),
    "processing instruction": (
        lambda: with_prolog("<?x y?>", signed_assertion()),
        "it has comments or processing instructions",
    ),
    "file by XXE": (lambda: with_prolog(FILE, signed_assertion()), "it has a document type"),
    "external DTD": (lambda: with_prolog(EXTERNAL, signed_assertion()), "it has a document type"),
    "parameter entity": (
        lambda: with_prolog(PARAMETER, signed_assertion()),
        "it has a document type",
    ),
    "billion laughs": (lambda: with_prolog(LAUGHS, signed_assertion()), "it has a document type"),
    "billion laughs in UTF-16": (
        lambda: (UTF_16 + LAUGHS + as_text(assertion()).decode()).encode("utf-16"),
        "it is no well-formed XML in UTF-8",
    ),
    "billion laughs in UTF-7": (
        lambda: UTF_7 + (LAUGHS.encode() + as_text(assertion())).replace(b"<", b"+ADw-"),
        "it is no well-formed XML in UTF-8",
    ),
    "entity": (
        lambda: as_text(assertion(email="&secret;@example.com".replace("&", "&amp;"))).replace(
            b"&amp;secret;", b"&secret;"
        ),
        "it is no well-formed XML in UTF-8",
    ),
    "encrypted": (
        lambda: response(etree.Element(f"{{{SPACES['saml']}}}EncryptedAssertion")),
        "it is encrypted",
    ),
    "encrypted NameID": (
        lambda: signed_assertion(name_id="<saml:EncryptedID/>"),
        "it is encrypted",
    ),
    "two assertions": (
        lambda: response(signed_assertion(), signed_assertion(id="_assertion-2")),
        "it does not hold exactly one Assertion",
    ),
    "no assertion": (response, "it does not hold exactly one Assertion"),
    "SAML 1.1": (
        lambda: b'<Assertion xmlns="urn:oasis:names:tc:SAML:1.0:assertion"/>',
        "the root is neither Response nor Assertion of SAML 2.0",
    ),
    "an HTML page": (
        lambda: b"<html/>",
        "the root is neither Response nor Assertion of SAML 2.0",
    ),
    "no XML": (lambda: b"\x00\xff" * 100, "it is no well-formed XML in UTF-8"),
    "too deep": (
        lambda: b"<a>" * 20_000 + b"</a>" * 15_000,
        "it is no well-formed XML in UTF-8",
    ),
    "ten thousand attributes": (
        lambda: b"<a " + b" ".join(b'n%d=""' % number for number in range(10_000)) + b"/>",
        "an element has too many attributes",
    ),
    "1 MB": (lambda: b"<a>" + b"x" * 1_048_576 + b"</a>", "it is larger than 131072 bytes"),
    "too large by one byte": (lambda: b"x" * 131_073, "it is larger than 131072 bytes"),
}
CONDITIONS: dict[str, tuple[dict[str, Any], str]] = {
    "another recipient": (
        {"recipient": "https://evil.test/oauth/token"},
        "the Recipient is another",
    ),
    "no recipient": ({"recipient": None}, "the Recipient is another"),
    "another audience": ({"audiences": ("https://evil.test",)}, "the Audience is another"),
    "no audience": ({"audiences": ()}, "AudienceRestriction is missing"),
    "expired": (
        {"ends": HOUR_AGO, "confirmation_ends": HOUR_AGO},
        "NotOnOrAfter has passed",
    ),
    "conditions expired": ({"ends": HOUR_AGO}, "NotOnOrAfter has passed"),
    "confirmation expired": ({"confirmation_ends": HOUR_AGO}, "NotOnOrAfter has passed"),
    "no end": ({"ends": None, "confirmation_ends": None}, "NotOnOrAfter is missing"),
    "not yet valid": ({"not_before": IN_AN_HOUR}, "NotBefore is to come"),
    "issued in the future": ({"issued": IN_AN_HOUR}, "IssueInstant is to come"),
    "session ended": ({"session_ends": HOUR_AGO}, "SessionNotOnOrAfter has passed"),
    "another issuer": (
        {"issuer": "https://evil.test"},
        "the Issuer is not trusted by the client's organisation",
    ),
    "another method": (
        {"method": "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"},
        "no SubjectConfirmation is for the bearer",
    ),
    "another person": ({"email": "nobody@example.com"}, "no user has the e-mail address"),
}
