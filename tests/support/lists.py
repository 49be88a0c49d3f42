"""Bringing lists of clients up to date by hand, in transactions of a chosen size."""

from functools import partial

from grantory.ports.client_lists import Folded
from grantory.ports.name_index import IndexWork
from grantory.ports.storage import Snapshot, Transaction
from grantory.storage.database import OpenStore


async def fold(store: OpenStore, organization_id: str, limit: int) -> Folded:
    """Put some of an organisation's clients into its list."""
    return await store.write(lambda t: t.client_lists.catch_up(organization_id, limit))


async def do_work(store: OpenStore, organization_id: str, rows: int) -> None:
    """Do all work of an organisation's index of names."""

    def find(snapshot: Snapshot) -> IndexWork | None:
        return snapshot.name_index.next_work(organization_id)

    def advance(work: IndexWork, begin: int, transaction: Transaction) -> int | None:
        return transaction.name_index.advance(work, begin, rows)

    while (work := await store.scan(find)) is not None:
        place: int | None = 0
        while place is not None:
            place = await store.write(partial(advance, work, place))


async def catch_up(store: OpenStore, limit: int = 1_000, rows: int = 1_000) -> int:
    """Bring every list and every index up to date; return how many marks there were.

    Args:
        store: where.
        limit: marks of one transaction.
        rows: rows of an index in one transaction.
    """
    done, organization_id = 0, ""

    def following(snapshot: Snapshot) -> str | None:
        found = snapshot.client_lists.next_marked(organization_id)
        return None if found is None else found.organization_id

    while (found := await store.read(following)) is not None:
        organization_id = found
        while (folded := await fold(store, organization_id, limit)).marks:
            done += folded.marks
            await do_work(store, organization_id, rows)
    return done
