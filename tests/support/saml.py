"""An identity provider for tests: it makes assertions with any fault, and signs them for real."""

import base64
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, Final

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureMethod
from signxml.signer import SignatureReference, XMLSigner

from grantory.domain.trust import IdentityProvider
from tests.support.entities import ORG, an_id
from tests.support.runtime import START_MS

Element = etree._Element
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
PUBLIC_URL: Final = "https://auth.example.com"
TOKEN_URL: Final = PUBLIC_URL + "/oauth/token"
ISSUER: Final = "https://idp.example.com/metadata"
EMAIL: Final = "ann@example.com"
SPACES: Final = {
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
BEARER: Final = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
EXCLUSIVE: Final = CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0
_PLACE: Final = f'<ds:Signature xmlns:ds="{SPACES["ds"]}" Id="placeholder"/>'
_SPACES_TEXT: Final = f'xmlns:saml="{SPACES["saml"]}" xmlns:samlp="{SPACES["samlp"]}"'


class Signer:
    """A key with a certificate for it."""

    def __init__(self, key: PrivateKey, first: datetime, last: datetime) -> None:
        self.key = key
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "idp.example.com")])
        builder = x509.CertificateBuilder(name, name, key.public_key(), 1, first, last)
        self._certificate = builder.sign(key, hashes.SHA256())

    @property
    def certificate(self) -> str:
        """PEM."""
        return self._certificate.public_bytes(serialization.Encoding.PEM).decode()


@cache
def signer(name: str = "idp", *, first: int = 2020, last: int = 2040, curve: str = "") -> Signer:
    """The signer of a name, with a certificate for these years; the same one in a whole run."""
    key = ec.generate_private_key(getattr(ec, curve)()) if curve else rsa_key(name)
    years = datetime(first, 1, 1, tzinfo=UTC), datetime(last, 1, 1, tzinfo=UTC)
    return Signer(key, *years)


@cache
def rsa_key(name: str, bits: int = 2048) -> rsa.RSAPrivateKey:
    """The RSA key of a name."""
    return rsa.generate_private_key(65_537, bits)


class Said(msgspec.Struct, kw_only=True):
    """What an assertion says; a text that is None is left out. Times in ms since 1970."""

    id: str = "_assertion-1"
    issuer: str = ISSUER
    email: str = EMAIL
    name_id: str | None = None
    """XML in place of the NameID with the e-mail address; empty for none."""
    version: str = "2.0"
    issued: int = START_MS
    audiences: tuple[str, ...] = (TOKEN_URL,)
    not_before: int | None = START_MS - 1_000
    ends: int | None = START_MS + 300_000
    recipient: str | None = TOKEN_URL
    method: str = BEARER
    confirmation_starts: int | None = None
    confirmation_ends: int | None = START_MS + 300_000
    session_ends: int | None = None
    attributes: tuple[tuple[str, str], ...] = ()
    """Names with XML of their values."""
    conditions: str = ""
    """XML put into Conditions."""
    subject: str = ""
    """XML put into Subject."""
    inside: str = ""
    """XML put at the end of the assertion."""
    spaces: str = ""
    """Declarations of namespaces."""


def instant(milliseconds: int) -> str:
    """A time as assertions write it."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"


def _attributes(**values: str | int | None) -> str:
    given = ((name, value) for name, value in values.items() if value is not None)
    return "".join(
        f' {name}="{instant(value) if isinstance(value, int) else value}"' for name, value in given
    )


def xml_of(said: Said) -> str:
    """The text of an assertion, with a place for its signature."""
    named = f"<saml:NameID>{said.email}</saml:NameID>" if said.name_id is None else said.name_id
    audiences = "".join(f"<saml:Audience>{each}</saml:Audience>" for each in said.audiences)
    restriction = f"<saml:AudienceRestriction>{audiences}</saml:AudienceRestriction>"
    confirmation = _attributes(
        NotBefore=said.confirmation_starts,
        NotOnOrAfter=said.confirmation_ends,
        Recipient=said.recipient,
    )
    values = "".join(
        f'<saml:Attribute Name="{name}"><saml:AttributeValue>{value}</saml:AttributeValue>'
        "</saml:Attribute>"
        for name, value in said.attributes
    )
    statement = f"<saml:AttributeStatement>{values}</saml:AttributeStatement>" if values else ""
    session = _attributes(SessionNotOnOrAfter=said.session_ends)
    return f"""<saml:Assertion {_SPACES_TEXT} {said.spaces} ID="{said.id}"
  Version="{said.version}" IssueInstant="{instant(said.issued)}">
  <saml:Issuer>{said.issuer}</saml:Issuer>{_PLACE}
  <saml:Subject>{named}
    <saml:SubjectConfirmation Method="{said.method}">
      <saml:SubjectConfirmationData{confirmation}/>
    </saml:SubjectConfirmation>{said.subject}
  </saml:Subject>
  <saml:Conditions{_attributes(NotBefore=said.not_before, NotOnOrAfter=said.ends)}>
    {restriction if said.audiences else ""}{said.conditions}
  </saml:Conditions>
  <saml:AuthnStatement AuthnInstant="{instant(said.issued)}"{session}/>{statement}{said.inside}
