"""What finds parts of clients' names: made chunk by chunk, in steps that are short each."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Protocol


class IndexTask(StrEnum):
    """What is to be done with a chunk of names."""

    SEAL = "seal"
    """It is full: what finds its names is to be written."""
    KEEP = "keep"
    """Some have left it, and enough are there still."""
    GIVE_UP = "give up"
    """Few are there still: they go elsewhere, and what finds them is removed."""


class IndexWork(NamedTuple):
    """What is to be done next."""

    task: IndexTask
    organization_id: str
    list_id: int
    chunk: int
    grams: Sequence[str] = ()
    slots: Sequence[bytes] = ()
    """Of each of the grams, where one is to be written."""
    is_indexed: bool = True
    """Whether grams find its names, or there would be too many of them."""


class NameIndexReader(Protocol):
    """Tells what there is to do."""

    def next_unfinished(self, after: str) -> str | None:
        """Returns the next organisation with work to do, in the order of ids."""
        ...

    def next_work(self, organization_id: str) -> IndexWork | None:
        """Finds an organisation's next work. May look at some thousand names."""
        ...


class NameIndexWriter(NameIndexReader, Protocol):
    """Does it."""

    def advance(self, work: IndexWork, begin: int, limit: int) -> int | None:
        """Does a part of the work; broken off anywhere, it may begin again.

        Args:
            work: as it was found.
            begin: nought, then what the last call returned.
            limit: how many rows, about.

        Returns:
            Where to go on; None where it is done, or another was faster.
        """
        ...
