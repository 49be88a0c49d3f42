"""The names of SAML 2.0 and XML Signature that are looked for."""

from typing import Final

_ASSERTION_SPACE: Final = "urn:oasis:names:tc:SAML:2.0:assertion"
_PROTOCOL_SPACE: Final = "urn:oasis:names:tc:SAML:2.0:protocol"
_SIGNATURE_SPACE: Final = "http://www.w3.org/2000/09/xmldsig#"
_EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"


def saml(name: str) -> str:
    """Gives the full name of an element of an assertion."""
    return f"{{{_ASSERTION_SPACE}}}{name}"


def dsig(name: str) -> str:
    """Gives the full name of an element of a signature."""
    return f"{{{_SIGNATURE_SPACE}}}{name}"


ASSERTION: Final = saml("Assertion")
RESPONSE: Final = f"{{{_PROTOCOL_SPACE}}}Response"
SIGNATURE: Final = dsig("Signature")
INCLUSIVE_NAMESPACES: Final = f"{{{_EXCLUSIVE}}}InclusiveNamespaces"
BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
ENVELOPED_TRANSFORM: Final = _SIGNATURE_SPACE + "enveloped-signature"
EXCLUSIVE_C14N: Final = _EXCLUSIVE
"""Exclusive canonicalisation without comments."""
