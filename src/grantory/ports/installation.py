"""The one row that says that a store is set up, and under which master key."""

from typing import Protocol


class InstallationReader(Protocol):
    """Looks at the set-up."""

    def master_key_check(self) -> bytes | None:
        """Returns the check value of the master key; None while nothing is set up."""
        ...


class InstallationWriter(InstallationReader, Protocol):
    """Sets a store up."""

    def set_up(self, master_key_check: bytes, created_at: int) -> None:
        """Records the set-up.

        Raises:
            Conflict: when it was set up already.
        """
        ...