</saml:Assertion>"""


def assertion(**said: Any) -> Element:
    """An assertion without a signature."""
    return without_place(etree.fromstring(xml_of(Said(**said))))


def signed_assertion(by: Signer | None = None, *, how: "How | None" = None, **said: Any) -> Element:
    """An assertion with a signature of its own."""
    return sign(etree.fromstring(xml_of(Said(**said))), by or signer(), how or How())


def response(*inside: Element, by: Signer | None = None, how: "How | None" = None) -> Element:
    """A response around elements, signed where somebody is named who does it."""
    text = (
        f'<samlp:Response {_SPACES_TEXT} ID="_response-1" Version="2.0">{_PLACE}</samlp:Response>'
    )
    root = etree.fromstring(text)
    root.extend(inside)
    return without_place(root) if by is None else sign(root, by, how or How())


class How(msgspec.Struct, kw_only=True):
    """How something is signed."""

    method: SignatureMethod = SignatureMethod.RSA_SHA256
    digest: DigestAlgorithm = DigestAlgorithm.SHA256
    c14n: CanonicalizationMethod = EXCLUSIVE
    prefixes: list[str] | None = None
    """For the InclusiveNamespaces of the transform."""
    key_value: bool = False
    """Whether the public key is in the signature, too."""
    key_info_of: Signer | None = None
    """Whose certificate is in the signature; by default the signer's."""


class _AnySigner(XMLSigner):
    def check_deprecated_methods(self) -> None:
        """SHA-1 is what some tests are about."""

    def _build_transforms_for_reference(self, **given: Any) -> None:
        """The library leaves out what it has done with these prefixes."""
        super()._build_transforms_for_reference(**given)
        if prefixes := given["reference"].inclusive_ns_prefixes:
            last = given["transforms_node"][-1]
            name = f"{{{EXCLUSIVE.value}}}InclusiveNamespaces"
            etree.SubElement(last, name, PrefixList=" ".join(prefixes))


def sign(element: Element, by: Signer, how: How) -> Element:
    """Sign an element in its place for a signature."""
    made = _AnySigner(
        signature_algorithm=how.method, digest_algorithm=how.digest, c14n_algorithm=how.c14n
    )
    reference = SignatureReference(
        URI=f"#{element.get('ID')}", c14n_method=how.c14n, inclusive_ns_prefixes=how.prefixes
    )
    done: Element = made.sign(
        element,
        key=by.key,
        cert=(how.key_info_of or by).certificate,
        reference_uri=[reference],
        always_add_key_value=how.key_value,
    )
    return done


def without_place(element: Element) -> Element:
    """Take the place for a signature away."""
    for place in element.findall("ds:Signature[@Id='placeholder']", SPACES):
        element.remove(place)
    return element


def encoded(element: Element | bytes) -> str:
    """The parameter as an official client sends it."""
    data = element if isinstance(element, bytes) else etree.tostring(element)
    return base64.b64encode(data).decode()


def a_provider(by: Signer | None = None, **fields: Any) -> IdentityProvider:
    """An identity provider that ``ORG`` trusts."""
    provider = IdentityProvider(
        id=an_id(7001),
        organization_id=ORG,
        name="Example IdP",
        issuer=ISSUER,
        certificates=((by or signer()).certificate,),
        created_at=1,
        modified_at=1,
    )
    return msgspec.structs.replace(provider, **fields)
