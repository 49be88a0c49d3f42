"""The parts of a request that have a span of their own in a trace."""

from collections.abc import Callable
from typing import TypeVar

from grantory.domain.client import ClientRecord
from grantory.observability.tracing import Tracing
from grantory.ports.storage import Snapshot, Store, Transaction
from grantory.protocol.access_tokens import TokenIssuer
from grantory.protocol.grants.decision import Decision

T = TypeVar("T")


class TracedStore:
    """Implements ``Store`` by another one, which does the work."""

    def __init__(self, store: Store, tracing: Tracing) -> None:
        self._store = store
        self._tracing = tracing

    async def read(self, work: Callable[[Snapshot], T]) -> T:
        """Runs a short look-up."""
        with self._tracing.span("store read"):
            return await self._store.read(work)

    async def scan(self, work: Callable[[Snapshot], T]) -> T:
        """Runs a long read."""
        with self._tracing.span("store scan"):
            return await self._store.scan(work)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Runs a change."""
        with self._tracing.span("store write"):
            return await self._store.write(work)

    async def require_answer(self) -> None:
        """Asks for a sign of life."""
        await self._store.require_answer()


class TracedIssuer:
    """Implements ``TokenIssuer`` by another one."""

    def __init__(self, issuer: TokenIssuer, tracing: Tracing) -> None:
        self._issuer = issuer
        self._tracing = tracing

    async def make_ready(self, record: ClientRecord) -> bytes:
        """Has at hand what a token takes."""
        return await self._issuer.make_ready(record)

    async def issue(self, record: ClientRecord, decision: Decision) -> tuple[str, int]:
        """Issues a token."""
        with self._tracing.span("token issue"):
            return await self._issuer.issue(record, decision)
