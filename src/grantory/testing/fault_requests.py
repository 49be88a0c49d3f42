"""How a test asks for faults."""

from http import HTTPStatus
from typing import Final

from grantory.testing.child import Child
from grantory.testing.messages import (
    ANY,
    AddFault,
    ClearFaults,
    Delay,
    Drop,
    Effect,
    ExpiredToken,
    Fault,
    Moment,
    Refusal,
)

LONGEST_SECONDS: Final = 600.0
_KNOWN: Final = frozenset(status.value for status in HTTPStatus)


class FaultRequests:
    """Lets chosen requests of the network fail; the first fault that a request fits is taken.

    Each method takes, by name: ``method``, by default any; ``path``, without the query, in which
    ``*`` stands for any text; and ``times``, for how many requests it is, None for all until
    ``clear`` or the server's ``reset``.

    Args:
        child: the server's process.
    """

    def __init__(self, child: Child) -> None:
        self._child = child

    def fail(
        self,
        status: int = 503,
        *,
        code: str = "",
        retry_after: int | None = None,
        method: str = ANY,
        path: str = ANY,
        times: int | None = 1,
    ) -> None:
        """Lets requests be refused before anything is done.

        Args:
            status: 400 to 599.
            code: the platform's error code; by default what fits the status.
            retry_after: whole seconds for the header ``Retry-After``; None for no such header.
            method: of HTTP.
            path: without the query.
            times: how many requests.

        Raises:
            ValueError: naming the argument that is not good.
        """
        if status not in _KNOWN or not 400 <= status <= 599:
            raise ValueError("status must be one of HTTP's from 400 to 599")
        if retry_after is not None and retry_after < 0:
            raise ValueError("retry_after must not be negative")
        self._fault(Refusal(status, code, retry_after), method, path, times)

    def limit(
        self,
        retry_after: int | None = 1,
        *,
        method: str = ANY,
        path: str = ANY,
        times: int | None = 1,
    ) -> None:
        """Lets requests be refused as too many: 429, with ``Retry-After`` in whole seconds.

        Args and errors as those of ``fail``.
        """
        self.fail(429, retry_after=retry_after, method=method, path=path, times=times)

    def expire_token(self, *, method: str = ANY, path: str = ANY, times: int | None = 1) -> None:
        """Lets calls of the management API be refused as with a token that has expired: 401.

        Args and errors as those of ``fail``. The server's ``end_token`` and ``advance`` end real
        tokens.
        """
        self._fault(ExpiredToken(), method, path, times)

    def delay(
        self, seconds: float, *, method: str = ANY, path: str = ANY, times: int | None = 1
    ) -> None:
        """Lets requests be done at once, and answered late.

        Args and errors as those of ``fail``, but for ``seconds``: real ones, at most 600.
        """
        if not 0 <= seconds <= LONGEST_SECONDS:
            raise ValueError(f"seconds must be from 0 to {LONGEST_SECONDS:.0f}")
        self._fault(Delay(seconds), method, path, times)

    def drop(
        self,
        when: Moment = "before",
        *,
        method: str = ANY,
        path: str = ANY,
        times: int | None = 1,
    ) -> None:
        """Lets connections be closed instead of an answer.

        Args and errors as those of ``fail``, but for ``when``: ``before`` anything is done;
        ``after`` it was done; or ``midway``, when half of the answer's body has been sent.
        """
        if when not in ("before", "midway", "after"):
            raise ValueError("when must be before, midway or after")
        self._fault(Drop(when), method, path, times)

    def clear(self) -> None:
        """Lets no request fail any more."""
        self._child.tell(ClearFaults())

    def _fault(self, effect: Effect, method: str, path: str, times: int | None) -> None:
        if times is not None and times < 1:
            raise ValueError("times must be at least 1, or None")
        if path != ANY and not path.startswith(("/", "*")):
            raise ValueError("path must begin with / or *")
        self._child.tell(AddFault(Fault(effect, method.upper(), path, times)))
