"""Private keys: making them, and signing and verifying as JWTs are (RFC 7515, RFC 8037).

A signature has exactly one form. That of ECDSA is the 64 bytes of RFC 7518 section 3.4, never DER,
and its second half is the lower of the two that would do; what this module did not write, it
does not take.
"""

from typing import Any, Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
)

from grantory.crypto.base64url import base64url
from grantory.domain.signing import SigningAlgorithm
from grantory.errors import SetupError

RSA_BITS: Final = 2048
"""The least that RFC 7518 section 3.3 admits: 3072 take three times as long to sign with, and no
key of ours signs for longer than the settings say."""
_RSA_EXPONENT: Final = 65_537
_P256_BYTES: Final = 32
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SHA256: Final = hashes.SHA256()
_ECDSA: Final = ec.ECDSA(_SHA256)
_PKCS1: Final = padding.PKCS1v15()


class PrivateKey(Protocol):
    """Signs, and verifies what it signed."""

    def sign(self, data: bytes) -> bytes:
        """Returns the signature."""
        ...

    def verifies(self, signature: bytes, data: bytes) -> bool:
        """Tells whether a signature is the one that ``sign`` could have given for the data."""
        ...

    def public_members(self) -> dict[str, str]:
        """Lists the members of a JWK that make the public key (RFC 7518 section 6, RFC 8037)."""
        ...


def new_private_key(algorithm: SigningAlgorithm) -> bytes:
    """Makes a private key, in PKCS #8 (DER). One for RS256 takes a tenth of a second and more."""
    key: PrivateKeyTypes
    if algorithm is SigningAlgorithm.EDDSA:
        key = ed25519.Ed25519PrivateKey.generate()
    elif algorithm is SigningAlgorithm.ES256:
        key = ec.generate_private_key(ec.SECP256R1())
    else:
        key = rsa.generate_private_key(_RSA_EXPONENT, RSA_BITS)
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def read_private_key(algorithm: SigningAlgorithm, material: bytes) -> PrivateKey:
    """Reads what ``new_private_key`` made.

    Raises:
        SetupError: for the key of another algorithm, and for what is none.
    """
    # Nobody without the master key can have changed it; OpenSSL's own look takes 70 ms for RSA.
    try:
        key = load_der_private_key(material, None, unsafe_skip_rsa_key_validation=True)
    except ValueError:
        raise SetupError("a stored key cannot be read") from None
    if algorithm is SigningAlgorithm.EDDSA and isinstance(key, ed25519.Ed25519PrivateKey):
        return _Ed25519(key)
    if algorithm is SigningAlgorithm.ES256 and isinstance(key, ec.EllipticCurvePrivateKey):
        return _P256(key)
    if algorithm is SigningAlgorithm.RS256 and isinstance(key, rsa.RSAPrivateKey):
        return _Rsa(key)
    raise SetupError("a stored key is not of its algorithm")


class _Ed25519:
    def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
        self._public = key.public_key()
        self.sign = key.sign

    def verifies(self, signature: bytes, data: bytes) -> bool:
        return _passes(self._public.verify, signature, data)

    def public_members(self) -> dict[str, str]:
        x = self._public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": base64url(x).decode()}


class _P256:
    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self._public = key.public_key()

    def sign(self, data: bytes) -> bytes:
        r, s = decode_dss_signature(self._key.sign(data, _ECDSA))
        return _octets(r) + _octets(min(s, _P256_ORDER - s))

    def verifies(self, signature: bytes, data: bytes) -> bool:
        if len(signature) != 2 * _P256_BYTES:
            return False
        r = int.from_bytes(signature[:_P256_BYTES], "big")
        s = int.from_bytes(signature[_P256_BYTES:], "big")
        if not 0 < r < _P256_ORDER or not 0 < s <= _P256_ORDER // 2:
            return False
        return _passes(self._public.verify, encode_dss_signature(r, s), data, _ECDSA)

    def public_members(self) -> dict[str, str]:
        point = self._public.public_numbers()
        x, y = (base64url(_octets(part)).decode() for part in (point.x, point.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


class _Rsa:
    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key
        self._public = key.public_key()

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data, _PKCS1, _SHA256)

    def verifies(self, signature: bytes, data: bytes) -> bool:
        return _passes(self._public.verify, signature, data, _PKCS1, _SHA256)

    def public_members(self) -> dict[str, str]:
        numbers = self._public.public_numbers()
        n, e = (
            base64url(part.to_bytes((part.bit_length() + 7) // 8, "big")).decode()
            for part in (numbers.n, numbers.e)
        )
        return {"kty": "RSA", "n": n, "e": e}


def _passes(verify: Any, *arguments: Any) -> bool:
    try:
        verify(*arguments)
    except InvalidSignature:
        return False
    return True


def _octets(number: int) -> bytes:
    return number.to_bytes(_P256_BYTES, "big")
