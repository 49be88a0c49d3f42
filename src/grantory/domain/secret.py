"""Secrets made by the server: their form, their digest, and a type that never shows them.

A client secret is ``gcs_`` + key id (8) + random part (43, 256 bits) + checksum (6), all in
base62: one fixed length, no character that a form, a header or a shell would change, and a
form that leak scanners recognise. Digesting with a plain SHA-256 is right for 256 random bits;
argon2id is for human passwords only.
"""

import hashlib
import hmac
import re
import zlib
from typing import Final, NoReturn

import msgspec

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS: Final = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_PREFIX: Final = "gcs_"
KEY_ID_LENGTH: Final = 8
_RANDOM: Final = 43
_CHECKSUM: Final = 6
_BODY: Final = len(_PREFIX) + KEY_ID_LENGTH + _RANDOM
SECRET_LENGTH: Final = _BODY + _CHECKSUM
SECRET_ENTROPY_BYTES: Final = 32
KEY_ID_ENTROPY_BYTES: Final = 6
_FORM = re.compile(rf"{_PREFIX}[0-9A-Za-z]{{{SECRET_LENGTH - len(_PREFIX)}}}", re.ASCII)
_DIGEST_DOMAIN: Final = b"grantory client secret v1\x00"


class Secret:
    """A credential in memory whose text form shows nothing.

    ``reveal`` is the one way to the value: searching for it finds every place that shows one.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Returns the value itself, for the one answer that carries it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(****)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(
            self._value.encode(), other._value.encode()
        )

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")


class ClientSecret(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a client secret: never the secret itself. Times in ms since 1970."""

    key_id: str
    client_id: str
    organization_id: str
    digest: bytes
    created_at: int
    expires_at: int | None = None

    def is_live(self, now: int) -> bool:
        """Tells whether the secret is good at ``now`` (ms since 1970)."""
        return self.expires_at is None or now < self.expires_at


def base62(data: bytes, length: int) -> str:
    """Writes bytes as a base62 number of exactly ``length`` digits, most significant first."""
    number = int.from_bytes(data, "big")
    parts = []
    for _ in range(length // 2):
        number, pair = divmod(number, 3_844)
        parts.append(_PAIRS[pair])
    if length % 2:
        parts.append(_ALPHABET[number % 62])
    parts.reverse()
    return "".join(parts)


def _checksum(body: str) -> str:
    return base62(zlib.crc32(body.encode()).to_bytes(4, "big"), _CHECKSUM)


def compose_client_secret(key_entropy: bytes, entropy: bytes) -> tuple[str, Secret]:
    """Makes a client secret from random bytes.

    Args:
        key_entropy: ``KEY_ID_ENTROPY_BYTES`` random bytes for the key id.
        entropy: ``SECRET_ENTROPY_BYTES`` random bytes.

    Returns:
        The key id, which is no secret, and the secret.
    """
    if len(entropy) != SECRET_ENTROPY_BYTES or len(key_entropy) != KEY_ID_ENTROPY_BYTES:
        raise ValueError("a client secret takes exactly 32 and 6 random bytes")
    key_id = base62(key_entropy, KEY_ID_LENGTH)
    body = _PREFIX + key_id + base62(entropy, _RANDOM)
    return key_id, Secret(body + _checksum(body))


def key_id_of(presented: str) -> str | None:
    """Reads the key id out of a presented secret.

    Returns:
        The key id, or None for a text that no server of ours can have issued (wrong form or
        checksum), so that it is refused before the store is asked.
    """
    key_id = key_id_in(presented)
    if key_id is None or presented[_BODY:] != _checksum(presented[:_BODY]):
        return None
    return key_id


def key_id_in(presented: str) -> str | None:
    """Reads the key id as ``key_id_of`` does, by the form alone.

    Whoever has the secret's digest at hand compares that, and needs no checksum besides.
    """
    if len(presented) != SECRET_LENGTH or _FORM.fullmatch(presented) is None:
        return None
    return presented[len(_PREFIX) : len(_PREFIX) + KEY_ID_LENGTH]


def digest_of(presented: str) -> bytes:
    """Digests a secret for storing or comparing (SHA-256 under a domain prefix)."""
    return hashlib.sha256(_DIGEST_DOMAIN + presented.encode()).digest()


def matches(presented_digest: bytes, stored_digest: bytes) -> bool:
    """Compares two digests in constant time."""
    return hmac.compare_digest(presented_digest, stored_digest)
