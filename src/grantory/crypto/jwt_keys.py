"""The keys that sign JWTs, opened for use: which one signs, and what is published of them.

A key is published from its first moment and signs later: whoever verifies offline has had the time
to hear of it. It stays published until the last token that it signed has expired.
"""

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Final

import msgspec

from grantory.crypto.base64url import base64url, read_base64url
from grantory.crypto.private_keys import read_private_key
from grantory.domain.signing import SigningAlgorithm
from grantory.domain.token import SealedKey
from grantory.errors import StorageUnavailable

JWT_TYPE: Final = "at+jwt"
"""RFC 9068 section 2.1: so that no other kind of JWT passes for an access token."""

_ALGORITHMS: Final = "|".join(algorithm.value for algorithm in SigningAlgorithm)
_HEADER: Final = re.compile(
    rf'\{{"alg":"({_ALGORITHMS})","typ":"{re.escape(JWT_TYPE)}","kid":"[0-9a-f]{{16}}"\}}'.encode()
)


class JwtKey:
    """A private key of one organisation.

    Args:
        key: as the store holds it.
        material: what was sealed.

    Attributes:
        kid: its name in the header.
        header: the first part of every JWT that it signs, with the dot after it.
    """

    def __init__(self, key: SealedKey, algorithm: SigningAlgorithm, material: bytes) -> None:
        private = read_private_key(algorithm, material)
        self.organization_id = key.organization_id
        self.algorithm = algorithm
        self.signs_from = key.signs_from or 0
        self.kid = key.key_id.hex()
        self.header = _header(algorithm, self.kid)
        self.sign = private.sign
        self.verifies = private.verifies
        self.jwk = {
            **private.public_members(),
            "use": "sig",
            "alg": algorithm.value,
            "kid": self.kid,
        }
        """The public half (RFC 7517)."""

    def __repr__(self) -> str:
        return f"JwtKey({self.kid})"


class JwtKeyring:
    """Every private key of a store.

    Args:
        keys: in the order in which they sign.
        unreadable: private keys that could not be opened. What needs one of them is refused for
            now, and not as if it were forged; everybody else's tokens go on.
    """

    def __init__(self, keys: Iterable[JwtKey], unreadable: Iterable[SealedKey] = ()) -> None:
        self._keys = tuple(keys)
        lost = [(key, key.algorithm) for key in unreadable if key.algorithm is not None]
        self._lost_headers = {_header(algorithm, key.key_id.hex()) for key, algorithm in lost}
        self._lost_signers = {(key.organization_id, algorithm) for key, algorithm in lost}
        self._by_header = {key.header: key for key in self._keys}
        self._signers: dict[tuple[str, SigningAlgorithm], list[JwtKey]] = {}
        for key in self._keys:
            self._signers.setdefault((key.organization_id, key.algorithm), []).append(key)

    def of_header(self, header: bytes) -> JwtKey | None:
        """Finds the key whose tokens begin with a header, dot included; it must be the very same.

        So whatever else could stand in a header (other algorithms, keys and addresses of keys,
        extensions, a member twice) is refused without being read.

        Raises:
            StorageUnavailable: when the key is there and cannot be opened.
        """
        if header in self._lost_headers:
            raise _unreadable()
        return self._by_header.get(header)

    def signer(self, organization_id: str, algorithm: SigningAlgorithm, now: int) -> JwtKey | None:
        """Finds the key that signs an organisation's tokens at a time (ms since 1970).

        Raises:
            StorageUnavailable: when there are keys and none can be opened.
        """
        chosen = None
        for key in self._signers.get((organization_id, algorithm), ()):
            if chosen is None or key.signs_from <= now:
                chosen = key
        if chosen is None and (organization_id, algorithm) in self._lost_signers:
            raise _unreadable()
        return chosen

    @cached_property
    def published(self) -> bytes:
        """Every public key, as a JWK Set (RFC 7517 section 5)."""
        return _jwk_set(self._keys)

    def published_of(self, organization_id: str) -> bytes:
        """The public keys of one organisation, as a JWK Set.

        Raises:
            StorageUnavailable: when there are keys and none can be opened.
        """
        keys = [key for key in self._keys if key.organization_id == organization_id]
        if not keys and any(owner == organization_id for owner, _ in self._lost_signers):
            raise _unreadable()
        return _jwk_set(keys)


def _jwk_set(keys: Iterable[JwtKey]) -> bytes:
    return msgspec.json.encode({"keys": [key.jwk for key in keys]})


def is_a_header(header: bytes) -> bool:
    """Tells whether a header, dot included, is one that a key of ours could have, known or not."""
    try:
        return _HEADER.fullmatch(read_base64url(header[:-1])) is not None
    except ValueError:
        return False


def _header(algorithm: SigningAlgorithm, kid: str) -> bytes:
    header = {"alg": algorithm.value, "typ": JWT_TYPE, "kid": kid}
    return base64url(msgspec.json.encode(header)) + b"."


def _unreadable() -> StorageUnavailable:
    return StorageUnavailable("a private key cannot be opened: see the log")
