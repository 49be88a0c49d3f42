"""Signatures in their one form, and public keys as others read them."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_private_key

from grantory.crypto.base64url import base64url, read_base64url
from grantory.crypto.private_keys import RSA_BITS, PrivateKey, new_private_key, read_private_key
from grantory.domain.signing import SigningAlgorithm
from grantory.errors import SetupError

DATA = b"header.claims"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
MATERIAL = {algorithm: new_private_key(algorithm) for algorithm in SigningAlgorithm}
KEYS = {algorithm: read_private_key(algorithm, MATERIAL[algorithm]) for algorithm in MATERIAL}
P256 = KEYS[SigningAlgorithm.ES256]
every_algorithm = pytest.mark.parametrize("algorithm", SigningAlgorithm)


def halves(signature: bytes) -> tuple[int, int]:
    return int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")


def raw(r: int, s: int) -> bytes:
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@every_algorithm
def test_a_key_verifies_what_it_signed_and_nothing_else(algorithm: SigningAlgorithm) -> None:
    key = KEYS[algorithm]
    signature = key.sign(DATA)
    assert key.verifies(signature, DATA)
    assert not key.verifies(signature, DATA + b"x")
    other = read_private_key(algorithm, new_private_key(algorithm))
    assert not other.verifies(signature, DATA)
    for bad in (
        b"",
        signature[:-1],
        signature + b"\x00",
        bytes(len(signature)),
        b"\x00" + signature,
    ):
        assert not key.verifies(bad, DATA)
    for place in (0, len(signature) // 2, len(signature) - 1):
        changed = bytearray(signature)
        changed[place] ^= 1
        assert not key.verifies(bytes(changed), DATA)


@every_algorithm
def test_a_key_is_read_as_what_it_is_alone(algorithm: SigningAlgorithm) -> None:
    for other in SigningAlgorithm:
        if other is not algorithm:
            with pytest.raises(SetupError):
                read_private_key(other, MATERIAL[algorithm])


def test_signatures_of_ecdsa_have_64_bytes_and_the_lower_half() -> None:
    for number in range(50):
        signature = P256.sign(DATA + bytes([number]))
        assert len(signature) == 64
        assert halves(signature)[1] <= ORDER // 2


def test_no_other_signature_of_ecdsa_passes() -> None:
    r, s = halves(P256.sign(DATA))
    assert P256.verifies(raw(r, s), DATA)
    der = encode_dss_signature(r, s)
    public = load_der_private_key(MATERIAL[SigningAlgorithm.ES256], None)
    assert isinstance(public, ec.EllipticCurvePrivateKey)
    public.public_key().verify(der, DATA, ec.ECDSA(hashes.SHA256()))  # good, in another form
    for bad in (
        raw(r, ORDER - s),
        der,
        raw(0, 0),
        raw(r, 0),
        raw(0, s),
        raw(ORDER, s),
        raw(r, ORDER),
    ):
        assert not P256.verifies(bad, DATA)


def test_the_modulus_is_as_long_as_it_is_said() -> None:
    key = load_der_private_key(MATERIAL[SigningAlgorithm.RS256], None)
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == RSA_BITS
    members = KEYS[SigningAlgorithm.RS256].public_members()
    assert members["kty"] == "RSA"
    assert members["e"] == "AQAB"
    n = int.from_bytes(read_base64url(members["n"].encode()), "big")
    assert n == key.public_key().public_numbers().n


def members(key: PrivateKey) -> set[str]:
    return set(key.public_members())


def test_nothing_private_is_told() -> None:
    assert members(KEYS[SigningAlgorithm.EDDSA]) == {"kty", "crv", "x"}
    assert members(KEYS[SigningAlgorithm.ES256]) == {"kty", "crv", "x", "y"}
    assert members(KEYS[SigningAlgorithm.RS256]) == {"kty", "n", "e"}


def test_base64_is_read_in_one_form_alone() -> None:
    for data in (b"", b"a", b"ab", b"abc", b"\xff\xfe\xfd", bytes(range(256))):
        text = base64url(data)
        assert read_base64url(text) == data
        for bad in (text + b"=", text + b"A=", b" " + text, text + b"\n", text + b"!"):
            with pytest.raises(ValueError, match=r"."):
                read_base64url(bad)
    for bad in (b"YR", b"YWJ", b"A", b"+/+/", b"Y\nQ"):
        with pytest.raises(ValueError, match=r"."):
            read_base64url(bad)
