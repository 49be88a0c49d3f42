"""Digests of human passwords."""

from argon2 import PasswordHasher
from argon2.profiles import RFC_9106_LOW_MEMORY


class Argon2Hasher:
    """Implements ``Hasher`` with argon2id (RFC 9106, second recommended option: 64 MiB)."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)

    def hash(self, password: str) -> str:
        """Returns the digest with its parameters and salt, as text."""
        return self._hasher.hash(password)
