"""The certificate and key that the listener shows, read and checked before it starts."""

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from grantory.errors import SetupError

MAX_FILE: Final = 1_048_576
_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2: those with forward secrecy that authenticate what they encrypt (RFC 9325)."""


def server_context(certificate_file: Path, key_file: Path) -> ssl.SSLContext:
    """Makes what the listener needs for TLS 1.2 and 1.3.

    Args:
        certificate_file: PEM; the server's own certificate first, then those between it and the
            authority.
        key_file: PEM; the private key of the first, not encrypted.

    Raises:
        SetupError: saying which file is wrong, and in what.
    """
    chain = _read(certificate_file, "certificate")
    key = _read(key_file, "key")
    _check_pair(_first_certificate(chain, certificate_file), key, certificate_file, key_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(_CIPHERS)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate_file, key_file)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise SetupError(
            f"the certificate in {certificate_file} cannot be used: {reason}"
        ) from None
    return context


def expiry_warning(certificate_file: Path, now: datetime) -> str:
    """Tells what a person should know of a certificate's dates; empty where they are fine.

    Raises:
        SetupError: when it cannot be read.
    """
    chain = _read(certificate_file, "certificate")
    certificate = _first_certificate(chain, certificate_file)
    if now < certificate.not_valid_before_utc:
        return f"the certificate in {certificate_file} is not valid yet"
    if now >= certificate.not_valid_after_utc:
        ended = certificate.not_valid_after_utc.astimezone(UTC).date()
        return f"the certificate in {certificate_file} expired on {ended}"
    return ""


def _read(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise SetupError(f"cannot read the {what} in {path}: {error.strerror}") from None
    if len(data) > MAX_FILE:
        raise SetupError(f"the {what} in {path} is larger than {MAX_FILE} bytes")
    return data


def _first_certificate(chain: bytes, path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(chain)[0]
    except ValueError:
        raise SetupError(f"{path} holds no certificate in PEM") from None


def _check_pair(
    certificate: x509.Certificate, key: bytes, certificate_file: Path, key_file: Path
) -> None:
    try:
        private = load_pem_private_key(key, None)
    except TypeError:
        raise SetupError(
            f"the key in {key_file} is encrypted: the server has nobody to ask for its password. "
            "Decrypt it (openssl pkey -in FILE -out FILE) and let only the server's user read it"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise SetupError(f"{key_file} holds no private key in PEM") from None
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    try:
        own = certificate.public_key().public_bytes(*form)
    except (ValueError, UnsupportedAlgorithm):
        raise SetupError(f"the certificate in {certificate_file} has a key of no use") from None
    if own != private.public_key().public_bytes(*form):
        raise SetupError(
            f"the key in {key_file} is not that of the first certificate in {certificate_file}"
        )
