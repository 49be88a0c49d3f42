"""Verifying the signature of an assertion with pinned certificates, and with nothing else.

The form is narrow: the signature lies directly in the element that it covers, has one reference
to that element's ID, and no transforms but the two that SAML allows (SAML 2.0 core, section 5.4).
What is read afterwards is what the verification returned, never the document itself.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from cryptography.x509 import load_pem_x509_certificate
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import InvalidCertificate, SignXMLException
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from grantory.protocol.saml.document import (
    Document,
    Element,
    inspect,
    parse_element,
    signed_part,
)
from grantory.protocol.saml.names import (
    ENVELOPED_TRANSFORM,
    EXCLUSIVE_C14N,
    INCLUSIVE_NAMESPACES,
    SIGNATURE,
    dsig,
)
from grantory.protocol.saml.refused import AssertionRefused

METHODS: Final = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.SHA256_RSA_MGF1,
        SignatureMethod.SHA384_RSA_MGF1,
        SignatureMethod.SHA512_RSA_MGF1,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
        SignatureMethod.ECDSA_SHA512,
    }
)
DIGESTS: Final = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})
_METHOD_NAMES: Final = {method.value: method.name for method in SignatureMethod}
_DIGEST_NAMES: Final = {digest.value: digest.name for digest in DigestAlgorithm}
_UNKNOWN: Final = "that is not known"


def signed_assertion(document: Document, certificates: Sequence[str], now: int) -> Element:
    """Returns the assertion as it was signed.

    Args:
        document: whose signature decides.
        certificates: PEM; one of them must fit, whatever the document says of keys.
        now: milliseconds since 1970, at which the certificate must be valid.

    Raises:
        AssertionRefused: when no signature covers it, or none of the certificates fits.
    """
    covered = _alone(signed_part(document))
    signature = covered.findall(SIGNATURE)[0]
    _check_form(signature, covered.get("ID", ""))
    result = _verify(covered, certificates, now).signed_xml
    if result is None or result.tag != covered.tag or result.get("ID") != covered.get("ID"):
        raise AssertionRefused("what is signed is not the element that holds the Signature")
    return inspect(result).assertion


def _alone(element: Element) -> Element:
    """Copies an element, with the namespaces around it, so that nothing else can be meant.

    What its signature says of keys is left behind.
    """
    copy = parse_element(etree.tostring(element, encoding="utf-8", with_tail=False))
    signature = copy.findall(SIGNATURE)[0]
    for hint in signature.findall(dsig("KeyInfo")):
        signature.remove(hint)
    return copy


def _verify(covered: Element, certificates: Sequence[str], now: int) -> VerifyResult:
    outcome = "no certificate fits the signature"
    config = SignatureConfiguration(
        location="./",
        expect_references=1,
        signature_methods=METHODS,
        digest_algorithms=DIGESTS,
        verification_time=datetime.fromtimestamp(now / 1000, UTC),
    )
    for certificate in certificates:
        try:
            result = XMLVerifier().verify(
                covered,
                x509_cert=load_pem_x509_certificate(certificate.encode()),
                validate_schema=False,  # the form was checked, and more strictly
                expect_config=config,
            )
        except InvalidCertificate:
            outcome = "no certificate that is valid now fits the signature"
        except (SignXMLException, etree.LxmlError, ValueError, TypeError):
            continue  # with the next one
        else:
            if isinstance(result, VerifyResult):
                return result
    raise AssertionRefused(outcome)


def _check_form(signature: Element, element_id: str) -> None:
    info, _ = _children(signature, "SignedInfo", "SignatureValue")
    c14n, method, reference = _children(
        info, "CanonicalizationMethod", "SignatureMethod", "Reference"
    )
    transforms, digest, _ = _children(reference, "Transforms", "DigestMethod", "DigestValue")
    if not element_id or reference.get("URI") != f"#{element_id}":
        raise AssertionRefused("the Reference is not to the element that holds the Signature")
    if any(transform.tag != dsig("Transform") for transform in transforms):
        raise AssertionRefused("the Transforms are not what they should be")
    applied = [transform.get("Algorithm") for transform in transforms]
    if {*applied} != {ENVELOPED_TRANSFORM, EXCLUSIVE_C14N} or len(applied) != 2:
        raise AssertionRefused("the Transforms are not the two that are allowed")
    if c14n.get("Algorithm") != EXCLUSIVE_C14N:
        raise AssertionRefused("the CanonicalizationMethod is not the one that is allowed")
    for part in (*transforms, c14n, method, digest):
        for inner in part:
            if inner.tag != INCLUSIVE_NAMESPACES or part in (method, digest):
                raise AssertionRefused("an algorithm of the Signature has parameters")
            if inner.get("PrefixList") is None:
                raise AssertionRefused("an algorithm of the Signature has bad parameters")
    _check_algorithms(method.get("Algorithm", ""), digest.get("Algorithm", ""))


def _check_algorithms(method: str, digest: str) -> None:
    if method not in {each.value for each in METHODS}:
        name = _METHOD_NAMES.get(method, _UNKNOWN)
        raise AssertionRefused(f"the signature is of an algorithm that is not allowed: {name}")
    if digest not in {each.value for each in DIGESTS}:
        name = _DIGEST_NAMES.get(digest, _UNKNOWN)
        raise AssertionRefused(f"the digest is of an algorithm that is not allowed: {name}")


def _children(parent: Element, *names: str) -> list[Element]:
    children = list(parent)
    if [child.tag for child in children] != [dsig(name) for name in names]:
        raise AssertionRefused(f"the Signature does not consist of {', '.join(names)} here")
    return children
