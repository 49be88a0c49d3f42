"""Lists of an organisation's clients: any page in any order, however many clients there are.

A client is put into the lists a moment after it was made or changed. Until then it is
*unlisted*, and whoever reads a list looks at the few such clients besides.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec

from grantory.errors import GrantoryError
from grantory.ports.clients import ClientFilter, ClientPosition

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

    list_id: int
    """Which list it is; another one where it was made anew meanwhile, with other numbers."""
    client_ids: frozenset[str]
    """Of all of them: what the list says of these is old."""
    entries: Sequence[ListEntry]
    """Those that are there, as they are now."""


class ListLags(GrantoryError):
    """More clients are unlisted than whoever asked was ready to look at."""


class Marked(NamedTuple):
    """An organisation with unlisted clients."""

    organization_id: str
    oldest: int
    """Its first mark."""


class Rest(NamedTuple):
    """The clients of an organisation that are still to be marked, of a list that was given up."""

    mark: int
    """What stands for them."""
    organization_id: str
    after: ClientPosition
    """They are those that follow it, by when they were made."""


class Folded(NamedTuple):
    """What was done of an organisation's marks."""

    marks: int
    """How many; nothing where there were none."""
    last: int
    """The last of them; marks are numbered by and large in the order in which they were made."""
    has_work: bool
    """Whether its index of names has work to do."""


class ClientListReader(Protocol):
    """Reads lists. Every method takes the id of the organisation whose list it is.

    Those that give clients raise ``ListBeingMade`` while very many are unlisted, or not all that
    are have marks yet.
    """

    def page(
        self,
        organization_id: str,
        wanted: ClientFilter,
        order: ClientOrder,
        offset: int,
        limit: int,
        most_unlisted: int | None = None,
    ) -> tuple[list[str], int]:
        """Returns the ids of one page of those that fit, and how many fit in all.

        Raises:
            ListLags: when there are more marks than ``most_unlisted``.
        """
        ...

    def after(
        self,
        organization_id: str,
        list_id: int,
        order: ClientOrder,
        place: Place | None,
        limit: int,
    ) -> list[ListEntry]:
        """Returns entries that follow a place, as the list has them; None for its beginning.

        Raises:
            StorageUnavailable: when it is not that list any more.
        """
        ...

    def numbered(
        self, organization_id: str, list_id: int, number: int, limit: int
    ) -> list[ListEntry]:
        """Returns entries whose number is greater, in the order of numbers.

        Raises:
            StorageUnavailable: when it is not that list any more.
        """
        ...

    def unlisted(self, organization_id: str) -> Unlisted:
        """Returns the clients that are unlisted."""
        ...

    def behind(self, most: int) -> int:
        """Tells how many marks there are, of all organisations; no more than ``most``."""
        ...

    def newest_mark(self) -> int:
        """Returns the newest mark, of whatever organisation; nought where there is none."""
        ...

    def oldest_mark(self) -> tuple[int, str] | None:
        """Returns the oldest mark, of whatever organisation, and its client; None for none.

        Once there is none, numbers begin anew on SQLite: only with its client is it the same.
        """
        ...

    def next_marked(self, after: str) -> Marked | None:
        """Returns the next organisation with marks, in the order of ids; None after the last."""
        ...

    def rest(self) -> Rest | None:
        """Finds clients that are still to be marked, of whatever organisation."""
        ...

    def has_given_up(self) -> bool:
        """Tells whether there is anything left for ``sweep``."""
        ...

    def prepare(self, organization_id: str) -> None:
        """Reads ahead what ``catch_up`` will need, so that its transaction is short."""
        ...

    def faults(self, organization_id: str) -> list[str]:
        """Compares a list with the clients; says in what they differ. Takes long."""
        ...


class ClientListWriter(ClientListReader, Protocol):
    """Brings lists up to date."""

    def catch_up(
        self, organization_id: str, limit: int, after: int = 0, upto: int | None = None
    ) -> Folded:
        """Puts unlisted clients of an organisation into its list.

        Args:
            organization_id: whose.
            limit: how many marks, at most.
            after: only later ones than this.
            upto: only this and earlier ones; by default all.
        """
        ...

    def begin_anew(self, organization_id: str) -> bool:
        """Gives a list up and marks its clients; tells whether there was a list.

        Of very many it marks the first, and leaves a mark that stands for the rest. What the list
        was made of stays until ``sweep`` removes it.
        """
        ...

    def mark_more(self, rest: Rest) -> bool:
        """Marks some thousand of the rest; tells whether another has not done so meanwhile.

        ``catch_up`` does it as well where it comes to the mark that stands for them.
        """
        ...

    def sweep(self, limit: int) -> int:
        """Removes some rows of lists that were given up; returns how many."""
        ...
