"""X.509 certificates whose keys verify what others have signed."""

import binascii
from base64 import b64decode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from cryptography import x509

MAX_TEXT: Final = 16_384
MIN_RSA_BITS: Final = 2_048
_CURVES: Final = ("secp256r1", "secp384r1", "secp521r1")
_BEGIN: Final = "-----BEGIN "
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Certificate(msgspec.Struct, frozen=True):
    """A certificate, as far as anybody here asks for it."""

    pem: str
    """In one form, however it was given."""
    fingerprint: str
    """SHA-256 of the certificate, in hexadecimal digits."""
    expires_at: int
    """Milliseconds since 1970."""


def read_certificate(text: str) -> Certificate:
    """Reads a certificate with a key that is strong enough to be believed.

    Args:
        text: one certificate in PEM, or just the base64 between its lines.

    Raises:
        ValueError: with what is wrong, as the rest of a sentence.
    """
    # Loaded when it is needed: it would slow the start of every command.
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415
    from cryptography.hazmat.primitives.serialization import Encoding  # noqa: PLC0415

    refusal = "must be one X.509 certificate in PEM"
    try:
        certificate = _parsed(text)
        is_strong = _is_strong(certificate)
        expires_at = int((certificate.not_valid_after_utc - _EPOCH).total_seconds()) * 1000
    except (ValueError, UnsupportedAlgorithm, binascii.Error):
        raise ValueError(refusal) from None
    if not is_strong:
        raise ValueError("must have an RSA key of 2048 bits or more, or one on P-256, P-384, P-521")
    return Certificate(
        certificate.public_bytes(Encoding.PEM).decode("ascii"),
        certificate.fingerprint(SHA256()).hex(),
        expires_at,
    )


def _parsed(text: str) -> "x509.Certificate":
    from cryptography import x509  # noqa: PLC0415

    if len(text) > MAX_TEXT or text.count(_BEGIN) > 1:
        raise ValueError
    if _BEGIN in text:
        return x509.load_pem_x509_certificate(text.encode())
    return x509.load_der_x509_certificate(b64decode("".join(text.split()), validate=True))


def _is_strong(certificate: "x509.Certificate") -> bool:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: PLC0415

    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= MIN_RSA_BITS
    return isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES
