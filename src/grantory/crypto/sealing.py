"""The master key: it encrypts the keys in the store, and is never in the store itself."""

import base64
import binascii
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from grantory.errors import SetupError

KEY_BYTES = 32
_NONCE_BYTES = 12
_CHECK_CONTEXT = b"grantory master key check"


class MasterKey:
    """Seals with AES-256-GCM; implements ``KeySealer``.

    Args:
        key: 32 random bytes.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise SetupError("the master key must be 32 bytes, written in base64")
        self._cipher = AESGCM(key)

    def seal(self, material: bytes, context: bytes) -> bytes:
        """Encrypts key material, bound to ``context``; returns nonce and ciphertext."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, material, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypts what ``seal`` gave.

        Raises:
            SetupError: for another master key, another context or damaged bytes.
        """
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
        except InvalidTag:
            raise SetupError("a stored key cannot be opened with this master key") from None

    def check_value(self) -> bytes:
        """Makes the value by which a store recognises this master key."""
        return self.seal(b"", _CHECK_CONTEXT)

    def fits(self, check_value: bytes) -> bool:
        """Tells whether a store's check value was made with this master key."""
        try:
            self.open(check_value, _CHECK_CONTEXT)
        except SetupError:
            return False
        return True


def new_master_key() -> str:
    """Makes a master key as it is kept in a file or variable: base64 text."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def read_master_key(text: str) -> MasterKey:
    """Reads a master key from base64 text (either alphabet).

    Raises:
        SetupError: for text that is not 32 bytes in base64; the text is not repeated.
    """
    plain = text.strip().replace("+", "-").replace("/", "_")
    try:
        return MasterKey(base64.b64decode(plain, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise SetupError("the master key must be 32 bytes, written in base64") from None
