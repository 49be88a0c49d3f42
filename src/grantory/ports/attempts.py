"""Who has tried too often."""

from typing import Protocol


class AttemptThrottle(Protocol):
    """Counts what somebody tries who may be guessing; of a bounded size."""

    def wait_seconds(self, subject: str, address: str, /) -> int | None:
        """Returns whole seconds for which a subject at an address must wait; None for none."""
        ...

    def failed(self, subject: str, address: str, /) -> None:
        """Counts an attempt."""
        ...
