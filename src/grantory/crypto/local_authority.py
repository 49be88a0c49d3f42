"""A certificate authority of one's own machine, for development, and the certificates it signs."""

import ipaddress
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS: Final = 3650
CERTIFICATE_DAYS: Final = 396
"""With the day before, 397: browsers believe no certificate for longer."""
RENEW_DAYS: Final = 30
LOCAL: Final = "localhost"
_LOOPBACK: Final = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))
_ADDRESSES: Final = (ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1"))
_ONE_DAY: Final = timedelta(days=1)


class Pair(NamedTuple):
    """A certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes


class UnusablePair(ValueError):
    """A certificate or key is not what this module makes."""


def make_authority(name: str, now: datetime) -> Pair:
    """Makes an authority that can vouch for nothing beyond this machine.

    Its name constraints are a host name with whatever is under it, localhost, and the loopback
    addresses (RFC 5280 section 4.2.1.10), so that whoever steals its key cannot pass for another
    site to those who trust it.

    Args:
        name: the host name.
        now: from when it is valid.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Grantory development authority"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Grantory for {name}"[:64]),
        ]
    )
    names = [x509.DNSName(each) for each in dict.fromkeys((name, LOCAL))]
    permitted = [*names, *(x509.IPAddress(network) for network in _LOOPBACK)]
    identity = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        _begun(subject, subject, key.public_key(), now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(identity, critical=False)
        .sign(key, hashes.SHA256())
    )
    return _pair(certificate, key)


def make_certificate(authority: Pair, name: str, now: datetime) -> Pair:
    """Makes a server's certificate for a name, ``api.`` and ``login.`` under it, and loopback.

    Args:
        authority: signs it.
        name: the host name.
        now: from when it is valid.

    Raises:
        UnusablePair: for an authority that is none.
    """
    signer, signing_key = _read(authority)
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    alternatives = x509.SubjectAlternativeName(
        [
            *(x509.DNSName(each) for each in names_of(name)),
            *(x509.IPAddress(address) for address in _ADDRESSES),
        ]
    )
    certificate = (
        _begun(subject, signer.subject, key.public_key(), now, CERTIFICATE_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(alternatives, critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()),
            critical=False,
        )
        .sign(signing_key, hashes.SHA256())
    )
    return _pair(certificate, key)


def names_of(name: str) -> tuple[str, ...]:
    """Lists the host names that a server's certificate is for."""
    return tuple(dict.fromkeys((name, f"api.{name}", f"login.{name}", LOCAL)))


def may_vouch(authority: Pair, name: str, now: datetime) -> bool:
    """Tells whether an authority is good for a name, and for a new certificate's whole life.

    Raises:
        UnusablePair: when it cannot be read.
    """
    certificate, _ = _read(authority)
    try:
        found = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    permitted = found.permitted_subtrees or []
    is_named = any(each.value == name for each in permitted if isinstance(each, x509.DNSName))
    lasting = now + timedelta(days=CERTIFICATE_DAYS) < certificate.not_valid_after_utc
    return is_named and lasting and certificate.not_valid_before_utc <= now


def is_good(pair: Pair, authority: Pair, name: str, now: datetime) -> bool:
    """Tells whether a server's certificate is of this authority, for these names, and lasts.

    Raises:
        UnusablePair: when either cannot be read.
    """
    certificate, _ = _read(pair)
    signer, _ = _read(authority)
    try:
        certificate.verify_directly_issued_by(signer)
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (InvalidSignature, TypeError, ValueError, x509.ExtensionNotFound):
        return False
    names = set(found.get_values_for_type(x509.DNSName))
    lasts = now + timedelta(days=RENEW_DAYS) < certificate.not_valid_after_utc
    return names == set(names_of(name)) and lasts and certificate.not_valid_before_utc <= now


def _read(pair: Pair) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    try:
        certificate = x509.load_pem_x509_certificate(pair.certificate)
        key = load_pem_private_key(pair.key, None)
        fits = certificate.public_key() == key.public_key()
    except (TypeError, ValueError) as error:
        raise UnusablePair(str(error)) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not fits:
        raise UnusablePair("the key is not the certificate's")
    return certificate, key


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, days: int
) -> x509.CertificateBuilder:
    # From the day before: another machine's clock may be behind.
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _ONE_DAY)
        .not_valid_after(now + timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    return Pair(
        certificate.public_bytes(Encoding.PEM),
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    )
