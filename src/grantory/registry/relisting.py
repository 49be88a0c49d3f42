"""Whether lists of clients are right, and making them anew where they are not."""

from collections.abc import Callable
from typing import Final

from grantory.ports.runtime import Clock
from grantory.ports.storage import Snapshot, Store, Transaction
from grantory.registry.list_keeper import ListKeeper

ROWS_AT_ONCE: Final = 1_000


async def list_faults(store: Store) -> list[str]:
    """Compares every organisation's list with its clients; says in what they differ."""
    organizations = await store.read(lambda snapshot: snapshot.organizations.all())
    found: list[str] = []
    for organization in organizations:
        found += await store.scan(_faults_of(organization.id))
    return found


class Relisting:
    """Makes all lists anew; others may go on meanwhile.

    Args:
        store: the store, which lets a transaction take long.
        clock: measures how long a step takes.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._keeper = ListKeeper(store, clock)

    async def run(self, told: Callable[[int], None]) -> int:
        """Does so; returns how many clients were put into lists.

        Args:
            told: takes how many there were so far.
        """
        for organization in await self._store.read(lambda s: s.organizations.all()):
            await self._store.write(_begin_anew(organization.id))
        done = await self._keeper.finish(told)
        while await self._store.write(lambda t: t.client_lists.sweep(ROWS_AT_ONCE)):
            pass
        return done


def _faults_of(organization_id: str) -> Callable[[Snapshot], list[str]]:
    return lambda snapshot: snapshot.client_lists.faults(organization_id)


def _begin_anew(organization_id: str) -> Callable[[Transaction], bool]:
    return lambda transaction: transaction.client_lists.begin_anew(organization_id)
