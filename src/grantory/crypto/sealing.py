"""The master key: it encrypts the keys in the store, and is never in the store itself."""

import base64
import binascii
import re
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from grantory.errors import SetupError

KEY_BYTES = 32
_NONCE_BYTES = 12
_CHECK_CONTEXT = b"grantory master key check"


class MasterKey:
    """Seals with AES-256-GCM; implements ``KeySealer``.

    While the master key is being replaced there are two: the new one seals, either opens.

    Args:
        keys: 32 random bytes each. The first one seals.
    """

    def __init__(self, *keys: bytes) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise SetupError("the master key must be 32 bytes, written in base64")
        self._keys = tuple(dict.fromkeys(keys))
        self._ciphers = [AESGCM(key) for key in self._keys]

    @property
    def count(self) -> int:
        """How many different keys it holds."""
        return len(self._keys)

    def seal(self, material: bytes, context: bytes) -> bytes:
        """Encrypts key material, bound to ``context``; returns nonce and ciphertext."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, material, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypts what ``seal`` gave.

        Raises:
            SetupError: for another master key, another context or damaged bytes.
        """
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
            except InvalidTag:
                continue
        raise SetupError("a stored key cannot be opened with this master key")

    def check_value(self) -> bytes:
        """Makes the value by which a store recognises the master key that seals."""
        return self.seal(b"", _CHECK_CONTEXT)

    def fits(self, check_value: bytes) -> bool:
        """Tells whether a store's check value was made with this master key."""
        try:
            self.open(check_value, _CHECK_CONTEXT)
        except SetupError:
            return False
        return True

    def sealer_of(self, check_value: bytes) -> "MasterKey | None":
        """Finds the key under which a store has been sealed so far; None where it is another.

        While the master key is being replaced that is the old one until all has been sealed
        anew: a server that has not been given the new one yet can open nothing else.
        """
        for key in self._keys:
            if MasterKey(key).fits(check_value):
                return MasterKey(key, *self._keys)
        return None


def new_master_key() -> str:
    """Makes a master key as it is kept in a file or variable: base64 text."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def split_master_keys(text: str) -> list[str]:
    """Lists the keys of a text that may hold several, between spaces, commas or line ends."""
    return [part for part in re.split(r"[\s,]+", text) if part]


def read_master_key(text: str) -> MasterKey:
    """Reads a master key, or several, from base64 text (either alphabet).

    Raises:
        SetupError: for text that is not 32 bytes in base64; the text is not repeated.
    """
    try:
        return MasterKey(*(_bytes_of(part) for part in split_master_keys(text)))
    except (binascii.Error, ValueError):
        raise SetupError("the master key must be 32 bytes, written in base64") from None


def _bytes_of(text: str) -> bytes:
    plain = text.replace("+", "-").replace("/", "_")
    return base64.b64decode(plain, altchars=b"-_", validate=True)
