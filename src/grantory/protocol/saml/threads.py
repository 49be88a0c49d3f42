"""Reading assertions away from the event loop, with a bound on how many wait for it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from grantory.domain.trust import IdentityProvider
from grantory.errors import ApiError
from grantory.protocol.saml.verified import VerifiedAssertion

AT_ONCE: Final = 4
MOST_WAITING: Final = 32
"""Besides those that are read."""
T = TypeVar("T")


class AssertionThreads:
    """Reads assertions on threads of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="grantory-saml")
        self._unfinished = 0

    async def claimed_issuer(self, data: bytes) -> str:
        """Tells who an assertion says has issued it.

        Raises:
            AssertionRefused: for a document that is refused whoever has issued it.
            ApiError: 503 when too many wait.
        """
        return await self._run(lambda: _claimed_issuer(data))

    async def read(
        self, data: bytes, provider: IdentityProvider, public_url: str, now: int, prefix: str = ""
    ) -> VerifiedAssertion:
        """Verifies an assertion.

        Args:
            data: the document.
            provider: whom to trust.
            public_url: the server's address.
            now: milliseconds since 1970.
            prefix: what may stand before the token endpoint's path.

        Raises:
            AssertionRefused: with what is wrong, for the log.
            ApiError: 503 when too many wait.
        """
        return await self._run(lambda: _read(data, provider, public_url, now, prefix))

    async def _run(self, work: Callable[[], T]) -> T:
        if self._unfinished >= AT_ONCE + MOST_WAITING:
            raise ApiError(
                503,
                "service.unavailable",
                "Too many assertions are sent at this moment. Try again in a second.",
                retry_after=1,
            )
        self._unfinished += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, work)
        finally:
            self._unfinished -= 1

    def close(self) -> None:
        """Takes no more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


# The first assertion loads the XML libraries: they would slow the start of every command.
def _claimed_issuer(data: bytes) -> str:
    from grantory.protocol.saml.reading import claimed_issuer  # noqa: PLC0415

    return claimed_issuer(data)


def _read(
    data: bytes, provider: IdentityProvider, public_url: str, now: int, prefix: str
) -> VerifiedAssertion:
    from grantory.protocol.saml.reading import read_assertion  # noqa: PLC0415

    return read_assertion(data, provider, public_url, now, prefix)
