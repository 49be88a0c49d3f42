"""Refused token requests in the store. Days and hours are given by their first millisecond."""

from typing import Protocol

from grantory.domain.refusal import Counter, Refusal


class RefusalReader(Protocol):
    """Reads what was refused."""

    def newest(self, organization_id: str, limit: int) -> list[Refusal]:
        """Returns the newest of an organisation's refusals that were kept, newest first."""
        ...

    def counted(self, organization_id: str, since: int) -> dict[Counter, int]:
        """Returns how many refusals of an organisation were not kept.

        Args:
            organization_id: whose; empty for those that concern no known client.
            since: the first hour.
        """
        ...


class RefusalWriter(RefusalReader, Protocol):
    """Records what was refused, within bounds that its user sees to."""

    def lock(self) -> None:
        """Waits until nobody else records, so that bounds which are looked at now hold."""
        ...

    def add(self, refusal: Refusal) -> None:
        """Keeps a refusal; one that is there already stays as it is."""
        ...

    def raise_counter(self, counter: Counter, by: int) -> bool:
        """Raises a counter; tells whether it was there."""
        ...

    def add_counter(self, counter: Counter, value: int) -> None:
        """Begins a counter."""
        ...

    def kept_by_client(self, organization_id: str, begin: int, end: int) -> dict[str, int]:
        """Counts the refusals of an organisation's clients that were kept in a span of time."""
        ...

    def kept(self, begin: int, end: int) -> int:
        """Counts the refusals of all organisations that were kept in a span of time."""
        ...

    def counters_of(self, organization_id: str, begin: int, end: int) -> int:
        """Counts an organisation's counters in a span of time."""
        ...

    def counters(self, begin: int, end: int) -> int:
        """Counts the counters of all organisations in a span of time."""
        ...
