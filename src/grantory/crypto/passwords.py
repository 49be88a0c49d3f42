"""Digests of human passwords, made and compared away from the event loop."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from argon2 import PasswordHasher as Argon2
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from grantory.errors import ApiError

AT_ONCE: Final = 2
"""Each takes 64 MiB and some hundredths of a second of a core."""
MOST_WAITING: Final = 32
_NOBODY: Final = "nobody's password"


class Argon2Hasher:
    """Implements ``Hasher`` with argon2id (RFC 9106, second recommended option: 64 MiB).

    Passwords are compared in Unicode's form NFKC, as NIST SP 800-63B section 3.1.1.2 says, so
    that two keyboards which write the same letters give the same password.
    """

    def __init__(self) -> None:
        self._hasher = Argon2.from_parameters(RFC_9106_LOW_MEMORY)

    def hash(self, password: str) -> str:
        """Returns the digest with its parameters and salt, as text."""
        return self._hasher.hash(_normal(password))

    def verify(self, password: str, digest: str) -> bool:
        """Tells whether a password is the one that a digest was made of."""
        try:
            return self._hasher.verify(digest, _normal(password))
        except (VerificationError, InvalidHashError):
            return False


class PasswordThreads:
    """Implements ``PasswordHasher``: argon2id on two threads, with a bound on who waits for them.

    A password that is compared with nothing takes as long as any other.
    """

    def __init__(self) -> None:
        self._hasher = Argon2Hasher()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="grantory-password")
        self._unfinished = 0
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """Returns the digest of a new password.

        Raises:
            ApiError: 503 when too many wait.
        """
        return str(await self._run(self._hasher.hash, password))

    async def verify(self, password: str, digest: str | None) -> bool:
        """Tells whether a password fits; compares with a digest of nobody's where there is none.

        Raises:
            ApiError: 503 when too many wait.
        """
        if digest is not None:
            return bool(await self._run(self._hasher.verify, password, digest))
        if self._nobody is None:
            self._nobody = str(await self._run(self._hasher.hash, _NOBODY))
        await self._run(self._hasher.verify, password, self._nobody)
        return False

    async def _run(self, work: Callable[..., object], *arguments: str) -> object:
        if self._unfinished >= MOST_WAITING:
            raise ApiError(
                503,
                "service.unavailable",
                "Too many people log in at this moment. Try again in a second.",
                retry_after=1,
            )
        self._unfinished += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, work, *arguments)
        finally:
            self._unfinished -= 1

    def close(self) -> None:
        """Takes no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _normal(password: str) -> str:
    return unicodedata.normalize("NFKC", password)
