"""How much of what was refused goes into the store, whoever refuses it and however many do.

The bounds hold exactly: they are looked at in the transaction that writes, one at a time. What is
beyond them is counted by fewer words, in the end by hour and reason alone.
"""

from typing import Final

from grantory.domain.refusal import Counter, counter_of
from grantory.ports.refusals import RefusalWriter
from grantory.ports.storage import Transaction
from grantory.registry.gathered_refusals import Batch

DAY_MS: Final = 86_400_000
KEPT_OF_CLIENT: Final = 100
KEPT_OF_ORGANIZATION: Final = 1_000
KEPT_OF_ALL: Final = 10_000
"""Refusals that are kept whole in a day (UTC)."""
COUNTERS_OF_ORGANIZATION: Final = 2_000
COUNTERS_OF_ALL: Final = 20_000
"""Counters that are begun in a day, but for those of nobody: one for each hour and reason."""


def record(transaction: Transaction, batch: Batch) -> None:
    """Writes a batch, as far as the bounds allow.

    Args:
        transaction: one of its own.
        batch: of known clients, or of nobody.
    """
    refusals = transaction.refusals
    refusals.lock()
    counted = dict(batch.counted)
    room = _Room(refusals)
    for refusal in batch.kept:
        if room.take(refusal.organization_id, refusal.client_id, refusal.at):
            refusals.add(refusal)
        else:
            counter = counter_of(refusal)
            counted[counter] = counted.get(counter, 0) + 1
    counters = _Counters(refusals)
    for counter, number in counted.items():
        counters.count(counter, number)


class _Room:
    """What may still be kept, by organisation and day, as far as a batch asks for it."""

    def __init__(self, refusals: RefusalWriter) -> None:
        self._refusals = refusals
        self._by_client: dict[tuple[str, int], dict[str, int]] = {}
        self._all: dict[int, int] = {}

    def take(self, organization_id: str, client_id: str, at: int) -> bool:
        """Tells whether there is room for one more, and takes it."""
        begin = at - at % DAY_MS
        end = begin + DAY_MS
        place = organization_id, begin
        if place not in self._by_client:
            self._by_client[place] = self._refusals.kept_by_client(organization_id, begin, end)
        if begin not in self._all:
            self._all[begin] = self._refusals.kept(begin, end)
        by_client = self._by_client[place]
        if (
            by_client.get(client_id, 0) >= KEPT_OF_CLIENT
            or sum(by_client.values()) >= KEPT_OF_ORGANIZATION
            or self._all[begin] >= KEPT_OF_ALL
        ):
            return False
        by_client[client_id] = by_client.get(client_id, 0) + 1
        self._all[begin] += 1
        return True


class _Counters:
    """Counters, and how many more may be begun, by organisation and day."""

    def __init__(self, refusals: RefusalWriter) -> None:
        self._refusals = refusals
        self._of_organization: dict[tuple[str, int], int] = {}
        self._of_all: dict[int, int] = {}

    def count(self, counter: Counter, number: int) -> None:
        """Counts some refusals by as much as there is room to tell of them."""
        of_organization = counter._replace(client_id="")
        of_nobody = of_organization._replace(organization_id="")
        for wider in dict.fromkeys((counter, of_organization, of_nobody)):
            if self._refusals.raise_counter(wider, number):
                return
            if self._take(wider):
                self._refusals.add_counter(wider, number)
                return

    def _take(self, counter: Counter) -> bool:
        if not counter.organization_id:
            return True
        begin = counter.hour - counter.hour % DAY_MS
        end = begin + DAY_MS
        place = counter.organization_id, begin
        if begin not in self._of_all:
            self._of_all[begin] = self._refusals.counters(begin, end)
        if place not in self._of_organization:
            self._of_organization[place] = self._refusals.counters_of(*place, end)
        is_full = self._of_organization[place] >= COUNTERS_OF_ORGANIZATION
        if self._of_all[begin] >= COUNTERS_OF_ALL or (is_full and counter.client_id):
            return False
        self._of_all[begin] += 1
        self._of_organization[place] += 1
        return True
