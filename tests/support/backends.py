"""Every storage backend there is: a new one is added here, and passes the contract tests."""

from pathlib import Path
from typing import Protocol

from grantory.ports.runtime import Clock
from grantory.ports.storage import Store
from grantory.storage.change_feed import ChangeFeed
from grantory.storage.sqlite import schema
from grantory.storage.sqlite.store import SqliteStore


class OpenStore(Store, ChangeFeed, Protocol):
    """A store with its change feed, as one process opens it."""

    def close(self) -> None:
        """Finish waiting writes and let go."""
        ...


class Backend(Protocol):
    """One database with the newest tables, to be opened as often as a test likes."""

    def open(self, clock: Clock) -> OpenStore:
        """Open the database, as a process does when it starts."""
        ...


class SqliteBackend:
    """A file."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "grantory.db"
        schema.upgrade(self.file)

    def open(self, clock: Clock) -> OpenStore:
        """Open the file."""
        return SqliteStore(self.file, clock)


BACKENDS = {"sqlite": SqliteBackend}
