"""How a cache hears of changes, exactly."""

from typing import NamedTuple, Protocol


class Changes(NamedTuple):
    """What was changed up to a change number; None where the record no longer reaches back."""

    number: int
    entities: list[tuple[str, str]] | None
    """Kind and id of each."""


class ChangeFeed(Protocol):
    """The record of changes that each transaction writes."""

    def may_have_changed(self) -> bool:
        """Tells, cheaply, whether anything was committed since the last call."""
        ...

    def changes_since(self, number: int) -> Changes:
        """Lists what was changed after a change number."""
        ...
