"""Lists of an organisation's clients: any page in any order, however many clients there are.

A client is put into the lists a moment after it was made or changed. Until then it is
*unlisted*, and whoever reads a list looks at the few such clients besides.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec

from grantory.ports.clients import ClientFilter

UNNUMBERED = -1


class ClientSort(StrEnum):
    """What a list is in order of; ids decide among equals."""

    NAME = "name"
    """In any case, as ``str.casefold`` has it."""
    CREATED = "created"
    MODIFIED = "modified"
    ID = "id"

    @property
    def may_move(self) -> bool:
        """Whether a client may come to stand elsewhere in it."""
        return self in (ClientSort.NAME, ClientSort.MODIFIED)


class ClientOrder(NamedTuple):
    """An order, and in which direction it is gone through."""

    sort: ClientSort = ClientSort.CREATED
    descending: bool = False


class Place(NamedTuple):
    """Where a client stands in an order."""

    at: str | int
    client_id: str


class ListEntry(msgspec.Struct, frozen=True):
    """What a list knows of a client.

    Attributes:
        client_id: the client.
        number: what it keeps while it is in the list; negative where it is not in it yet.
        name_key: its name as ``str.casefold`` has it.
        created_at: milliseconds since 1970.
        modified_at: the same.
        grant_type: as the store has it.
        state: the same.
    """

    client_id: str
    number: int
    name_key: str
    created_at: int
    modified_at: int
    grant_type: str
    state: str

    def place(self, sort: ClientSort) -> Place:
        """Tells where it stands in an order."""
        match sort:
            case ClientSort.NAME:
                return Place(self.name_key, self.client_id)
            case ClientSort.CREATED:
                return Place(self.created_at, self.client_id)
            case ClientSort.MODIFIED:
                return Place(self.modified_at, self.client_id)
            case ClientSort.ID:
                return Place(self.client_id, self.client_id)

    def fits(self, wanted: ClientFilter) -> bool:
        """Tells whether it is one of those."""
        return (
            (wanted.grant_type is None or wanted.grant_type.value == self.grant_type)
            and (wanted.state is None or wanted.state.value == self.state)
            and wanted.name.casefold() in self.name_key
        )


class Unlisted(NamedTuple):
    """The clients that were made, changed or deleted since the list was brought up to date."""

    client_ids: frozenset[str]
    """Of all of them: what the list says of these is old."""
    entries: Sequence[ListEntry]
    """Those that are there, as they are now."""


class ClientListReader(Protocol):
    """Reads lists. Every method takes the id of the organisation whose list it is.

    Each of them raises ``StorageUnavailable`` while too many clients are unlisted.
    """

    def page(
        self,
        organization_id: str,
        wanted: ClientFilter,
        order: ClientOrder,
        offset: int,
        limit: int,
    ) -> tuple[list[str], int]:
        """Returns the ids of one page of those that fit, and how many fit in all."""
        ...

    def after(
        self, organization_id: str, order: ClientOrder, place: Place | None, limit: int
    ) -> list[ListEntry]:
        """Returns entries that follow a place, as the list has them; None for its beginning."""
        ...

    def numbered(self, organization_id: str, number: int, limit: int) -> list[ListEntry]:
        """Returns entries whose number is greater, in the order of numbers."""
        ...

    def unlisted(self, organization_id: str) -> Unlisted:
        """Returns the clients that are unlisted."""
        ...

    def behind(self, most: int) -> int:
        """Tells how many marks there are, of all organisations; no more than ``most``."""
        ...


class ClientListWriter(ClientListReader, Protocol):
    """Brings lists up to date."""

    def catch_up(self, limit: int) -> int:
        """Puts unlisted clients of one organisation into its list.

        Args:
            limit: how many, at most.

        Returns:
            How many marks were dealt with; nothing where no client is unlisted.
        """
        ...
