"""Time and randomness, so that tests can hold both in their hands."""

from typing import Protocol


class Clock(Protocol):
    """Tells the time of day."""

    def now_ms(self) -> int:
        """Returns milliseconds since 1970 (UTC)."""
        ...

    def monotonic(self) -> float:
        """Returns seconds that never go back, for measuring spans."""
        ...


class Random(Protocol):
    """Makes unpredictable bytes and identifiers."""

    def token_bytes(self, count: int) -> bytes:
        """Returns ``count`` bytes fit for credentials."""
        ...

    def uuid(self) -> str:
        """Returns a random UUID (RFC 9562 version 4) in lower case.

        It is an id and no secret: 90 of its bits at least are drawn for it alone.
        """
        ...


class Hasher(Protocol):
    """Digests human passwords slowly, on purpose."""

    def hash(self, password: str) -> str:
        """Returns the digest with its parameters and salt, as text."""
        ...


class PasswordHasher(Protocol):
    """Digests passwords, and compares them, while other requests go on."""

    async def hash(self, password: str) -> str:
        """Returns the digest of a new password.

        Raises:
            ApiError: 503 when too many wait.
        """
        ...

    async def verify(self, password: str, digest: str | None) -> bool:
        """Tells whether a password fits a digest; takes as long where there is none.

        Raises:
            ApiError: 503 when too many wait.
        """
        ...


class KeySealer(Protocol):
    """Encrypts keys for the store and opens them again, under the master key."""

    def seal(self, material: bytes, context: bytes) -> bytes:
        """Encrypts key material, bound to ``context`` (which must be given again to open)."""
        ...

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypts what ``seal`` gave.

        Raises:
            SetupError: for another master key, another context or damaged bytes.
        """
        ...

    def check_value(self) -> bytes:
        """Makes the value by which a store recognises the master key that seals."""
        ...

    def sealer_of(self, check_value: bytes) -> "KeySealer | None":
        """Finds the one that seals as a store with this check value has been sealed so far.

        Returns:
            It, which may be another while the master key is being replaced; None when the store
            is of another master key.
        """
        ...
