"""The one row that says that a store is set up, and under which master key."""

from typing import Protocol


class InstallationReader(Protocol):
    """Looks at the set-up."""

    def master_key_check(self) -> bytes | None:
        """Returns the check value of the master key; None while nothing is set up."""
        ...


class InstallationWriter(InstallationReader, Protocol):
    """Sets a store up, and changes what holds for all of it."""

    def set_up(self, master_key_check: bytes, created_at: int) -> None:
        """Records the set-up.

        Raises:
            Conflict: when it was set up already.
        """
        ...

    def lock(self) -> bytes | None:
        """Keeps other changes of keys waiting until the end of the transaction.

        Returns:
            The check value of the master key; None while nothing is set up.
        """
        ...

    def replace_master_key_check(self, master_key_check: bytes) -> None:
        """Records that the keys are now sealed under another master key."""
        ...

    def outdate_memories(self) -> None:
        """Makes every process forget all that it remembers of the store.

        For a store that may have lost changes which a process has heard of.
        """
        ...
